//! The rules: no async, no SQL, no HTTP, no clock.

pub mod commission;
pub mod ledger;
pub mod payment;
pub mod refund;
pub mod signature;
