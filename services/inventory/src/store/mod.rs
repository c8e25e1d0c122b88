//! The tables of inventory and the queries on them.

pub mod channels;
mod entities;
pub mod holds;
pub mod ledger;
mod migrations;
pub mod portable;
pub mod sources;
pub mod stock;

pub use entities::{
    channel, publication, reservation, restock, source, source_item, source_report, stock_event, stock_level,
};
pub use migrations::Migrator;

/// Rows written or keys looked up by one statement; keeps bound values below every database's limit.
pub const BATCH: usize = 1_000;
