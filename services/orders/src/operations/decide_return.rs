//! A seller takes units back, or does not.

use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter};
use souk_contracts::{
    events::OrderReturned,
    inventory::{Line, RestockRequest},
    payments::{GetPaymentRequest, RefundPaymentRequest},
};
use souk_kernel::{Actor, PaymentId, ReturnId, SellerId};

use super::until_won;
use crate::{
    app::App,
    config::after,
    domain::{PartEvent, PartStatus, ReturnStatus},
    error::Error,
    events::{PartDue, ReturnApproved},
    store::{self, Entry, Order, lines, orders, parts, returns, snapshot_lines},
};

/// Approves or rejects the seller's own return. Deciding the same again changes nothing.
pub async fn decide_return(app: &App, id: ReturnId, seller: SellerId, approved: bool) -> Result<returns::Model, Error> {
    let asked = returns::find_for_seller(app.db.reader(), id, seller).await?.ok_or(Error::NotFound("return"))?;
    let _turn = app.locks.enter(asked.order_id).await;
    until_won(|| async {
        let asked = returns::find_for_seller(app.db.reader(), id, seller).await?.ok_or(Error::NotFound("return"))?;
        let status = if approved { ReturnStatus::Approved } else { ReturnStatus::Rejected };
        if asked.status == status {
            return Ok(asked);
        }
        if asked.status != ReturnStatus::Requested {
            return Err(Error::Conflict { code: "return_decided", message: "the return has been decided already" });
        }
        decide(app, asked, status).await
    })
    .await
}

async fn decide(app: &App, asked: returns::Model, status: ReturnStatus) -> Result<returns::Model, Error> {
    let order = app.order(asked.order_id).await?;
    let part = asked.seller_order_id;
    let place = order.place_of(part).ok_or(Error::NotFound("return"))?;
    let back = if status == ReturnStatus::Approved { taken_back(&order, &asked) } else { Vec::new() };
    let all = !back.is_empty()
        && order.lines_of(part).all(|line| {
            let units = back.iter().find(|(place, _)| *place == line.place).map_or(0, |(_, units)| *units);
            line.returned + units == line.quantity
        });
    let event = if all { PartEvent::TakeBack } else { PartEvent::KeepDelivered };
    let lifecycle = order.lifecycle().part(place, event)?;
    let part_status = lifecycle.parts[place];
    let note = format!("return {}", status.as_str());
    let mut entries = vec![Entry::part(part, part_status, Actor::Seller(asked.seller_id), note)];
    if lifecycle.status() != order.row.status {
        entries.push(Entry::order(lifecycle.status(), Actor::System, ""));
    }
    let event = (status == ReturnStatus::Approved).then(|| OrderReturned {
        order: app.snapshot(&order),
        return_id: asked.id,
        seller_order_id: part,
        lines: returned_lines(&order, &back),
        amount: asked.amount,
    });
    let due = order.parts[place].delivered_at.map(|at| after(at, app.config.return_window));
    let (order_id, seen, change) = (order.row.id, order.row.version, orders::change(&lifecycle));
    let id = asked.id;
    let decided_at = app
        .write(order_id, move |tx| async move {
            let now = tx.now();
            orders::update(&tx, order_id, seen, now, change).await??;
            parts::update(&tx, part, parts::ActiveModel { status: Set(part_status), ..Default::default() });
            for (place, units) in back {
                lines::take_back(&tx, order_id, place, units);
            }
            let decided =
                returns::ActiveModel { status: Set(status), decided_at: Set(Some(now)), ..Default::default() };
            returns::Entity::update_many().set(decided).filter(returns::Column::Id.eq(id)).exec(&tx).await?;
            store::history::write(&tx, order_id, now, entries);
            if let Some(event) = event {
                tx.publish(event);
                tx.publish(ReturnApproved { return_id: id });
            }
            if part_status == PartStatus::Delivered {
                // Its timer may have rung while the return was open.
                tx.publish_at(PartDue { order_id, seller_order_id: part }, due.unwrap_or(now).max(now));
            }
            Ok(now)
        })
        .await?;
    Ok(returns::Model { status, decided_at: Some(decided_at), ..asked })
}

/// Units that come back, by the place of their line.
fn taken_back(order: &Order, asked: &returns::Model) -> Vec<(i32, i64)> {
    let place_of = |sku| order.lines_of(asked.seller_order_id).find(|line| line.sku_id == sku).map(|line| line.place);
    asked.items.0.iter().filter_map(|item| Some((place_of(item.sku_id)?, item.quantity))).collect()
}

fn returned_lines(order: &Order, back: &[(i32, i64)]) -> Vec<souk_contracts::events::LineSnapshot> {
    let mut lines = Vec::with_capacity(back.len());
    for (place, units) in back {
        for mut line in snapshot_lines(order.lines.iter().filter(|line| line.place == *place)) {
            line.quantity = *units;
            line.line_total = line.unit_price * units;
            lines.push(line);
        }
    }
    lines
}

/// An approved return: the units go back on the shelf and the money to the buyer. May run any number of times.
pub async fn carry_out_return(app: &App, id: ReturnId) -> Result<(), Error> {
    let approved = returns::find(app.db.reader(), id).await?.ok_or(Error::NotFound("return"))?;
    let lines = approved.items.0.iter();
    let request = RestockRequest {
        order_id: approved.order_id.to_string(),
        reference: id.to_string(),
        lines: lines.map(|line| Line { sku_id: line.sku_id.to_string(), quantity: line.quantity }).collect(),
    };
    app.inventory.clone().restock(request).await?;
    let order = orders::find(app.db.reader(), approved.order_id).await?.ok_or(Error::NotFound("order"))?;
    match order.payment_id.filter(|_| approved.amount > 0) {
        Some(payment) => refund(app, &approved, payment, approved.amount).await,
        None => Ok(()),
    }
}

/// Refunds `amount`; if part of it was refunded by hand already, what is left.
async fn refund(app: &App, approved: &returns::Model, payment: PaymentId, amount: i64) -> Result<(), Error> {
    let request = |amount| RefundPaymentRequest {
        payment_id: payment.to_string(),
        amount: Some(amount),
        reason: format!("return {}", approved.id),
        reference: approved.id.to_string(),
        seller_order_id: Some(approved.seller_order_id.to_string()),
    };
    let mut payments = app.payments.clone();
    match payments.refund_payment(request(amount)).await.map_err(Error::from) {
        Err(error) if error.is_conflict() => {}
        other => return other.map(|_| ()),
    }
    let known = payments.get_payment(GetPaymentRequest { payment_id: payment.to_string() }).await?.into_inner();
    let left = (known.amount - known.refunded_amount).min(amount);
    tracing::warn!(return_id = %approved.id, wanted = amount, left, "a return is refunded only in part");
    if left <= 0 {
        return Ok(());
    }
    match payments.refund_payment(request(left)).await.map_err(Error::from) {
        // Less is left of the seller's part than of the payment: the operator has to look at it.
        Err(error) if error.is_conflict() => {
            tracing::error!(return_id = %approved.id, %error, "a return could not be refunded");
            Err(error)
        }
        other => other.map(|_| ()),
    }
}
