//! The sandbox's own pages: what a buyer sees at a payment provider. No login, as there.

use askama::Template;
use axum::{
    extract::State,
    http::{HeaderValue, header},
    response::{Html, IntoResponse, Redirect, Response},
};
use garde::Validate;
use serde::Deserialize;
use souk_kernel::{Money, PaymentId, Problem};
use souk_platform::http::{Failure, Params, PathId};
use utoipa::IntoParams;

use crate::{
    app::AppState,
    config::span,
    error::Error,
    operations::play_sandbox::{find_at_sandbox, press_button},
    providers::{faults::WebhookFault, sandbox::Decision},
    store::sandbox::State as At,
};

const POLICY: &str = "default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'";

#[derive(Template)]
#[template(path = "sandbox.html")]
struct Page<'a> {
    id: PaymentId,
    amount: String,
    return_url: &'a str,
    /// What the page says about where the payment stands; nothing while it is open.
    notice: Option<&'static str>,
    open: bool,
}

/// Where the buyer pays.
#[utoipa::path(get, path = "/sandbox/payments/{id}", tag = "sandbox", params(("id" = PaymentId, Path)),
    responses((status = 200, content_type = "text/html", body = String), Failure))]
pub async fn page(State(app): State<AppState>, PathId(id): PathId<PaymentId>) -> Result<Response, Error> {
    let (_, payment) = find_at_sandbox(&app, id).await?;
    let notice = match payment.state {
        At::Open => None,
        At::Processing => Some("Your bank is processing this payment."),
        At::Paid => Some("This payment has been made."),
        At::Declined => Some("This payment was declined. You can try again."),
        At::Cancelled => Some("The shop no longer waits for this payment. Paying it now is a late payment."),
    };
    let page = Page {
        id,
        amount: Money::new(payment.amount, payment.currency).to_string(),
        return_url: &payment.return_url,
        notice,
        open: payment.state != At::Paid,
    };
    let html = page.render().map_err(|error| {
        tracing::error!(%error, "the sandbox's page could not be rendered");
        Problem::internal()
    })?;
    let headers = [
        (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY)),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    Ok((headers, Html(html)).into_response())
}

/// How the sandbox misbehaves this time.
#[derive(Deserialize, Validate, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Misbehaviour {
    /// Otherwise as it is told to in general.
    #[garde(skip)]
    #[param(inline)]
    fault: Option<WebhookFault>,
}

/// The buyer pays.
#[utoipa::path(post, path = "/sandbox/payments/{id}/pay", tag = "sandbox",
    params(("id" = PaymentId, Path), Misbehaviour),
    responses((status = 303, description = "Back to the order"), Failure))]
pub async fn pay(
    State(app): State<AppState>,
    PathId(id): PathId<PaymentId>,
    Params(how): Params<Misbehaviour>,
) -> Result<Redirect, Error> {
    press_button(&app, id, Decision::Pay, how.fault).await.map(|to| Redirect::to(&to))
}

/// The buyer, or the bank, declines.
#[utoipa::path(post, path = "/sandbox/payments/{id}/decline", tag = "sandbox",
    params(("id" = PaymentId, Path), Misbehaviour),
    responses((status = 303, description = "Back to the order"), Failure))]
pub async fn decline(
    State(app): State<AppState>,
    PathId(id): PathId<PaymentId>,
    Params(how): Params<Misbehaviour>,
) -> Result<Redirect, Error> {
    press_button(&app, id, Decision::Decline, how.fault).await.map(|to| Redirect::to(&to))
}

/// The buyer pays, but the bank takes its time: the message comes later.
#[utoipa::path(post, path = "/sandbox/payments/{id}/delay", tag = "sandbox", params(("id" = PaymentId, Path)),
    responses((status = 303, description = "Back to the order"), Failure))]
pub async fn delay(State(app): State<AppState>, PathId(id): PathId<PaymentId>) -> Result<Redirect, Error> {
    let (sandbox, payment) = find_at_sandbox(&app, id).await?;
    sandbox.delay(id, span(app.config.sandbox.delay)).await?;
    Ok(Redirect::to(&payment.return_url))
}

/// How the page looks.
#[utoipa::path(get, path = "/sandbox/style.css", tag = "sandbox",
    responses((status = 200, content_type = "text/css", body = String)))]
pub async fn style() -> impl IntoResponse {
    let headers = [(header::CONTENT_TYPE, "text/css; charset=utf-8"), (header::CACHE_CONTROL, "public, max-age=3600")];
    (headers, include_str!("../../templates/sandbox.css"))
}
