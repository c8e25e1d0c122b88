//! The rules of orders. No I/O, no clock.

pub mod lifecycle;
pub mod lines;
pub mod number;
pub mod pricing;
pub mod returns;
pub mod status;

pub use lifecycle::{Lifecycle, PartEvent, Refusal};
pub use lines::{MAX_LINES, MAX_QUANTITY, RequestedLine, merged};
pub use status::{Ending, Fulfilment, OrderStatus, PartStatus, PaymentStatus, ReturnStatus, Step};
