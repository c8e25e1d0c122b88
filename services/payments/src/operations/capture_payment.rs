//! An operator says that the money of a bank transfer came.

use souk_kernel::{PaymentId, UserId};

use super::apply_word::{Trigger, apply_word};
use crate::{
    app::App,
    domain::payment::ProviderName,
    error::Error,
    providers::Charge,
    store::{Payment, payments},
};

pub async fn capture_payment(app: &App, id: PaymentId, operator: UserId) -> Result<Payment, Error> {
    let payment = payments::find(app.db.reader(), id).await?.ok_or(Error::NotFound("payment"))?;
    if payment.provider != ProviderName::Manual {
        return Err(Error::OtherProvider(ProviderName::Manual.as_str()));
    }
    if payment.status.is_paid() {
        return Ok(payment);
    }
    let provider = app.providers.get(payment.provider).ok_or(Error::ProviderNotOffered)?;
    let charge =
        Charge { payment: id, amount: payment.amount, currency: payment.currency, return_url: payment.return_url };
    let word = provider.capture(&charge).await?;
    apply_word(app, id, word, Trigger::Asked).await?;
    tracing::info!(payment_id = %id, user_id = %operator, "an operator confirmed that the money of a payment came");
    payments::find(app.db.reader(), id).await?.ok_or(Error::NotFound("payment"))
}
