//! The compensation: whatever an ended order still holds is given back. May run any number of times.

use souk_contracts::{
    inventory::{ReleaseRequest, RestockRequest},
    payments::GetPaymentRequest,
};
use souk_kernel::{EventId, OrderId};

use super::{
    complete_order::{Paid, complete_in_turn},
    open_payment::payment_of,
    reject_order::thaw,
};
use crate::{app::App, domain::PaymentStatus, error::Error, store::Order};

/// Gives up open payments, releases or restocks the units, frees the cart. `cause` tells one run from another.
pub async fn undo_order(app: &App, id: OrderId, cause: EventId) -> Result<(), Error> {
    let _turn = app.locks.enter(id).await;
    let order = app.order(id).await?;
    if order.row.ending.is_none() {
        return Ok(());
    }
    // A provider that is down holds neither units nor carts: what failed here is told at the end, and tried again.
    let given_up = give_up_payments(app, &order).await;
    // A payment that turned out to be paid may have brought the order back to life.
    let order = app.order(id).await?;
    if order.row.ending.is_none() {
        return given_up;
    }
    let order_id = id.to_string();
    let reason = order.row.reason.clone().unwrap_or_default();
    app.inventory.clone().release(ReleaseRequest { order_id: order_id.clone(), reason }).await?;
    if may_be_committed(&order) {
        // Without lines: what was committed and is not back yet. So a fresh reference each time restocks nothing twice,
        // and misses nothing that a checkout in flight committed after an earlier run.
        let reference = format!("undo/{order_id}/{cause}");
        app.inventory
            .clone()
            .restock(RestockRequest { order_id: order_id.clone(), reference, lines: Vec::new() })
            .await?;
    }
    thaw(app, &order).await?;
    given_up
}

/// Only what was paid, or cost nothing, was ever committed.
fn may_be_committed(order: &Order) -> bool {
    let free = order.row.total == 0 && !order.parts.is_empty();
    free || order.row.payment_status.is_some_and(PaymentStatus::was_paid)
}

/// Cancels every payment that may be open: those that are known, and one more that a crash may have left unknown.
async fn give_up_payments(app: &App, order: &Order) -> Result<(), Error> {
    let row = &order.row;
    if order.parts.is_empty() || row.total == 0 {
        return Ok(());
    }
    let settled = row.payment_id.filter(|_| row.payment_status.is_some_and(PaymentStatus::was_paid));
    for attempt in 1..=row.attempt + 1 {
        let payment_id = payment_of(row.id, attempt);
        if Some(payment_id) == settled {
            continue;
        }
        let request = GetPaymentRequest { payment_id: payment_id.to_string() };
        match app.payments.clone().cancel_payment(request).await.map_err(Error::from) {
            Ok(reply) => {
                let payment = reply.into_inner();
                if PaymentStatus::told(&payment.status) == PaymentStatus::Completed {
                    complete_in_turn(app, &Paid::of(&payment)?, None).await?;
                }
            }
            Err(error) if error.is_unknown() => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
