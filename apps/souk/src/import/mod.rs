//! Bringing in products and stock from files.

mod convert;
pub mod mapping;
pub mod products;
mod progress;
mod reader;
mod refused;
pub mod stock;

pub use progress::Progress;
