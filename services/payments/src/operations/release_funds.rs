//! A seller's money becomes available when the return window of a delivered seller order is over.

use souk_contracts::events::OrderDelivered;
use souk_kernel::PaymentId;
use souk_platform::events::Receipt;

use crate::{
    app::App,
    config::span,
    domain::{ledger::Transaction, payment::PaymentStatus, refund::Parts},
    error::Error,
    events::ReleaseDue,
    store::{Payment, ledger, payments, refunds},
};

/// Sets the timer of a seller order that was delivered.
pub async fn schedule_release(app: &App, delivered: OrderDelivered, receipt: Receipt) -> Result<(), Error> {
    let window = span(app.config.return_window);
    app.db
        .transaction(move |tx| async move {
            if !tx.accept(receipt).await? {
                return Ok(());
            }
            let all = payments::of_order(&tx, delivered.order.order_id).await?;
            let payment_id = match who_pays(&all, delivered.order.payment_id) {
                Some(payment_id) => payment_id,
                // What costs nothing is confirmed without a payment.
                None if delivered.order.total == 0 => return Ok(()),
                None => return Err(Error::NotFound("payment")),
            };
            let due = ReleaseDue { payment_id, seller_order_id: delivered.seller_order_id };
            tx.publish_at(due, delivered.delivered_at + window);
            Ok(())
        })
        .await
}

/// The payment that an order was confirmed with: the one that orders names if it was paid, and one from which something
/// is left rather than one that went back.
fn who_pays(all: &[Payment], named: Option<PaymentId>) -> Option<PaymentId> {
    let paid = || all.iter().filter(|payment| payment.status.is_paid());
    paid()
        .min_by_key(|payment| (payment.status == PaymentStatus::Refunded, Some(payment.id) != named, payment.attempt))
        .map(|payment| payment.id)
}

/// Moves what the seller has left of the seller order from pending to available. Refunds on their way are not in the
/// ledger yet: their share moves too, and is taken from what is available when they end.
pub async fn release_funds(app: &App, due: ReleaseDue, receipt: Receipt) -> Result<(), Error> {
    let ReleaseDue { payment_id, seller_order_id } = due;
    app.db
        .transaction(move |tx| async move {
            if !tx.accept(receipt).await? {
                return Ok(());
            }
            let Some(payment) = payments::find(&tx, payment_id).await? else { return Ok(()) };
            let Some(allocation) = payments::allocation(&tx, payment_id, seller_order_id).await? else { return Ok(()) };
            if !payment.status.is_paid() || !payments::release(&tx, payment_id, seller_order_id).await? {
                return Ok(());
            }
            let on_the_way = refunds::on_the_way(&tx, payment_id, seller_order_id).await?;
            let coming: i64 = on_the_way.into_iter().map(Parts::sellers).sum();
            let share = allocation.share();
            let earned = share.whole.sellers() - share.back.sellers() + coming;
            let posted = Transaction::release(
                payment_id,
                payment.order_id,
                allocation.seller_id,
                seller_order_id,
                earned,
                payment.currency,
            )?;
            ledger::post(&tx, posted);
            Ok(())
        })
        .await
}
