//! The whole service, without its HTTP edge being logged in to, against everything that can come late, twice, at once or
//! not at all.

mod http;
mod payments;
mod refunds;
mod shop;
mod verify;

pub use shop::Shop;
use shop::{new_payment, portion};
