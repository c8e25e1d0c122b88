//! Step 7: a payment is there. The one operation that the provider's word, the buyer's return, the timer and the
//! reconciliation all call, in any order and any number of times.

use sea_orm::ActiveValue::Set;
use souk_contracts::{
    events::{OrderCancelled, OrderConfirmed},
    inventory::{CommitRequest, Line, ReserveRequest},
    payments::Payment,
};
use souk_kernel::{Actor, Currency, OrderId, PaymentId};
use souk_platform::{db::Tx, events::Receipt};

use super::{open_payment::payment_of, price_order::no_longer_sellable, read, reject_order::thaw, until_won};
use crate::{
    app::App,
    config::after,
    domain::{Ending, OrderStatus, PartStatus, PaymentStatus, Step},
    error::Error,
    events::{Refund, Undo},
    store::{self, Entry, Order, orders, parts},
};

/// A payment that the provider took, or nothing where nothing was to pay.
#[derive(Clone, Copy, Debug)]
pub struct Paid {
    pub order_id: OrderId,
    pub payment_id: Option<PaymentId>,
    pub amount: i64,
    pub currency: Currency,
}

impl Paid {
    /// An order that costs nothing is paid.
    pub fn nothing(order_id: OrderId, currency: Currency) -> Self {
        Self { order_id, payment_id: None, amount: 0, currency }
    }

    /// A payment as payments tells it.
    pub fn of(payment: &Payment) -> Result<Self, Error> {
        Ok(Self {
            order_id: read("order_id", &payment.order_id)?,
            payment_id: Some(read("payment_id", &payment.payment_id)?),
            amount: payment.amount,
            currency: read("currency", &payment.currency)?,
        })
    }
}

/// Confirms the order that was paid; or gives the money back, if there is nothing left to sell for it.
pub async fn complete_order(app: &App, paid: &Paid, receipt: Option<Receipt>) -> Result<(), Error> {
    let _turn = app.locks.enter(paid.order_id).await;
    complete_in_turn(app, paid, receipt).await
}

/// As [`complete_order`], for a caller that has the turn.
pub async fn complete_in_turn(app: &App, paid: &Paid, receipt: Option<Receipt>) -> Result<(), Error> {
    until_won(|| async {
        let order = app.order(paid.order_id).await?;
        if !order.lifecycle().may_be_confirmed() {
            return too_late(app, order, paid, receipt).await;
        }
        if (paid.amount, paid.currency) != (order.row.total, order.row.currency) {
            // Payments lets no such payment pass; should one come, it goes back and the order goes on waiting.
            tracing::error!(order_id = %paid.order_id, payment_id = ?paid.payment_id, "a payment of another amount");
            return give_back(app, &order, paid, "amount_mismatch", receipt).await;
        }
        if let Some(reason) = no_longer_sellable(app, &order).await {
            return call_off(app, order, paid, &reason, receipt).await;
        }
        if !committed(app, &order).await? {
            return call_off(app, order, paid, "out_of_stock", receipt).await;
        }
        if order.row.status == OrderStatus::Expired && thaw(app, &order).await.is_err() {
            // It was bought after all, but the cart has been given back to its owner, or is about to be.
            tracing::warn!(order_id = %order.row.id, "the cart of a revived order could not be freed");
        }
        confirm(app, order, paid, receipt).await
    })
    .await
}

/// Makes the hold final; holds again first when it ran out. False when the units are gone.
async fn committed(app: &App, order: &Order) -> Result<bool, Error> {
    let order_id = order.row.id.to_string();
    if app.inventory.clone().commit(CommitRequest { order_id: order_id.clone() }).await?.into_inner().committed {
        return Ok(true);
    }
    let lines = order.lines.iter().map(|line| Line { sku_id: line.sku_id.to_string(), quantity: line.quantity });
    let expires_at_ms = after(app.now(), app.config.reservation_ttl).timestamp_millis();
    let request = ReserveRequest { order_id: order_id.clone(), lines: lines.collect(), expires_at_ms };
    if !app.inventory.clone().reserve(request).await?.into_inner().reserved {
        return Ok(false);
    }
    Ok(app.inventory.clone().commit(CommitRequest { order_id }).await?.into_inner().committed)
}

async fn confirm(app: &App, mut order: Order, paid: &Paid, receipt: Option<Receipt>) -> Result<(), Error> {
    let lifecycle = order.lifecycle().confirm()?;
    let (id, seen, by) = (order.row.id, order.row.version, by(receipt));
    let change = orders::ActiveModel {
        payment_id: Set(paid.payment_id),
        step: Set(Step::Done),
        expires_at: Set(None),
        reason: Set(None),
        ..orders::change(&lifecycle)
    };
    let note = if order.row.status == OrderStatus::Expired { "the payment came late, and was in time" } else { "" };
    let entry = Entry::order(lifecycle.status(), by, note);
    let unused = open_attempts(&order, paid);
    order.row.payment_id = paid.payment_id;
    let (snapshot, written) = (app.snapshot(&order), entry.clone());
    let work = move |tx: Tx| async move {
        if let Some(receipt) = receipt
            && !tx.accept(receipt).await?
        {
            return Ok(None);
        }
        orders::update(&tx, id, seen, tx.now(), change).await??;
        parts::set_all(&tx, id, PartStatus::Confirmed);
        store::history::write(&tx, id, tx.now(), [written]);
        tx.publish(OrderConfirmed { order: snapshot });
        for payment_id in unused {
            tx.publish(crate::events::Abandon { payment_id });
        }
        Ok(Some(tx.now()))
    };
    if let Some(now) = app.write(id, work).await? {
        metrics::counter!("souk_orders_confirmed_total").increment(1);
        order.row.version = seen + 1;
        order.parts.iter_mut().for_each(|part| part.status = PartStatus::Confirmed);
        order.history.push(entry.at(id, now));
        app.remember(order).await;
    }
    Ok(())
}

/// Payments of other attempts, which nobody should pay any more.
fn open_attempts(order: &Order, paid: &Paid) -> Vec<PaymentId> {
    let all = (1..=order.row.attempt).map(|attempt| payment_of(order.row.id, attempt));
    all.filter(|payment| Some(*payment) != paid.payment_id).collect()
}

/// The money came, but the goods can't be had: the order is called off and the money goes back.
async fn call_off(app: &App, order: Order, paid: &Paid, reason: &str, receipt: Option<Receipt>) -> Result<(), Error> {
    let lifecycle = order.lifecycle().pay_in_vain(Ending::Cancelled);
    let was_live = order.row.ending.is_none();
    let (id, seen, paid) = (order.row.id, order.row.version, *paid);
    let reason: String = reason.chars().take(100).collect();
    let change = orders::ActiveModel {
        payment_id: Set(paid.payment_id),
        step: Set(Step::Done),
        expires_at: Set(None),
        live_cart_id: Set(None),
        reason: Set(Some(reason.clone())),
        ..orders::change(&lifecycle)
    };
    let status = lifecycle.status();
    let entry = Entry::order(status, by(receipt), format!("paid in vain: {reason}"));
    let mut snapshot = app.snapshot(&order);
    snapshot.payment_id = paid.payment_id;
    app.write(id, move |tx| async move {
        if let Some(receipt) = receipt
            && !tx.accept(receipt).await?
        {
            return Ok(());
        }
        orders::update(&tx, id, seen, tx.now(), change).await??;
        parts::set_all(&tx, id, PartStatus::Cancelled);
        store::history::write(&tx, id, tx.now(), [entry]);
        if was_live {
            let status = status.as_str().to_owned();
            let refund = paid.payment_id.is_some();
            tx.publish(OrderCancelled { order: snapshot, status, reason: reason.clone(), refund });
        }
        if let Some(payment_id) = paid.payment_id {
            tx.publish(Refund { order_id: id, payment_id, reason });
        }
        tx.publish(Undo { order_id: id });
        Ok(())
    })
    .await
}

/// The order is not waiting for a payment: it has one already, or it has ended.
async fn too_late(app: &App, order: Order, paid: &Paid, receipt: Option<Receipt>) -> Result<(), Error> {
    let was_paid = order.row.payment_status.is_some_and(PaymentStatus::was_paid);
    match (order.row.status, was_paid) {
        // The one that was counted, told once more.
        (_, true) if order.row.payment_id == paid.payment_id => Ok(()),
        (_, true) => give_back(app, &order, paid, "paid_twice", receipt).await,
        (OrderStatus::Queued, false) => {
            tracing::error!(order_id = %order.row.id, "a payment came for an order that has no price");
            Err(Error::Conflict { code: "order_not_priced", message: "the order has no price yet" })
        }
        (_, false) => {
            let reason = order.row.reason.clone().unwrap_or_else(|| order.row.status.as_str().to_owned());
            call_off(app, order, paid, &reason, receipt).await
        }
    }
}

/// A payment that counts for nothing goes back; the order stays as it is.
async fn give_back(
    app: &App,
    order: &Order,
    paid: &Paid,
    reason: &'static str,
    receipt: Option<Receipt>,
) -> Result<(), Error> {
    let Some(payment_id) = paid.payment_id else { return Ok(()) };
    let (id, seen, status, by) = (order.row.id, order.row.version, order.row.status, by(receipt));
    let entry = Entry::order(status, by, format!("payment {payment_id} goes back: {reason}"));
    app.write(id, move |tx| async move {
        if let Some(receipt) = receipt
            && !tx.accept(receipt).await?
        {
            return Ok(());
        }
        orders::update(&tx, id, seen, tx.now(), orders::ActiveModel::default()).await??;
        store::history::write(&tx, id, tx.now(), [entry]);
        tx.publish(Refund { order_id: id, payment_id, reason: reason.to_owned() });
        Ok(())
    })
    .await
}

fn by(receipt: Option<Receipt>) -> Actor {
    if receipt.is_some() { Actor::Provider } else { Actor::System }
}
