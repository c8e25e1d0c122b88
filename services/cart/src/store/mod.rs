//! The tables of cart and the queries on them.

mod carts;
mod entities;
mod migrations;

pub use carts::*;
pub use entities::{cart, cart_item};
pub use migrations::Migrator;
