//! The tables, one file each.

pub mod allocation;
pub mod commission_rule;
pub mod ledger_posting;
pub mod ledger_transaction;
pub mod payment;
pub mod payout;
pub mod refund;
pub mod refund_part;
pub mod sandbox_payment;
pub mod sandbox_refund;
pub mod webhook;
