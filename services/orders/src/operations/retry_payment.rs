//! Another payment for an order that waits: after a failure, or with another provider.

use sea_orm::ActiveValue::Set;
use souk_contracts::payments::{GetPaymentRequest, Payment};
use souk_kernel::{Actor, ErrorKind, OrderId, PaymentId, Problem};

use super::{
    check_out::{Mode, Outcome, check_out},
    complete_order::{Paid, complete_in_turn},
    open_payment::{open_payment, payment_of},
    read,
};
use crate::{
    app::App,
    domain::{OrderStatus, PaymentStatus, Refusal, Step},
    error::Error,
    store::{self, Credentials, Entry, Order, Scope, orders},
};

/// Opens the next payment of the buyer's order and gives its id; or the one that is open, if it is with that provider.
/// An empty `provider` means whichever.
pub async fn next_payment_attempt(
    app: &App,
    id: OrderId,
    buyer: Credentials,
    provider: &str,
) -> Result<PaymentId, Error> {
    let _turn = app.locks.enter(id).await;
    let order = store::load_in(app.db.reader(), id, &Scope::Buyer(buyer)).await?.ok_or(Error::NotFound("order"))?;
    let row = &order.row;
    if row.payment_status.is_some_and(PaymentStatus::was_paid) {
        return Err(Error::AlreadyPaid);
    }
    let late = row.expires_at.is_none_or(|at| at <= app.now());
    if row.status == OrderStatus::Queued && row.step == Step::Pay && !late {
        return first_payment(app, order, provider).await;
    }
    let (true, false, Some(current)) = (row.status.is_payable(), late, row.payment_id) else {
        return Err(Refusal::NotPayable.into());
    };
    let open = ask(app, current, false).await?;
    match PaymentStatus::told(&open.status) {
        PaymentStatus::Completed => return settle(app, &open).await,
        PaymentStatus::Pending if provider.is_empty() || provider == open.provider => {
            if row.status != OrderStatus::PendingPayment {
                // Its failure was told, but it is open again at the provider.
                store_attempt(app, &order, row.attempt, &open).await?;
            }
            return Ok(current);
        }
        PaymentStatus::Pending => {
            let given_up = ask(app, current, true).await?;
            if PaymentStatus::told(&given_up.status) == PaymentStatus::Completed {
                return settle(app, &given_up).await;
            }
        }
        _ => {}
    }
    let attempt = row.attempt + 1;
    let payment = open_payment(app, &order, attempt, provider).await?;
    store_attempt(app, &order, attempt, &payment).await?;
    Ok(payment_of(id, attempt))
}

/// The first payment could not be opened yet, because its provider was down: it is tried now, or another one is.
async fn first_payment(app: &App, mut order: Order, provider: &str) -> Result<PaymentId, Error> {
    if !provider.is_empty() {
        provider.clone_into(&mut order.row.provider);
    }
    match check_out(app, order, Mode::Direct).await? {
        Outcome::Placed(Order { row, .. }) => {
            row.payment_id.filter(|_| row.status.is_payable()).ok_or(Error::AlreadyPaid)
        }
        Outcome::Queued(_) => {
            let message = "the payment provider is down; try again, or choose another";
            Err(Problem::new(ErrorKind::Unavailable, "provider_unavailable", message).into())
        }
        Outcome::Rejected(problem) => Err(problem.into()),
    }
}

/// It was paid meanwhile: no other payment is needed.
async fn settle(app: &App, payment: &Payment) -> Result<PaymentId, Error> {
    complete_in_turn(app, &Paid::of(payment)?, None).await?;
    Err(Error::AlreadyPaid)
}

async fn ask(app: &App, payment: PaymentId, give_up: bool) -> Result<Payment, Error> {
    let request = GetPaymentRequest { payment_id: payment.to_string() };
    let mut payments = app.payments.clone();
    let reply = if give_up { payments.cancel_payment(request).await } else { payments.refresh_payment(request).await };
    Ok(reply?.into_inner())
}

async fn store_attempt(app: &App, order: &Order, attempt: i32, payment: &Payment) -> Result<(), Error> {
    let lifecycle = order.lifecycle().await_payment()?;
    let payment_id = read("payment_id", &payment.payment_id)?;
    let change = orders::ActiveModel {
        payment_id: Set(Some(payment_id)),
        redirect: Set(Some(payment.redirect.clone()).filter(|url| !url.is_empty())),
        attempt: Set(attempt),
        step: Set(Step::Wait),
        ..orders::change(&lifecycle)
    };
    let note = format!("payment {attempt}, {}", payment.provider);
    let entry = Entry::order(lifecycle.status(), Actor::Buyer(order.row.user_id), note);
    let (id, seen) = (order.row.id, order.row.version);
    let stored = app
        .write(id, move |tx| async move {
            orders::update(&tx, id, seen, tx.now(), change).await??;
            store::history::write(&tx, id, tx.now(), [entry]);
            Ok(())
        })
        .await;
    if matches!(stored, Err(Error::Lost)) {
        // It ended while the payment was opened; its end gives up the payment, this one included.
        app.write(id, move |tx| async move {
            tx.publish(crate::events::Undo { order_id: id });
            Ok(())
        })
        .await?;
        return Err(Refusal::NotPayable.into());
    }
    stored
}
