//! A feed, pulled by hand.

use axum::extract::State as Shared;
use serde::Serialize;
use souk_platform::{
    http::{Failure, PathText, Reply, openapi::Envelope},
    security::{Permission, Seller},
};
use utoipa::ToSchema;

use super::webhook::BatchView;
use crate::{
    app::State,
    error::Error,
    operations::{self, Pulled},
};

/// What became of a pull.
#[derive(Debug, Serialize, ToSchema)]
pub struct PullView {
    outcome: Outcome,
    /// Why it failed.
    error: Option<String>,
    #[serde(flatten)]
    batch: BatchView,
}

/// How a pull ended.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The feed was taken over; its items tell what became of each.
    TakenOver,
    /// The feed is what it was at the last pull.
    NotModified,
    /// The feed could not be fetched or read.
    Failed,
}

#[utoipa::path(post, path = "/inventory/sources/{source}/pull", tag = "inventory", operation_id = "pull_stock",
    params(("source" = String, Path)), security(("bearer" = [])),
    responses((status = 200, description = "What became of the feed and of each item", body = Envelope<PullView>), Failure))]
pub async fn pull(
    Shared(app): Shared<State>,
    Seller(member): Seller,
    PathText(name): PathText,
) -> Result<Reply<PullView>, Error> {
    member.require(Permission::Stock)?;
    let (outcome, error, items) = match operations::pull_now(&app, name, member.seller_id).await? {
        Pulled::TakenOver(items) => (Outcome::TakenOver, None, items),
        Pulled::NotModified => (Outcome::NotModified, None, Vec::new()),
        Pulled::Failed(error) => (Outcome::Failed, Some(error), Vec::new()),
    };
    Ok(Reply::ok(PullView { outcome, error, batch: BatchView::of(items) }))
}
