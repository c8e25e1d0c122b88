//! Asks the provider what became of a payment and applies what it says.

use souk_kernel::PaymentId;

use super::apply_word::{Trigger, apply_word};
use crate::{
    app::App,
    error::Error,
    store::{Payment, payments},
};

/// Gives the payment as it stands after asking. One that is paid is not asked about; one that failed or was given up is,
/// because money may come late.
pub async fn refresh_payment(app: &App, id: PaymentId) -> Result<Payment, Error> {
    let payment = payments::find(app.db.reader(), id).await?.ok_or(Error::NotFound("payment"))?;
    if payment.status.is_paid() {
        return Ok(payment);
    }
    let provider = app.providers.get(payment.provider).ok_or(Error::ProviderNotOffered)?;
    let word = provider.fetch(id).await?;
    apply_word(app, id, word, Trigger::Asked).await?;
    payments::find(app.db.reader(), id).await?.ok_or(Error::NotFound("payment"))
}
