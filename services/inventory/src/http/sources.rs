//! External stock systems, for the seller who connects them.

use axum::extract::State as Shared;
use chrono::{DateTime, Utc};
use garde::Validate;
use serde::{Deserialize, Serialize};
use souk_kernel::{ErrorKind, Page, Problem};
use souk_platform::{
    http::{
        Body, Failure, List, NoContent, Paging, PathText, Reply, decode_cursor, encode_cursor,
        openapi::{Envelope, ListEnvelope},
    },
    security::{Permission, Seller, SellerMember, secret_token},
};
use utoipa::ToSchema;

use super::limits;
use crate::{
    app::State,
    domain::{MAIN, source::SourceKind},
    error::Error,
    operations::{self, NewSource},
    store::{
        source,
        sources::{self as source_rows, SourceChange},
    },
};

/// An external stock system.
#[derive(Debug, Serialize, ToSchema)]
pub struct SourceView {
    name: String,
    kind: SourceKind,
    /// Where its units lie.
    location: String,
    enabled: bool,
    /// Signs its batches. Told once: when it is made.
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<String>,
    created_at: DateTime<Utc>,
}

/// A stock system to connect.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ConnectSource {
    /// Unique in the marketplace: it stands in the path that the system pushes to.
    #[garde(custom(limits::name))]
    name: String,
    #[garde(skip)]
    kind: SourceKind,
    /// Where its units lie; `main` if absent.
    #[garde(inner(custom(limits::name)))]
    location: Option<String>,
}

/// What of a stock system can be changed.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeSource {
    #[garde(skip)]
    enabled: Option<bool>,
    #[garde(inner(custom(limits::name)))]
    location: Option<String>,
}

#[utoipa::path(get, path = "/inventory/sources", tag = "inventory", operation_id = "list_stock_sources",
    params(Paging), security(("bearer" = [])),
    responses((status = 200, description = "The seller's stock systems", body = ListEnvelope<SourceView>), Failure))]
pub async fn list(
    Shared(app): Shared<State>,
    member: SellerMember,
    Paging(page): Paging,
) -> Result<List<SourceView>, Error> {
    let after: Option<String> = page.cursor.as_deref().map(decode_cursor).transpose()?;
    let own = app.db.reader_for(member.seller_id).await?;
    let (mut rows, total) =
        source_rows::list_for_seller(&own, member.seller_id, after, page.offset, page.limit + 1).await?;
    let next_cursor = super::next_cursor(&mut rows, page.limit, |row| encode_cursor(&row.name));
    let items = rows.into_iter().map(SourceView::without_secret).collect();
    Ok(List(Page { items, limit: page.limit, offset: page.offset, total, next_cursor }))
}

#[utoipa::path(post, path = "/inventory/sources", tag = "inventory", operation_id = "connect_stock_source",
    request_body = ConnectSource, security(("bearer" = [])),
    responses((status = 201, description = "Connected; a webhook's secret is told now and never again",
        body = Envelope<SourceView>), Failure))]
pub async fn post(
    Shared(app): Shared<State>,
    Seller(member): Seller,
    Body(request): Body<ConnectSource>,
) -> Result<Reply<SourceView>, Error> {
    member.require(Permission::Profile)?;
    let new = NewSource {
        name: request.name,
        seller_id: member.seller_id,
        kind: request.kind,
        location: request.location.unwrap_or_else(|| MAIN.to_owned()),
    };
    Ok(Reply::created(SourceView::with_secret(operations::add_source(&app, new).await?)))
}

#[utoipa::path(get, path = "/inventory/sources/{source}", tag = "inventory", operation_id = "show_stock_source",
    params(("source" = String, Path)), security(("bearer" = [])),
    responses((status = 200, description = "The stock system", body = Envelope<SourceView>), Failure))]
pub async fn show(
    Shared(app): Shared<State>,
    member: SellerMember,
    PathText(name): PathText,
) -> Result<Reply<SourceView>, Error> {
    let found =
        source_rows::find_for_seller(&app.db.reader_for(member.seller_id).await?, &name, member.seller_id).await?;
    Ok(Reply::ok(SourceView::without_secret(found.ok_or(Error::UnknownSource)?)))
}

#[utoipa::path(put, path = "/inventory/sources/{source}", tag = "inventory", operation_id = "change_stock_source",
    params(("source" = String, Path)), request_body = ChangeSource, security(("bearer" = [])),
    responses((status = 200, description = "The stock system as it is then", body = Envelope<SourceView>), Failure))]
pub async fn put(
    Shared(app): Shared<State>,
    Seller(member): Seller,
    PathText(name): PathText,
    Body(request): Body<ChangeSource>,
) -> Result<Reply<SourceView>, Error> {
    member.require(Permission::Profile)?;
    let change = SourceChange { enabled: request.enabled, location: request.location, secret: None };
    let source = operations::change_source(&app, name, member.seller_id, change).await?;
    Ok(Reply::ok(SourceView::without_secret(source)))
}

#[utoipa::path(patch, path = "/inventory/sources/{source}", tag = "inventory", operation_id = "change_stock_source_patch",
    params(("source" = String, Path)), request_body = ChangeSource, security(("bearer" = [])),
    responses((status = 200, description = "The stock system as it is then", body = Envelope<SourceView>), Failure))]
pub async fn patch(
    app: Shared<State>,
    seller: Seller,
    name: PathText,
    body: Body<ChangeSource>,
) -> Result<Reply<SourceView>, Error> {
    put(app, seller, name, body).await
}

#[utoipa::path(delete, path = "/inventory/sources/{source}", tag = "inventory", operation_id = "disconnect_stock_source",
    params(("source" = String, Path)), security(("bearer" = [])),
    responses((status = 204, description = "Disconnected; the stock stays as it is"), Failure))]
pub async fn delete(
    Shared(app): Shared<State>,
    Seller(member): Seller,
    PathText(name): PathText,
) -> Result<NoContent, Error> {
    member.require(Permission::Profile)?;
    operations::remove_source(&app, name, member.seller_id).await?;
    Ok(NoContent)
}

#[utoipa::path(post, path = "/inventory/sources/{source}/secret", tag = "inventory",
    operation_id = "rotate_stock_source_secret", params(("source" = String, Path)), security(("bearer" = [])),
    responses((status = 200, description = "The new secret; the old one is void", body = Envelope<SourceView>), Failure))]
pub async fn rotate_secret(
    Shared(app): Shared<State>,
    Seller(member): Seller,
    PathText(name): PathText,
) -> Result<Reply<SourceView>, Error> {
    member.require(Permission::Profile)?;
    let found =
        source_rows::find_for_seller(&app.db.reader_for(member.seller_id).await?, &name, member.seller_id).await?;
    if found.ok_or(Error::UnknownSource)?.kind != SourceKind::Webhook {
        return Err(Problem::new(ErrorKind::Conflict, "no_secret", "this stock system signs nothing").into());
    }
    let change = SourceChange { secret: Some(secret_token()), ..SourceChange::default() };
    let source = operations::change_source(&app, name, member.seller_id, change).await?;
    Ok(Reply::ok(SourceView::with_secret(source)))
}

impl SourceView {
    fn with_secret(row: source::Model) -> Self {
        let source::Model { name, kind, location, secret, enabled, created_at, .. } = row;
        Self { name, kind, location, enabled, secret, created_at }
    }

    fn without_secret(row: source::Model) -> Self {
        Self { secret: None, ..Self::with_secret(row) }
    }
}
