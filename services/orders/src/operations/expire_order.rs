//! The time to pay is over.

use sea_orm::ActiveValue::Set;
use souk_contracts::{events::OrderCancelled, payments::GetPaymentRequest};
use souk_kernel::{Actor, OrderId};

use super::{
    complete_order::{Paid, complete_in_turn},
    until_won,
};
use crate::{
    app::App,
    domain::{OrderStatus, PartStatus, PaymentStatus, Step},
    error::Error,
    events::Undo,
    store::{self, Entry, Order, orders, parts},
};

/// Ends the order, unless it was paid or its time is not over yet.
pub async fn expire_order(app: &App, id: OrderId) -> Result<(), Error> {
    // Most timers ring for orders that were paid long ago: look before taking a turn.
    match orders::find(app.db.reader(), id).await? {
        Some(row) if is_due(app, &row) => {}
        _ => return Ok(()),
    }
    let _turn = app.locks.enter(id).await;
    let order = app.order(id).await?;
    if !is_due(app, &order.row) {
        return Ok(());
    }
    let told = give_up_payment(app, &order).await?;
    until_won(|| async {
        let order = app.order(id).await?;
        if !is_due(app, &order.row) {
            return Ok(());
        }
        write(app, &order, told).await
    })
    .await
}

fn is_due(app: &App, row: &orders::Model) -> bool {
    let waits = row.status.is_payable() || row.status == OrderStatus::Queued;
    waits && row.expires_at.is_some_and(|at| at <= app.now())
}

/// Gives up the open payment. If it was paid meanwhile, the order is completed instead. When payments does not answer the
/// order expires all the same: a payment that comes later revives it or goes back.
async fn give_up_payment(app: &App, order: &Order) -> Result<Option<PaymentStatus>, Error> {
    let Some(payment_id) = order.row.payment_id else { return Ok(None) };
    let request = GetPaymentRequest { payment_id: payment_id.to_string() };
    match app.payments.clone().cancel_payment(request).await {
        Ok(reply) => {
            let payment = reply.into_inner();
            let status = PaymentStatus::told(&payment.status);
            if status == PaymentStatus::Completed {
                complete_in_turn(app, &Paid::of(&payment)?, None).await?;
            }
            Ok(Some(status))
        }
        Err(status) => {
            tracing::warn!(order_id = %order.row.id, code = ?status.code(), "expired without giving up its payment");
            Ok(None)
        }
    }
}

async fn write(app: &App, order: &Order, told: Option<PaymentStatus>) -> Result<(), Error> {
    let mut lifecycle = order.lifecycle().expire()?;
    if let Some(told) = told.filter(|status| !status.was_paid()) {
        lifecycle.payment = Some(told);
    }
    let (id, seen, reason) = (order.row.id, order.row.version, "not_paid_in_time");
    let change = orders::ActiveModel {
        step: Set(Step::Done),
        expires_at: Set(None),
        live_cart_id: Set(None),
        reason: Set(Some(reason.to_owned())),
        ..orders::change(&lifecycle)
    };
    let entry = Entry::order(lifecycle.status(), Actor::System, reason);
    let status = lifecycle.status().as_str().to_owned();
    let snapshot = app.snapshot(order);
    app.write(id, move |tx| async move {
        orders::update(&tx, id, seen, tx.now(), change).await??;
        parts::set_all(&tx, id, PartStatus::Cancelled);
        store::history::write(&tx, id, tx.now(), [entry]);
        tx.publish(OrderCancelled { order: snapshot, status, reason: reason.to_owned(), refund: false });
        tx.publish(Undo { order_id: id });
        Ok(())
    })
    .await
}
