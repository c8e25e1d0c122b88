//! The program: command line, configuration and the composition root, the one place that knows in which shape services run.

pub mod cli;
pub mod commands;
pub mod config;
pub mod data_dir;
pub mod database;
mod demo;
pub mod import;
pub mod marketplace;
mod services;
pub mod verify;

pub use config::Config;
pub use data_dir::DataDir;
pub use marketplace::{Databases, Marketplace, StartError};
