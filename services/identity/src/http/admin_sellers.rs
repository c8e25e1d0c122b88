//! Sellers, as the operator sees them.

use axum::extract::State;
use garde::Validate;
use serde::Deserialize;
use souk_kernel::SellerId;
use souk_platform::{
    http::{
        Failure, List, OptionalBody, Paging, Params, PathId, Reply,
        openapi::{Envelope, ListEnvelope},
    },
    security::{Admin, SellerStatus, Support},
};
use utoipa::{IntoParams, ToSchema};

use super::views::Seller;
use crate::{
    app::AppState,
    domain::SellerAction,
    error::Error,
    operations::review_seller,
    store::sellers::{self, Filter},
};

/// Whom to look for.
#[derive(Deserialize, Validate, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Search {
    /// Part of the name or the slug.
    #[garde(length(chars, max = 200))]
    q: Option<String>,
    #[garde(skip)]
    #[param(inline)]
    status: Option<SellerStatus>,
}

/// Sellers, newest first.
#[utoipa::path(get, path = "/admin/sellers", tag = "identity", params(Search, Paging), security(("bearer" = [])),
    responses((status = 200, body = ListEnvelope<Seller>), Failure))]
pub async fn list(
    State(app): State<AppState>,
    _: Support,
    Params(search): Params<Search>,
    Paging(page): Paging,
) -> Result<List<Seller>, Error> {
    let filter = Filter { text: search.q, status: search.status, public: false };
    let page = sellers::list(&app.db.copies().await, filter, page).await?;
    Ok(List(page.map(|seller| Seller::inside(seller, None))))
}

/// Nothing needs to be said.
#[derive(Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Approval {}

/// Lets a seller in, or again.
#[utoipa::path(post, path = "/admin/sellers/{id}/approve", tag = "identity", params(("id" = SellerId, Path)),
    security(("bearer" = [])), responses((status = 200, body = Envelope<Seller>), Failure))]
pub async fn approve(
    State(app): State<AppState>,
    _: Admin,
    PathId(id): PathId<SellerId>,
    OptionalBody(Approval {}): OptionalBody<Approval>,
) -> Result<Reply<Seller>, Error> {
    let seller = review_seller(&app.db, id, SellerAction::Approve, None).await?;
    Ok(Reply::ok(Seller::inside(seller, None)))
}

/// Why.
#[derive(Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Suspension {
    /// For the seller's team; at most 500 characters.
    #[garde(length(chars, max = 500))]
    reason: Option<String>,
}

/// Stops a seller.
#[utoipa::path(post, path = "/admin/sellers/{id}/suspend", tag = "identity", request_body = Suspension,
    params(("id" = SellerId, Path)), security(("bearer" = [])),
    responses((status = 200, body = Envelope<Seller>), Failure))]
pub async fn suspend(
    State(app): State<AppState>,
    _: Admin,
    PathId(id): PathId<SellerId>,
    OptionalBody(form): OptionalBody<Suspension>,
) -> Result<Reply<Seller>, Error> {
    let seller = review_seller(&app.db, id, SellerAction::Suspend, form.reason).await?;
    Ok(Reply::ok(Seller::inside(seller, None)))
}
