//! Takes a provider's message: verified, stored as it came, answered at once. What follows from it is done by the queue.

use axum::http::HeaderMap;
use souk_kernel::{EventId, PaymentId};

use crate::{
    app::App,
    domain::payment::ProviderName,
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
    known.filter(|known| known.payment.provider == provider.name()).ok_or(Error::NotFound("payment"))?;
    store(app, provider.name(), notice, body).await
}

/// Takes a message that came to a payment's address. Who has no signature doesn't learn whether the payment exists.
pub async fn accept_for_payment(app: &App, payment: PaymentId, headers: &HeaderMap, body: &[u8]) -> Result<(), Error> {
    let known = app.terms(payment).await?.map(|known| known.payment.provider);
    let name = known.or_else(|| app.providers.default_name());
    let provider = name.and_then(|name| app.providers.get(name)).ok_or(Error::NotFound("payment"))?;
    let notice = provider.read_notice(headers, body, app.db.clock().now())?;
    if notice.payment != payment {
        return Err(Error::NoticeElsewhere);
    }
    known.ok_or(Error::NotFound("payment"))?;
    store(app, provider.name(), notice, body).await
}

async fn store(app: &App, provider: ProviderName, notice: Notice, body: &[u8]) -> Result<(), Error> {
    let Notice { event_id, payment, word } = notice;
    let body = String::from_utf8_lossy(body).into_owned();
    app.db
        .guarded(move |tx| async move {
            let webhook = Webhook {
                id: EventId::new(),
                provider,
                event_id,
                payment_id: payment,
                body,
                outcome: webhooks::Outcome::Stored,
                note: None,
                received_at: tx.now(),
                handled_at: None,
            };
            let webhook_id = webhook.id;
            if webhooks::insert(&tx, webhook).await? {
                tx.publish(WebhookReceived { webhook_id, payment_id: payment, word });
            }
            Ok(())
        })
        .await
}
