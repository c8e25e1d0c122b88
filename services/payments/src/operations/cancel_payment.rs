//! Gives up an open payment.

use souk_kernel::PaymentId;
use souk_platform::db::Tx;

use super::{
    apply_word::{Trigger, apply_word, fail},
    reconcile::LATE_CHECK,
};
use crate::{
    app::App,
    domain::payment::{Turn, Word},
    error::Error,
    store::{Payment, payments},
};

/// Who gives a payment up.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum By {
    /// Its order, which needs not be told.
    Order,
    /// An operator: the order must be told.
    Operator,
}

/// Gives the payment up at the provider, then here. The provider decides a race with the buyer: if the money came first,
/// the payment is completed, and the answer says so. While the provider can't be reached nothing is given up. Money that
/// comes all the same later is announced as any other.
pub async fn cancel_payment(app: &App, id: PaymentId, by: By) -> Result<Payment, Error> {
    let payment = payments::find(app.db.reader(), id).await?.ok_or(Error::NotFound("payment"))?;
    if payment.status.turn(Turn::Cancelled).is_none() {
        return Ok(payment);
    }
    let provider = app.providers.get(payment.provider).ok_or(Error::ProviderNotOffered)?;
    match provider.cancel(id).await? {
        paid @ Word::Paid { .. } => apply_word(app, id, paid, Trigger::Asked).await?,
        Word::Open | Word::Failed { .. } | Word::Other => {
            app.db.transaction(move |tx| async move { give_up(&tx, &payment, by).await }).await?;
        }
    }
    payments::find(app.db.reader(), id).await?.ok_or(Error::NotFound("payment"))
}

async fn give_up(tx: &Tx, payment: &Payment, by: By) -> Result<(), Error> {
    match by {
        By::Order => {
            let late = Some(tx.now() + LATE_CHECK);
            payments::turn(tx, payment.id, Turn::Cancelled, None, late).await?;
        }
        By::Operator => {
            fail(tx, payment, Turn::Cancelled, Some("cancelled by the operator".to_owned())).await?;
        }
    }
    Ok(())
}
