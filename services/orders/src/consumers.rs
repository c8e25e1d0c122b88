//! The events that this service takes, its own timers among them. Each calls one operation.

use std::sync::Arc;

use souk_contracts::events::{PaymentCompleted, PaymentFailed, PaymentRefunded, UserDeleted};
use souk_platform::events::{Consumers, Delivery};

use crate::{
    NAME,
    app::AppState,
    error::Error,
    events::{Abandon, Expire, Forget, PartDue, Refund, ReturnApproved, Undo},
    operations::{self, Paid},
};

pub fn consumers(app: &AppState) -> Consumers {
    let app = || Arc::clone(app);
    Consumers::new(NAME)
        .on(app(), payment_completed)
        .on(app(), payment_failed)
        .on(app(), payment_refunded)
        .on(app(), user_deleted)
        .on(app(), expire)
        .on(app(), undo)
        .on(app(), refund)
        .on(app(), abandon)
        .on(app(), part_due)
        .on(app(), return_approved)
        .on(app(), forget)
}

async fn payment_completed(app: AppState, delivery: Delivery<PaymentCompleted>) -> Result<(), Error> {
    let PaymentCompleted { payment_id, order_id, amount, currency, .. } = delivery.event;
    let paid = Paid { order_id, payment_id: Some(payment_id), amount, currency };
    operations::complete_order(&app, &paid, Some(delivery.receipt)).await
}

async fn payment_failed(app: AppState, delivery: Delivery<PaymentFailed>) -> Result<(), Error> {
    operations::note_failed_payment(&app, delivery.event, delivery.receipt).await
}

async fn payment_refunded(app: AppState, delivery: Delivery<PaymentRefunded>) -> Result<(), Error> {
    operations::note_refund(&app, delivery.event, delivery.receipt).await
}

async fn user_deleted(app: AppState, delivery: Delivery<UserDeleted>) -> Result<(), Error> {
    operations::forget_user(&app, delivery.event.user_id, delivery.receipt).await
}

async fn expire(app: AppState, delivery: Delivery<Expire>) -> Result<(), Error> {
    operations::expire_order(&app, delivery.event.order_id).await
}

async fn undo(app: AppState, delivery: Delivery<Undo>) -> Result<(), Error> {
    operations::undo_order(&app, delivery.event.order_id, delivery.receipt.event_id).await
}

async fn refund(app: AppState, delivery: Delivery<Refund>) -> Result<(), Error> {
    operations::refund_payment(&app, &delivery.event).await
}

async fn abandon(app: AppState, delivery: Delivery<Abandon>) -> Result<(), Error> {
    operations::abandon_payment(&app, delivery.event.payment_id).await
}

async fn part_due(app: AppState, delivery: Delivery<PartDue>) -> Result<(), Error> {
    operations::complete_part(&app, delivery.event.order_id, delivery.event.seller_order_id).await
}

async fn return_approved(app: AppState, delivery: Delivery<ReturnApproved>) -> Result<(), Error> {
    operations::carry_out_return(&app, delivery.event.return_id).await
}

async fn forget(app: AppState, delivery: Delivery<Forget>) -> Result<(), Error> {
    operations::forget_user(&app, delivery.event.user_id, delivery.receipt).await
}
