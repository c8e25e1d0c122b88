//! Asks providers about what stayed open: a webhook may have been lost, a refund's answer too.

use chrono::TimeDelta;
use futures::{StreamExt, stream};
use souk_kernel::Timestamp;

use super::{
    apply_word::{Trigger, apply_word, fail},
    settle_refund::settle_refund,
};
use crate::{
    app::App,
    config::span,
    domain::payment::{PaymentStatus, Turn, Word},
    error::Error,
    store::{Payment, Refund, payments, refunds},
};

/// How soon a payment that ended unpaid is asked about first: money may come late.
pub const LATE_CHECK: TimeDelta = TimeDelta::minutes(10);
/// For how long after its beginning an unpaid payment is asked about.
const LATE_LIMIT: TimeDelta = TimeDelta::days(7);
/// Rows looked at in one go.
const BATCH: u64 = 100;
/// Questions at a time.
const AT_ONCE: usize = 8;
/// Go's of one run; what is left waits for the next.
const GOES: usize = 50;

/// One run. Errors are logged: the next run asks again.
pub async fn reconcile(app: &App) {
    for _ in 0..GOES {
        match payments::to_check(app.db.reader(), app.db.clock().now(), BATCH).await {
            Ok(due) if due.is_empty() => break,
            Ok(due) => stream::iter(due).for_each_concurrent(AT_ONCE, |payment| check_payment(app, payment)).await,
            Err(error) => return tracing::error!(%error, "open payments could not be read"),
        }
    }
    for _ in 0..GOES {
        match refunds::to_check(app.db.reader(), app.db.clock().now(), BATCH).await {
            Ok(due) if due.is_empty() => break,
            Ok(due) => {
                if let Err(error) = postpone(app, &due).await {
                    return tracing::error!(%error, "pending refunds could not be postponed");
                }
                stream::iter(due).for_each_concurrent(AT_ONCE, |refund| check_refund(app, refund)).await;
            }
            Err(error) => return tracing::error!(%error, "pending refunds could not be read"),
        }
    }
}

async fn check_payment(app: &App, payment: Payment) {
    // First the next date, then the question: a payment that can't be asked about must not be asked at once again.
    let asked = match set_next_check(app, &payment).await {
        Ok(()) => ask(app, &payment).await,
        Err(error) => Err(error),
    };
    if let Err(error) = asked {
        tracing::warn!(payment_id = %payment.id, %error, "a payment could not be reconciled");
    }
}

async fn set_next_check(app: &App, payment: &Payment) -> Result<(), Error> {
    let (id, at) = (payment.id, next_check(payment, app.db.clock().now(), span(app.config.reconcile_after)));
    app.db.transaction(move |tx| async move { Ok(payments::check_again(&tx, id, at).await?) }).await
}

/// The older a payment, the longer the pauses: never shorter than `pause`, and a quarter of its age. A payment that ended
/// unpaid is no longer asked about after a week; an open one is, until it is given up.
fn next_check(payment: &Payment, now: Timestamp, pause: TimeDelta) -> Option<Timestamp> {
    let age = (now - payment.created_at).max(TimeDelta::zero());
    if payment.status != PaymentStatus::Pending && age > LATE_LIMIT {
        return None;
    }
    Some(now + pause.max(age / 4).max(TimeDelta::seconds(1)))
}

async fn ask(app: &App, payment: &Payment) -> Result<(), Error> {
    let provider = app.providers.get(payment.provider).ok_or(Error::ProviderNotOffered)?;
    let age = app.db.clock().now() - payment.created_at;
    let too_old = payment.status == PaymentStatus::Pending && age > span(app.config.open_limit);
    let word = if too_old { provider.cancel(payment.id).await? } else { provider.fetch(payment.id).await? };
    match word {
        Word::Open | Word::Failed { .. } | Word::Other if too_old => {
            let payment = payment.clone();
            app.db
                .transaction(move |tx| async move {
                    fail(&tx, &payment, Turn::Expired, Some("expired".to_owned())).await.map(drop)
                })
                .await
        }
        word => apply_word(app, payment.id, word, Trigger::Asked).await,
    }
}

async fn postpone(app: &App, due: &[Refund]) -> Result<(), Error> {
    let ids = due.iter().map(|refund| refund.id).collect();
    let at = app.db.clock().now() + span(app.config.reconcile_after).max(TimeDelta::seconds(1));
    app.db.transaction(move |tx| async move { Ok(refunds::check_again(&tx, ids, at).await?) }).await
}

async fn check_refund(app: &App, refund: Refund) {
    if let Err(error) = settle_refund(app, refund.id, None).await {
        tracing::warn!(refund_id = %refund.id, %error, "a refund could not be settled");
    }
}
