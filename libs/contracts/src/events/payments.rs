//! From payments.

use serde::{Deserialize, Serialize};
use souk_kernel::{Currency, OrderId, PaymentId, RefundId, Timestamp};

use super::event;

/// The provider holds the money.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PaymentCompleted {
    pub payment_id: PaymentId,
    pub order_id: OrderId,
    pub amount: i64,
    pub currency: Currency,
    pub completed_at: Timestamp,
}
event!(PaymentCompleted, "payment.completed", |event| event.order_id);

/// The payment will not come: declined, cancelled or expired at the provider.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PaymentFailed {
    pub payment_id: PaymentId,
    pub order_id: OrderId,
    pub reason: String,
}
event!(PaymentFailed, "payment.failed", |event| event.order_id);

/// The provider gave money back.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PaymentRefunded {
    pub payment_id: PaymentId,
    pub order_id: OrderId,
    pub refund_id: RefundId,
    /// Of this refund.
    pub amount: i64,
    pub currency: Currency,
    /// Of all refunds of the payment so far.
    pub refunded_amount: i64,
    /// Whether nothing is left.
    pub full: bool,
}
event!(PaymentRefunded, "payment.refunded", |event| event.order_id);
