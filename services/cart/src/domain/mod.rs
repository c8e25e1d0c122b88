//! What a cart is and what may happen to it.

mod cart;
mod merge;
mod owner;

pub use cart::{Cart, Line, Refusal, Seen, Status};
pub use merge::{merge, without_bought};
pub use owner::Owner;

/// The most lines that a cart may have.
pub const MOST_LINES: usize = 1_000;
/// The most units that a line may have.
pub const MOST_UNITS: i64 = 1_000_000;
/// The most that a cart may be worth, in the currency's smallest unit: sums of carts and orders stay far from an overflow.
pub const MOST_VALUE: i64 = 1_000_000_000_000_000;
