//! The events that payments consumes: deliveries from orders, and its own.

use souk_contracts::events::OrderDelivered;
use souk_platform::events::{Consumers, Delivery};

use crate::{
    app::AppState,
    error::Error,
    events::{RefundRequested, ReleaseDue, SandboxPaymentDue, WebhookReceived},
    operations::{
        apply_word::{Trigger, apply_word},
        play_sandbox::finish_delayed,
        release_funds::{release_funds, schedule_release},
        settle_refund::settle_refund,
    },
};

/// A provider that is down for longer than these tries take is left to reconciliation, which never gives up.
const QUICK_TRIES: u32 = 6;

pub fn consumers(app: &AppState) -> Consumers {
    Consumers::new("payments")
        .on(app.clone(), on_webhook_received)
        .on(app.clone(), on_refund_requested)
        .on(app.clone(), on_order_delivered)
        .on(app.clone(), on_release_due)
        .on(app.clone(), on_sandbox_payment_due)
}

async fn on_webhook_received(app: AppState, delivery: Delivery<WebhookReceived>) -> Result<(), Error> {
    let WebhookReceived { webhook_id, payment_id, word } = delivery.event;
    apply_word(&app, payment_id, word, Trigger::Webhook { webhook: webhook_id, receipt: delivery.receipt }).await
}

async fn on_refund_requested(app: AppState, delivery: Delivery<RefundRequested>) -> Result<(), Error> {
    match settle_refund(&app, delivery.event.refund_id, Some(delivery.receipt)).await {
        Err(Error::Provider(_)) if delivery.attempt >= QUICK_TRIES => Ok(()),
        result => result,
    }
}

async fn on_order_delivered(app: AppState, delivery: Delivery<OrderDelivered>) -> Result<(), Error> {
    schedule_release(&app, delivery.event, delivery.receipt).await
}

async fn on_release_due(app: AppState, delivery: Delivery<ReleaseDue>) -> Result<(), Error> {
    release_funds(&app, delivery.event, delivery.receipt).await
}

async fn on_sandbox_payment_due(app: AppState, delivery: Delivery<SandboxPaymentDue>) -> Result<(), Error> {
    finish_delayed(&app, delivery.event.payment_id).await
}
