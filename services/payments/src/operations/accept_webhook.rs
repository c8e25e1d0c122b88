//! Takes a provider's message: verified, stored as it came, answered at once.
//!
//! What follows from it is stored with it, in one transaction. If that fails, the message is stored alone, and the queue does the
//! rest.

use std::sync::Arc;

use axum::http::HeaderMap;
use souk_kernel::{EventId, PaymentId};

use super::apply_word::apply_message;
use crate::{
    app::{App, Terms},
    domain::payment::{ProviderName, Word},
    error::Error,
    events::WebhookReceived,
    providers::Notice,
    store::{Webhook, webhooks},
};

/// Takes a message that came to a provider's address.
pub async fn accept_for_provider(
    app: &App,
    provider: ProviderName,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<(), Error> {
    let provider = app.providers.get(provider).ok_or(Error::NotFound("provider"))?;
    let notice = provider.read_notice(headers, body, app.db.clock().now())?;
    let known = app.terms(notice.payment).await?;
    let known = known.filter(|known| known.payment.provider == provider.name()).ok_or(Error::NotFound("payment"))?;
    take(app, known, provider.name(), notice, body).await
}

/// Takes a message that came to a payment's address. Who has no signature doesn't learn whether the payment exists.
pub async fn accept_for_payment(app: &App, payment: PaymentId, headers: &HeaderMap, body: &[u8]) -> Result<(), Error> {
    let known = app.terms(payment).await?;
    let name = known.as_ref().map(|known| known.payment.provider).or_else(|| app.providers.default_name());
    let provider = name.and_then(|name| app.providers.get(name)).ok_or(Error::NotFound("payment"))?;
    let notice = provider.read_notice(headers, body, app.db.clock().now())?;
    if notice.payment != payment {
        return Err(Error::NoticeElsewhere);
    }
    let known = known.ok_or(Error::NotFound("payment"))?;
    take(app, known, provider.name(), notice, body).await
}

async fn take(app: &App, known: Arc<Terms>, provider: ProviderName, notice: Notice, body: &[u8]) -> Result<(), Error> {
    let Notice { event_id, payment, word } = notice;
    let message = Webhook {
        id: EventId::new(),
        provider,
        event_id,
        payment_id: payment,
        body: String::from_utf8_lossy(body).into_owned(),
        outcome: webhooks::Outcome::Stored,
        note: None,
        received_at: app.db.clock().now(),
        handled_at: None,
    };
    let Err(error) = apply_message(app, known, message.clone(), word.clone()).await else { return Ok(()) };
    tracing::warn!(payment_id = %payment, %error, "a provider's message could not be acted on at once; it is left to the queue");
    leave_to_queue(app, message, word).await
}

async fn leave_to_queue(app: &App, message: Webhook, word: Word) -> Result<(), Error> {
    app.db
        .guarded(move |tx| async move {
            let (webhook_id, payment_id) = (message.id, message.payment_id);
            if webhooks::insert(&tx, message).await? {
                tx.publish(WebhookReceived { webhook_id, payment_id, word });
            }
            Ok(())
        })
        .await
}
