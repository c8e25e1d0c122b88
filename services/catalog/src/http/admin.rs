//! `/admin/products` and `/admin/reviews`

use axum::extract::State;
use serde::{Deserialize, Serialize};
use souk_kernel::{ProductId, ReviewId, SellerId, UserId};
use souk_platform::{
    http::{
        Encoded, Failure, List, OptionalBody, Paging, Params, PathId, Reply,
        openapi::{Envelope, ListEnvelope},
    },
    security::{Admin, Support},
};
use utoipa::{IntoParams, ToSchema};

use super::{
    filters::{self, ListParams},
    products::{self as pages, own},
    reviews::Review,
    view,
};
use crate::{
    app::AppState,
    error::Error,
    operations::{archive_product, moderate_product, moderate_review::set_hidden},
    store::{
        Scope,
        entities::review,
        listing::{Filter, Sort},
        reviews as store,
    },
};

/// All products, whatever their status; `status=pending` are those that wait for the operator.
#[utoipa::path(get, path = "/admin/products", tag = "catalog", security(("bearer" = [])),
    params(ListParams, Paging), responses((status = 200, body = ListEnvelope<view::Product>), Failure))]
pub async fn products(
    State(app): State<AppState>,
    _: Support,
    Paging(page): Paging,
    Params(mut params): Params<ListParams>,
) -> Result<Reply<Encoded>, Error> {
    let status = params.status.take().unwrap_or_else(|| "all".to_owned());
    let only_active = status == "active";
    params.status = Some(if only_active { "all".to_owned() } else { status });
    let (mut filter, sort) = match filters::read(&app, params).await? {
        Some(found) => found,
        // No category and no product has this id, so nothing fits.
        None => {
            (Filter { categories: Some(Vec::new()), statuses: Some(Vec::new()), ..Filter::default() }, Sort::default())
        }
    };
    if only_active {
        filter.statuses = Some(vec![crate::domain::product::Status::Active]);
    }
    pages::owners_page(&app, filter, Scope::Everything, sort, page).await
}

/// An action that needs nothing said.
#[derive(Debug, Deserialize, ToSchema, garde::Validate)]
#[serde(deny_unknown_fields)]
pub struct Nothing {}

/// Lets a product into the catalogue.
#[utoipa::path(post, path = "/admin/products/{id}/approve", tag = "catalog", security(("bearer" = [])),
    params(("id" = ProductId, Path)), responses((status = 200, body = Envelope<view::Product>), Failure))]
pub async fn approve_product(
    State(app): State<AppState>,
    PathId(id): PathId<ProductId>,
    _: Admin,
    _: OptionalBody<Nothing>,
) -> Result<Reply<Encoded>, Error> {
    moderate_product::approve_product(&app, id).await?;
    own(&app, id).await
}

/// Takes a product off the catalogue.
#[utoipa::path(post, path = "/admin/products/{id}/archive", tag = "catalog", security(("bearer" = [])),
    params(("id" = ProductId, Path)), responses((status = 200, body = Envelope<view::Product>), Failure))]
pub async fn archive_product(
    State(app): State<AppState>,
    PathId(id): PathId<ProductId>,
    _: Admin,
    _: OptionalBody<Nothing>,
) -> Result<Reply<Encoded>, Error> {
    archive_product::archive_product(&app, id, Scope::Everything, None).await?;
    own(&app, id).await
}

/// A review as the operator sees it.
#[derive(Debug, Serialize, ToSchema)]
pub struct ModeratedReview {
    #[serde(flatten)]
    review: Review,
    user_id: UserId,
    seller_id: SellerId,
    hidden: bool,
}

impl From<review::Model> for ModeratedReview {
    fn from(row: review::Model) -> Self {
        let review::Model { user_id, seller_id, hidden, .. } = row;
        Self { review: row.into(), user_id, seller_id, hidden }
    }
}

/// Which reviews.
#[derive(Debug, Deserialize, IntoParams, garde::Validate)]
#[garde(allow_unvalidated)]
#[into_params(parameter_in = Query)]
pub struct ReviewParams {
    /// Only hidden ones, or only those that are shown.
    hidden: Option<bool>,
    /// Only those of this product.
    #[param(value_type = Option<String>)]
    product_id: Option<ProductId>,
}

/// All reviews, newest first.
#[utoipa::path(get, path = "/admin/reviews", tag = "catalog", security(("bearer" = [])),
    params(ReviewParams, Paging), responses((status = 200, body = ListEnvelope<ModeratedReview>), Failure))]
pub async fn reviews(
    State(app): State<AppState>,
    _: Support,
    Paging(page): Paging,
    Params(params): Params<ReviewParams>,
) -> Result<List<ModeratedReview>, Error> {
    let found = store::all(&app.db.copies().await, params.hidden, params.product_id, page).await?;
    Ok(List(found.map(ModeratedReview::from)))
}

/// Hides a review; its stars no longer count.
#[utoipa::path(post, path = "/admin/reviews/{id}/hide", tag = "catalog", security(("bearer" = [])),
    params(("id" = ReviewId, Path)), responses((status = 200, body = Envelope<ModeratedReview>), Failure))]
pub async fn hide_review(
    State(app): State<AppState>,
    PathId(id): PathId<ReviewId>,
    _: Admin,
    _: OptionalBody<Nothing>,
) -> Result<Reply<ModeratedReview>, Error> {
    Ok(Reply::ok(set_hidden(&app, id, true).await?.into()))
}

/// Shows a hidden review again; its stars count again.
#[utoipa::path(post, path = "/admin/reviews/{id}/show", tag = "catalog", security(("bearer" = [])),
    params(("id" = ReviewId, Path)), responses((status = 200, body = Envelope<ModeratedReview>), Failure))]
pub async fn show_review(
    State(app): State<AppState>,
    PathId(id): PathId<ReviewId>,
    _: Admin,
    _: OptionalBody<Nothing>,
) -> Result<Reply<ModeratedReview>, Error> {
    Ok(Reply::ok(set_hidden(&app, id, false).await?.into()))
}
