//! Calling an order off before it is shipped, and hiding one that is over.

use sea_orm::ActiveValue::Set;
use souk_contracts::events::OrderCancelled;
use souk_kernel::{Actor, OrderId};

use super::until_won;
use crate::{
    app::App,
    domain::{Ending, OrderStatus, PartStatus, PaymentStatus, Refusal, Step},
    error::Error,
    events::{Refund, Undo},
    store::{self, Entry, Order, Scope, orders, parts},
};

/// Cancels the order. What it holds is given back and what was paid is refunded, in the background and until it is done.
/// Cancelling a cancelled order changes nothing.
pub async fn cancel_order(app: &App, id: OrderId, scope: &Scope, by: Actor) -> Result<(), Error> {
    let _turn = app.locks.enter(id).await;
    until_won(|| async {
        let order = store::load_in(app.db.reader(), id, scope).await?.ok_or(Error::NotFound("order"))?;
        if order.row.ending == Some(Ending::Cancelled) {
            return Ok(());
        }
        write(app, order, by, false).await
    })
    .await
}

/// Hides an order that is unpaid or over from its buyer; an unpaid one is cancelled.
pub async fn hide_order(app: &App, id: OrderId, scope: &Scope, by: Actor) -> Result<(), Error> {
    let _turn = app.locks.enter(id).await;
    until_won(|| async {
        let order = store::load_in(app.db.reader(), id, scope).await?.ok_or(Error::NotFound("order"))?;
        match order.row.status {
            OrderStatus::Queued | OrderStatus::PendingPayment | OrderStatus::PaymentFailed => {
                write(app, order, by, true).await
            }
            status if status.is_ended() => hide(app, &order).await,
            _ => Err(Refusal::StillLive.into()),
        }
    })
    .await
}

async fn hide(app: &App, order: &Order) -> Result<(), Error> {
    let (id, seen) = (order.row.id, order.row.version);
    let change = orders::ActiveModel { hidden: Set(true), ..Default::default() };
    app.write(id, move |tx| async move { Ok(orders::update(&tx, id, seen, tx.now(), change).await??) }).await
}

async fn write(app: &App, order: Order, by: Actor, hidden: bool) -> Result<(), Error> {
    let lifecycle = order.lifecycle().cancel()?;
    let row = &order.row;
    let (id, seen) = (row.id, row.version);
    let paid = row.payment_id.filter(|_| row.payment_status.is_some_and(PaymentStatus::was_paid));
    let reason = match by {
        Actor::Buyer(_) => "cancelled_by_buyer",
        _ => "cancelled_by_operator",
    };
    let change = orders::ActiveModel {
        step: Set(Step::Done),
        expires_at: Set(None),
        live_cart_id: Set(None),
        reason: Set(Some(reason.to_owned())),
        hidden: if hidden { Set(true) } else { sea_orm::ActiveValue::NotSet },
        ..orders::change(&lifecycle)
    };
    let entry = Entry::order(lifecycle.status(), by, reason);
    let status = lifecycle.status().as_str().to_owned();
    let snapshot = app.snapshot(&order);
    app.write(id, move |tx| async move {
        orders::update(&tx, id, seen, tx.now(), change).await??;
        parts::set_all(&tx, id, PartStatus::Cancelled);
        store::history::write(&tx, id, tx.now(), [entry]);
        let refund = paid.is_some();
        tx.publish(OrderCancelled { order: snapshot, status, reason: reason.to_owned(), refund });
        if let Some(payment_id) = paid {
            tx.publish(Refund { order_id: id, payment_id, reason: reason.to_owned() });
        }
        tx.publish(Undo { order_id: id });
        Ok(())
    })
    .await
}
