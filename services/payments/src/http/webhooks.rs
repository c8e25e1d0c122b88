//! Messages of payment providers.

use axum::{extract::State, http::HeaderMap};
use serde::Serialize;
use souk_kernel::PaymentId;
use souk_platform::http::{Failure, PathId, PathText, RawBody, Reply, openapi::Envelope};
use utoipa::ToSchema;

use crate::{
    app::AppState,
    domain::payment::ProviderName,
    error::Error,
    operations::accept_webhook::{accept_for_payment, accept_for_provider},
};

/// It is stored, and acted on now or later.
#[derive(Serialize, ToSchema)]
pub struct Received {
    /// Always true.
    received: bool,
}

/// Takes a signed message about one payment (`Souk-Signature` for the sandbox). Sending it again changes nothing.
#[utoipa::path(post, path = "/payments/{id}/webhook", tag = "payments", request_body = Object,
    params(("id" = PaymentId, Path)), responses((status = 200, body = Envelope<Received>), Failure))]
pub async fn for_payment(
    State(app): State<AppState>,
    PathId(id): PathId<PaymentId>,
    headers: HeaderMap,
    RawBody(body): RawBody,
) -> Result<Reply<Received>, Error> {
    accept_for_payment(&app, id, &headers, &body).await?;
    Ok(Reply::ok(Received { received: true }))
}

/// Takes a signed message of a provider.
#[utoipa::path(post, path = "/payments/webhooks/{provider}", tag = "payments", request_body = Object,
    params(("provider" = ProviderName, Path)), responses((status = 200, body = Envelope<Received>), Failure))]
pub async fn for_provider(
    State(app): State<AppState>,
    PathText(provider): PathText,
    headers: HeaderMap,
    RawBody(body): RawBody,
) -> Result<Reply<Received>, Error> {
    let provider = ProviderName::parse(&provider).ok_or(Error::NotFound("provider"))?;
    accept_for_provider(&app, provider, &headers, &body).await?;
    Ok(Reply::ok(Received { received: true }))
}
