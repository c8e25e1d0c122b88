//! The sandbox's buttons. It sends its messages the way any provider's arrive: signed, verified, stored.

use axum::http::{HeaderMap, HeaderValue};
use souk_kernel::PaymentId;

use super::accept_webhook::accept_for_provider;
use crate::{
    app::App,
    domain::payment::ProviderName,
    error::Error,
    providers::{
        faults::WebhookFault,
        sandbox::{Decision, SIGNATURE_HEADER, Sandbox},
    },
    store::sandbox::{SandboxPayment, State},
};

/// The sandbox, and what it knows of a payment.
pub async fn find_at_sandbox(app: &App, id: PaymentId) -> Result<(&Sandbox, SandboxPayment), Error> {
    let sandbox = app.sandbox.as_ref().ok_or(Error::NotFound("provider"))?;
    let payment = sandbox.payment(id).await?.ok_or(Error::NotFound("payment"))?;
    Ok((sandbox, payment))
}

/// The buyer pressed a button; gives where the browser goes. Without a fault of its own it follows the general ones.
pub async fn press_button(
    app: &App,
    id: PaymentId,
    decision: Decision,
    fault: Option<WebhookFault>,
) -> Result<String, Error> {
    let (sandbox, payment) = find_at_sandbox(app, id).await?;
    sandbox.decide(id, decision).await?;
    send(app, sandbox, &payment, decision, fault.unwrap_or(sandbox.faults.get().webhook)).await;
    Ok(payment.return_url)
}

/// The bank has taken its time.
pub async fn finish_delayed(app: &App, id: PaymentId) -> Result<(), Error> {
    let (sandbox, payment) = find_at_sandbox(app, id).await?;
    if payment.state == State::Processing {
        sandbox.decide(id, Decision::Pay).await?;
        send(app, sandbox, &payment, Decision::Pay, sandbox.faults.get().webhook).await;
    }
    Ok(())
}

/// A message that isn't taken is lost, as on a bad line: reconciliation finds out.
async fn send(app: &App, sandbox: &Sandbox, payment: &SandboxPayment, decision: Decision, fault: WebhookFault) {
    for message in sandbox.messages(payment, decision, fault) {
        let Ok(signature) = HeaderValue::try_from(message.signature) else { continue };
        let headers = HeaderMap::from_iter([(SIGNATURE_HEADER, signature)]);
        if let Err(error) = accept_for_provider(app, ProviderName::Sandbox, &headers, &message.body).await {
            tracing::warn!(payment_id = %payment.id, %error, "a message of the sandbox was not taken");
        }
    }
}
