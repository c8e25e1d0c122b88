//! Payments, as the operator sees them.

use axum::extract::State;
use garde::Validate;
use serde::Deserialize;
use souk_kernel::{OrderId, PageQuery, PaymentId};
use souk_platform::{
    http::{
        Failure, List, OptionalBody, Paging, Params, PathId, Reply,
        openapi::{Envelope, ListEnvelope},
    },
    security::{Admin, Support},
};
use utoipa::{IntoParams, ToSchema};

use super::views::{AdminPayment, PaymentFile};
use crate::{
    app::AppState,
    domain::payment::{PaymentStatus, ProviderName},
    error::Error,
    operations::{
        cancel_payment::{By, cancel_payment},
        capture_payment::capture_payment,
        refresh_payment::refresh_payment,
    },
    store::{payments, refunds, webhooks},
};

/// Refunds and messages shown in a payment's file.
const SHOWN: u64 = 100;

/// What to look for.
#[derive(Deserialize, Validate, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Search {
    #[garde(skip)]
    #[param(inline)]
    status: Option<PaymentStatus>,
    #[garde(skip)]
    #[param(inline)]
    provider: Option<ProviderName>,
    #[garde(skip)]
    #[param(value_type = Option<String>)]
    order_id: Option<OrderId>,
    /// Only those that must be looked at, or only those that need not.
    #[garde(skip)]
    flagged: Option<bool>,
}

/// Payments, newest first.
#[utoipa::path(get, path = "/admin/payments", tag = "payments", params(Search, Paging), security(("bearer" = [])),
    responses((status = 200, body = ListEnvelope<AdminPayment>), Failure))]
pub async fn list(
    State(app): State<AppState>,
    _: Support,
    Params(search): Params<Search>,
    Paging(page): Paging,
) -> Result<List<AdminPayment>, Error> {
    let Search { status, provider, order_id: order, flagged } = search;
    let filter = payments::Filter { status, provider, order, flagged };
    let page = payments::list(&app.db.copies().await, filter, &page).await?;
    Ok(List(page.map(AdminPayment::from)))
}

/// A payment with its parts, refunds and messages.
#[utoipa::path(get, path = "/admin/payments/{id}", tag = "payments", params(("id" = PaymentId, Path)),
    security(("bearer" = [])), responses((status = 200, body = Envelope<PaymentFile>), Failure))]
pub async fn show(
    State(app): State<AppState>,
    _: Support,
    PathId(id): PathId<PaymentId>,
) -> Result<Reply<PaymentFile>, Error> {
    let conn = app.db.reader();
    let payment = payments::find(conn, id).await?.ok_or(Error::NotFound("payment"))?;
    let latest = PageQuery { limit: SHOWN, ..PageQuery::default() };
    let of_this = refunds::Filter { payment: Some(id), status: None };
    let file = PaymentFile {
        payment: payment.into(),
        allocations: payments::allocations(conn, id).await?.into_iter().map(Into::into).collect(),
        refunds: refunds::list(conn, of_this, &latest).await?.items.into_iter().map(Into::into).collect(),
        webhooks: webhooks::of_payment(conn, id, SHOWN).await?.into_iter().map(Into::into).collect(),
    };
    Ok(Reply::ok(file))
}

/// Nothing needs to be said.
#[derive(Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Nothing {}

/// The money of a bank transfer came: completes a payment of the provider `manual`.
#[utoipa::path(post, path = "/admin/payments/{id}/capture", tag = "payments", params(("id" = PaymentId, Path)),
    security(("bearer" = [])), responses((status = 200, body = Envelope<AdminPayment>), Failure))]
pub async fn capture(
    State(app): State<AppState>,
    Admin(operator): Admin,
    PathId(id): PathId<PaymentId>,
    OptionalBody(Nothing {}): OptionalBody<Nothing>,
) -> Result<Reply<AdminPayment>, Error> {
    Ok(Reply::ok(capture_payment(&app, id, operator.user_id).await?.into()))
}

/// Asks the provider what became of the payment.
#[utoipa::path(post, path = "/admin/payments/{id}/refresh", tag = "payments", params(("id" = PaymentId, Path)),
    security(("bearer" = [])), responses((status = 200, body = Envelope<AdminPayment>), Failure))]
pub async fn refresh(
    State(app): State<AppState>,
    _: Admin,
    PathId(id): PathId<PaymentId>,
    OptionalBody(Nothing {}): OptionalBody<Nothing>,
) -> Result<Reply<AdminPayment>, Error> {
    Ok(Reply::ok(refresh_payment(&app, id).await?.into()))
}

/// Gives an open payment up.
#[utoipa::path(post, path = "/admin/payments/{id}/cancel", tag = "payments", params(("id" = PaymentId, Path)),
    security(("bearer" = [])), responses((status = 200, body = Envelope<AdminPayment>), Failure))]
pub async fn cancel(
    State(app): State<AppState>,
    _: Admin,
    PathId(id): PathId<PaymentId>,
    OptionalBody(Nothing {}): OptionalBody<Nothing>,
) -> Result<Reply<AdminPayment>, Error> {
    Ok(Reply::ok(cancel_payment(&app, id, By::Operator).await?.into()))
}

/// It was looked at: takes the flag away.
#[utoipa::path(post, path = "/admin/payments/{id}/resolve", tag = "payments", params(("id" = PaymentId, Path)),
    security(("bearer" = [])), responses((status = 200, body = Envelope<AdminPayment>), Failure))]
pub async fn resolve(
    State(app): State<AppState>,
    _: Admin,
    PathId(id): PathId<PaymentId>,
    OptionalBody(Nothing {}): OptionalBody<Nothing>,
) -> Result<Reply<AdminPayment>, Error> {
    let payment = app
        .db
        .transaction(move |tx| async move {
            payments::flag(&tx, id, None).await?;
            payments::find(&tx, id).await?.ok_or(Error::NotFound("payment"))
        })
        .await?;
    Ok(Reply::ok(payment.into()))
}
