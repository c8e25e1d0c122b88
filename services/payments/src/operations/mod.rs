//! Everything that changes something, one file each: load, decide in `domain`, store and publish in one transaction.

pub mod accept_webhook;
pub mod apply_word;
pub mod cancel_payment;
pub mod capture_payment;
pub mod change_rules;
pub mod create_payment;
pub mod pay_out;
pub mod play_sandbox;
pub mod reconcile;
pub mod refresh_payment;
pub mod release_funds;
pub mod request_refund;
pub mod settle_refund;
