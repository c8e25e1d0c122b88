//! Numbers that come from outside: pushed by a stock system, or uploaded as a file.

use axum::{extract::State as Shared, http::HeaderMap};
use serde::Serialize;
use souk_platform::{
    http::{Failure, PathText, RawBody, Reply, openapi::Envelope},
    security::{Permission, Seller},
};
use utoipa::ToSchema;

use crate::{
    adapters::{self, PushedBatch, Reading},
    app::State,
    domain::signature,
    error::Error,
    operations::{self, Batch, ItemResult, ResultKind},
    store::sources,
};

/// Carries the signature.
const SIGNATURE: &str = "souk-signature";

/// What became of a batch.
#[derive(Debug, Serialize, ToSchema)]
pub struct BatchView {
    applied: usize,
    unchanged: usize,
    refused: usize,
    items: Vec<ItemResult>,
}

#[utoipa::path(post, path = "/inventory/sources/{source}/webhook", tag = "inventory", operation_id = "push_stock",
    params(("source" = String, Path),
        ("Souk-Signature" = String, Header, description = "t=<unix seconds>,v1=<hex HMAC-SHA256 of \"<t>.<body>\">")),
    request_body = PushedBatch,
    responses((status = 200, description = "What became of each item", body = Envelope<BatchView>), Failure))]
pub async fn webhook(
    Shared(app): Shared<State>,
    PathText(name): PathText,
    headers: HeaderMap,
    RawBody(body): RawBody,
) -> Result<Reply<BatchView>, Error> {
    let source = sources::find(app.db.reader(), &name).await?.ok_or(Error::UnknownSource)?;
    let adapter = adapters::of(source.kind);
    if !adapter.is_pushed() {
        return Err(Error::UnknownSource);
    }
    let secret = source.secret.as_deref().ok_or(Error::UnknownSource)?;
    let header = headers.get(SIGNATURE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let now = app.db.clock().now();
    let signed_at = signature::verified_at(header, &body, secret, now).ok_or(Error::BadSignature)?;
    let Reading { items, unreadable, as_of } = adapter.read(&body)?;
    // A time in the future would lock out all numbers until then.
    let as_of = as_of.unwrap_or(signed_at).min(now);
    Ok(Reply::ok(BatchView::of(operations::sync(&app, source, Batch { items, as_of, unreadable }).await?)))
}

#[utoipa::path(post, path = "/inventory/sources/{source}/import", tag = "inventory", operation_id = "import_stock",
    params(("source" = String, Path)), security(("bearer" = [])),
    request_body(content = String, content_type = "text/csv", description = "Columns `sku` and `on_hand`, named in the first line"),
    responses((status = 200, description = "What became of each line", body = Envelope<BatchView>), Failure))]
pub async fn import(
    Shared(app): Shared<State>,
    Seller(member): Seller,
    PathText(name): PathText,
    RawBody(body): RawBody,
) -> Result<Reply<BatchView>, Error> {
    member.require(Permission::Stock)?;
    let source = sources::find_for_seller(app.db.reader(), &name, member.seller_id).await?;
    let source = source.filter(|source| adapters::of(source.kind).is_uploaded()).ok_or(Error::UnknownSource)?;
    let Reading { items, unreadable, .. } = adapters::of(source.kind).read(&body)?;
    let batch = Batch { items, as_of: app.db.clock().now(), unreadable };
    Ok(Reply::ok(BatchView::of(operations::sync(&app, source, batch).await?)))
}

impl BatchView {
    pub fn of(items: Vec<ItemResult>) -> Self {
        let count = |kind| items.iter().filter(|item| item.result == kind).count();
        Self {
            applied: count(ResultKind::Applied),
            unchanged: count(ResultKind::Unchanged),
            refused: count(ResultKind::Refused),
            items,
        }
    }
}
