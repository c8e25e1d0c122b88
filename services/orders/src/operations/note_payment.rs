//! What became of a payment, other than that it was paid.

use sea_orm::ActiveValue::Set;
use souk_contracts::{
    events::{PaymentFailed, PaymentRefunded},
    payments::GetPaymentRequest,
};
use souk_kernel::{Actor, Money, OrderId, PaymentId};
use souk_platform::events::Receipt;

use super::{
    complete_order::{Paid, complete_in_turn},
    until_won,
};
use crate::{
    app::App,
    domain::{OrderStatus, PaymentStatus},
    error::Error,
    store::{self, Entry, orders},
};

/// Asks the provider, by way of payments, about an order that waits: the buyer came back, or an operator wants to know.
pub async fn check_payment(app: &App, id: OrderId) -> Result<(), Error> {
    let _turn = app.locks.enter(id).await;
    let row = orders::find(app.db.reader(), id).await?.ok_or(Error::NotFound("order"))?;
    let Some(payment_id) = row.payment_id.filter(|_| row.status.is_payable()) else { return Ok(()) };
    let request = GetPaymentRequest { payment_id: payment_id.to_string() };
    let payment = app.payments.clone().refresh_payment(request).await?.into_inner();
    match PaymentStatus::told(&payment.status) {
        PaymentStatus::Completed => complete_in_turn(app, &Paid::of(&payment)?, None).await,
        how @ (PaymentStatus::Failed | PaymentStatus::Cancelled | PaymentStatus::Expired) => {
            fail(app, id, payment_id, how, how.as_str().to_owned(), None).await
        }
        _ => Ok(()),
    }
}

/// The payment will not come. The units stay held until the order expires, so that another payment may be tried.
pub async fn note_failed_payment(app: &App, event: PaymentFailed, receipt: Receipt) -> Result<(), Error> {
    let _turn = app.locks.enter(event.order_id).await;
    fail(app, event.order_id, event.payment_id, PaymentStatus::Failed, event.reason, Some(receipt)).await
}

async fn fail(
    app: &App,
    id: OrderId,
    payment_id: PaymentId,
    how: PaymentStatus,
    note: String,
    receipt: Option<Receipt>,
) -> Result<(), Error> {
    until_won(|| async {
        let order = app.order(id).await?;
        // Of another attempt, or after the fact: nothing follows from it.
        if order.row.payment_id != Some(payment_id) || order.row.status != OrderStatus::PendingPayment {
            return Ok(());
        }
        let Ok(lifecycle) = order.lifecycle().fail_payment(how) else { return Ok(()) };
        let change = orders::ActiveModel { redirect: Set(None), ..orders::change(&lifecycle) };
        let entry = Entry::order(lifecycle.status(), Actor::Provider, note.chars().take(500).collect::<String>());
        let seen = order.row.version;
        app.write(id, move |tx| async move {
            if let Some(receipt) = receipt
                && !tx.accept(receipt).await?
            {
                return Ok(());
            }
            orders::update(&tx, id, seen, tx.now(), change).await??;
            store::history::write(&tx, id, tx.now(), [entry]);
            Ok(())
        })
        .await
    })
    .await
}

/// Money went back to the buyer.
pub async fn note_refund(app: &App, event: PaymentRefunded, receipt: Receipt) -> Result<(), Error> {
    let id = event.order_id;
    until_won(|| async {
        let order = app.order(id).await?;
        let counts = order.row.payment_id == Some(event.payment_id);
        let lifecycle = if counts { order.lifecycle().refund(event.full) } else { order.lifecycle() };
        let amount = Money::new(event.amount, event.currency);
        let entry = Entry::order(lifecycle.status(), Actor::Provider, format!("refunded {amount}"));
        let (seen, change) = (order.row.version, orders::change(&lifecycle));
        app.write(id, move |tx| async move {
            if !tx.accept(receipt).await? {
                return Ok(());
            }
            orders::update(&tx, id, seen, tx.now(), change).await??;
            store::history::write(&tx, id, tx.now(), [entry]);
            Ok(())
        })
        .await
    })
    .await
}
