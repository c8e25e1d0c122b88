//! Bringing in products and stock from files.

mod convert;
pub mod mapping;
mod outcome;
pub mod products;
mod progress;
mod reader;
mod refused;
pub mod stock;

pub use outcome::{ImportError, Summary};
pub use progress::Progress;
