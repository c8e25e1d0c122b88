//! The program: command line, configuration and the composition root, the one place that knows in which shape services run.

pub mod certs;
pub mod cli;
pub mod commands;
pub mod config;
pub mod data_dir;
pub mod database;
mod databases;
mod demo;
mod engines;
pub mod import;
pub mod marketplace;
mod peers;
pub mod per_service;
pub mod roster;
mod services;
mod subscriptions;
pub mod verify;

pub use config::Config;
pub use data_dir::DataDir;
pub use databases::Databases;
pub use marketplace::{Marketplace, StartError};
pub use roster::Roster;
