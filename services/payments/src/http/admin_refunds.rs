//! Refunds, as the operator sees them. Those of bank transfers are given by hand, and confirmed here.

use axum::extract::State;
use garde::Validate;
use serde::Deserialize;
use souk_kernel::{PaymentId, RefundId};
use souk_platform::{
    http::{
        Body, Failure, List, OptionalBody, Paging, Params, PathId, Reply,
        openapi::{Envelope, ListEnvelope},
    },
    security::{Admin, Support},
};
use utoipa::{IntoParams, ToSchema};

use super::{admin_payments::Nothing, views::Refund};
use crate::{
    app::{App, AppState},
    domain::{payment::ProviderName, refund::RefundStatus},
    error::Error,
    operations::settle_refund::{complete_refund, refuse_refund},
    store::{self, payments, refunds},
};

/// What to look for.
#[derive(Deserialize, Validate, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Search {
    #[garde(skip)]
    #[param(inline)]
    status: Option<RefundStatus>,
    #[garde(skip)]
    #[param(value_type = Option<String>)]
    payment_id: Option<PaymentId>,
}

/// Refunds, newest first.
#[utoipa::path(get, path = "/admin/refunds", tag = "payments", params(Search, Paging), security(("bearer" = [])),
    responses((status = 200, body = ListEnvelope<Refund>), Failure))]
pub async fn list(
    State(app): State<AppState>,
    _: Support,
    Params(search): Params<Search>,
    Paging(page): Paging,
) -> Result<List<Refund>, Error> {
    let filter = refunds::Filter { payment: search.payment_id, status: search.status };
    let page = refunds::list(&app.db.copies().await, filter, &page).await?;
    Ok(List(page.map(Refund::from)))
}

/// The money of a bank transfer was sent back.
#[utoipa::path(post, path = "/admin/refunds/{id}/complete", tag = "payments", params(("id" = RefundId, Path)),
    security(("bearer" = [])), responses((status = 200, body = Envelope<Refund>), Failure))]
pub async fn complete(
    State(app): State<AppState>,
    _: Admin,
    PathId(id): PathId<RefundId>,
    OptionalBody(Nothing {}): OptionalBody<Nothing>,
) -> Result<Reply<Refund>, Error> {
    complete_refund(&app, by_hand(&app, id).await?, None).await?;
    ended(&app, id).await
}

/// Why it can't be sent back.
#[derive(Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Refusal {
    /// At most 500 characters.
    #[garde(length(chars, min = 1, max = 500))]
    reason: String,
}

/// The money of a bank transfer can't be sent back: frees its amount.
#[utoipa::path(post, path = "/admin/refunds/{id}/refuse", tag = "payments", request_body = Refusal,
    params(("id" = RefundId, Path)), security(("bearer" = [])),
    responses((status = 200, body = Envelope<Refund>), Failure))]
pub async fn refuse(
    State(app): State<AppState>,
    _: Admin,
    PathId(id): PathId<RefundId>,
    Body(form): Body<Refusal>,
) -> Result<Reply<Refund>, Error> {
    refuse_refund(&app, by_hand(&app, id).await?, form.reason, None).await?;
    ended(&app, id).await
}

/// The refund, if it waits for somebody to give it by hand.
async fn by_hand(app: &App, id: RefundId) -> Result<store::Refund, Error> {
    let refund = refunds::find(app.db.reader(), id).await?.ok_or(Error::NotFound("refund"))?;
    let payment = payments::find(app.db.reader(), refund.payment_id).await?.ok_or(Error::NotFound("payment"))?;
    if payment.provider != ProviderName::Manual {
        return Err(Error::OtherProvider(ProviderName::Manual.as_str()));
    }
    if refund.status == RefundStatus::Pending { Ok(refund) } else { Err(Error::RefundSettled) }
}

async fn ended(app: &App, id: RefundId) -> Result<Reply<Refund>, Error> {
    let refund = refunds::find(app.db.reader(), id).await?.ok_or(Error::NotFound("refund"))?;
    Ok(Reply::ok(refund.into()))
}
