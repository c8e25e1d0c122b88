//! Events that this service sends to itself: work to be done after a commit, and timers.

use serde::{Deserialize, Serialize};
use souk_contracts::events::Event;
use souk_kernel::{EventId, PaymentId, RefundId, SellerOrderId};

use crate::domain::payment::Word;

/// A provider's message was verified and stored, but could not be acted on at once; it waits for that.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct WebhookReceived {
    pub webhook_id: EventId,
    pub payment_id: PaymentId,
    pub word: Word,
}

impl Event for WebhookReceived {
    const TYPE: &'static str = "payments.webhook_received";
    fn key(&self) -> String {
        self.payment_id.to_string()
    }
}

/// A refund was set aside; the provider must be asked to give it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RefundRequested {
    pub refund_id: RefundId,
}

impl Event for RefundRequested {
    const TYPE: &'static str = "payments.refund_requested";
    fn key(&self) -> String {
        self.refund_id.to_string()
    }
}

/// The return window of a delivered seller order is over.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ReleaseDue {
    pub payment_id: PaymentId,
    pub seller_order_id: SellerOrderId,
}

impl Event for ReleaseDue {
    const TYPE: &'static str = "payments.release_due";
    fn key(&self) -> String {
        self.seller_order_id.to_string()
    }
}

/// The sandbox's "bank" has taken its time.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SandboxPaymentDue {
    pub payment_id: PaymentId,
}

impl Event for SandboxPaymentDue {
    const TYPE: &'static str = "payments.sandbox_payment_due";
    fn key(&self) -> String {
        self.payment_id.to_string()
    }
}
