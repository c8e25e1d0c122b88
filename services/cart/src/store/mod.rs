//! The tables of cart and the queries on them.

mod carts;
pub mod ended_orders;
mod entities;
mod migrations;

pub use carts::*;
pub use entities::{cart, cart_item, ended_order};
pub use migrations::Migrator;
