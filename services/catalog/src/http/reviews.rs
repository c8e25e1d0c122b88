//! `/products/{id}/reviews`

use axum::extract::State;
use serde::Serialize;
use souk_kernel::{ProductId, ReviewId, Timestamp};
use souk_platform::{
    http::{
        Body, Failure, List, Paging, PathId, PathText, Reply,
        openapi::{Envelope, ListEnvelope},
    },
    security::User,
};
use utoipa::ToSchema;

use super::{products, viewer::Viewer};
use crate::{
    app::AppState,
    error::Error,
    operations::post_review::{NewReview, post_review},
    store::{entities::review, reviews},
};

/// A review.
#[derive(Debug, Serialize, ToSchema)]
pub struct Review {
    id: ReviewId,
    product_id: ProductId,
    /// The reviewer's first name; empty after the account was deleted.
    author: String,
    rating: i16,
    title: String,
    body: String,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
}

impl From<review::Model> for Review {
    fn from(row: review::Model) -> Self {
        let review::Model { id, product_id, author, rating, title, body, created_at, .. } = row;
        Self { id, product_id, author, rating, title, body, created_at }
    }
}

/// A product's reviews, newest first.
#[utoipa::path(get, path = "/products/{id}/reviews", tag = "catalog",
    params(("id" = String, Path, description = "Id or slug"), Paging),
    responses((status = 200, body = ListEnvelope<Review>), Failure))]
pub async fn list(
    State(app): State<AppState>,
    PathText(name): PathText,
    viewer: Viewer,
    Paging(page): Paging,
) -> Result<List<Review>, Error> {
    let id = products::visible(&app, &name, &viewer).await?;
    Ok(List(reviews::of_product(&app.db.copies().await, id, page).await?.map(Review::from)))
}

/// Reviews a product that one bought and received.
#[utoipa::path(post, path = "/products/{id}/reviews", tag = "catalog", security(("bearer" = [])),
    params(("id" = ProductId, Path)), request_body = NewReview,
    responses((status = 201, body = Envelope<Review>), Failure))]
pub async fn post(
    State(app): State<AppState>,
    PathId(id): PathId<ProductId>,
    User(user): User,
    Body(new): Body<NewReview>,
) -> Result<Reply<Review>, Error> {
    Ok(Reply::created(post_review(&app, id, user.user_id, new).await?.into()))
}
