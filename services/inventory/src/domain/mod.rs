//! Rules of stock: what may happen to a level, how holds live and end, how a batch of another system is judged.

pub mod channel;
pub mod level;
pub mod reservation;
pub mod signature;
pub mod source;
pub mod stock;

pub use level::{Level, Movement, MovementKind, Refusal};
pub use reservation::{Demand, Hold, HoldStatus, Standing, Step};
pub use stock::{Place, Stock, Totals};

/// The location that every SKU has; the only one for sellers who don't speak of locations.
pub const MAIN: &str = "main";
/// The most units that one location may hold.
pub const MOST_UNITS: i64 = 1_000_000_000;
/// The most units that one order line may ask for.
pub const MOST_PER_LINE: i64 = 1_000_000;
/// The most lines that one order may hold.
pub const MOST_LINES: usize = 1_000;
/// The most external systems that one seller may connect: each is work that goes on by itself.
pub const MOST_SOURCES: u64 = 50;
/// The most locations that one SKU may lie at.
pub const MOST_LOCATIONS: usize = 50;
