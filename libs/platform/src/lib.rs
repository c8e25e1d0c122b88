//! How every service runs: its database with outbox and inbox, events, calls, HTTP both ways, security, configuration, telemetry.

pub mod cache;
pub mod config;
pub mod context;
pub mod db;
pub mod discovery;
pub mod events;
pub mod files;
pub mod http;
pub mod invalidations;
pub mod listen;
pub mod outbound;
pub mod redis;
pub mod rpc;
pub mod security;
pub mod service;
pub mod skew;
pub mod telemetry;
pub mod tls;
pub mod verify;
