//! External stock systems, for the seller who connects them.

use std::time::Duration;

use axum::extract::State as Shared;
use chrono::{DateTime, Utc};
use garde::Validate;
use serde::{Deserialize, Serialize};
use souk_kernel::{ErrorKind, Page, Problem, Timestamp};
use souk_platform::{
    http::{
        Body, Failure, List, NoContent, Paging, PathText, Reply, decode_cursor, encode_cursor,
        openapi::{Envelope, ListEnvelope},
    },
    outbound::Target,
    security::{Permission, Seller, SellerMember, secret_token},
};
use utoipa::ToSchema;

use super::limits;
use crate::{
    app::State,
    domain::{
        MAIN,
        channel::{Circuit, Direction},
        source::SourceKind,
    },
    error::Error,
    operations::{self, Connected, Connection, Line, NewSource},
    store::{
        channel, channels as channel_rows, source,
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
    /// Signs its batches, and what is published to it. Told once: when it is made.
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<String>,
    /// Pulls of its feed.
    feed: Option<ChannelView>,
    /// How often its feed is pulled.
    every: Option<String>,
    /// Publications of what changes here.
    publishing: Option<ChannelView>,
    created_at: DateTime<Utc>,
}

/// What runs between us and a stock system by itself.
#[derive(Debug, Serialize, ToSchema)]
pub struct ChannelView {
    /// Without name, password and query: these may be secret.
    url: String,
    circuit: Circuit,
    /// Failures in a row. With the fifth the circuit opens; pauses grow up to an hour.
    failures: i64,
    /// Why the last turn failed.
    error: Option<String>,
    last_at: Option<DateTime<Utc>>,
    /// Absent while there is nothing to tell.
    next_at: Option<DateTime<Utc>>,
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
    /// Where it can be pulled: a document of its kind, over http or https. It may hold a name and a password.
    #[garde(inner(custom(limits::url)))]
    feed_url: Option<String>,
    /// How often: `1m` to `7days`; `15m` if absent.
    #[garde(inner(custom(limits::every)))]
    every: Option<String>,
    /// Where changes of its SKUs are told by signed JSON.
    #[garde(inner(custom(limits::url)))]
    publish_url: Option<String>,
}

/// What of a stock system can be changed.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeSource {
    #[garde(skip)]
    enabled: Option<bool>,
    #[garde(inner(custom(limits::name)))]
    location: Option<String>,
    /// An empty text ends the pulls.
    #[garde(inner(custom(limits::url)))]
    feed_url: Option<String>,
    #[garde(inner(custom(limits::every)))]
    every: Option<String>,
    /// An empty text ends the publications.
    #[garde(inner(custom(limits::url)))]
    publish_url: Option<String>,
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
    let names: Vec<&str> = rows.iter().map(|row| row.name.as_str()).collect();
    let channels = channel_rows::of_sources(&own, &names).await?;
    let now = app.db.clock().now();
    let items = rows.into_iter().map(|row| SourceView::of(row, &channels, now)).collect();
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
        connection: connection(request.feed_url, request.every, request.publish_url),
    };
    let connected = operations::add_source(&app, new).await?;
    Ok(Reply::created(SourceView::told(connected, app.db.clock().now())))
}

#[utoipa::path(get, path = "/inventory/sources/{source}", tag = "inventory", operation_id = "show_stock_source",
    params(("source" = String, Path)), security(("bearer" = [])),
    responses((status = 200, description = "The stock system", body = Envelope<SourceView>), Failure))]
pub async fn show(
    Shared(app): Shared<State>,
    member: SellerMember,
    PathText(name): PathText,
) -> Result<Reply<SourceView>, Error> {
    let own = app.db.reader_for(member.seller_id).await?;
    let found = source_rows::find_for_seller(&own, &name, member.seller_id).await?;
    let found = found.ok_or(Error::UnknownSource)?;
    let channels = channel_rows::of_sources(&own, &[&name]).await?;
    Ok(Reply::ok(SourceView::of(found, &channels, app.db.clock().now())))
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
    let connection = connection(request.feed_url, request.every, request.publish_url);
    let connected = operations::change_source(&app, name, member.seller_id, change, connection).await?;
    Ok(Reply::ok(SourceView::told(connected, app.db.clock().now())))
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
    let own = app.db.reader_for(member.seller_id).await?;
    let found = source_rows::find_for_seller(&own, &name, member.seller_id).await?;
    drop(own);
    if found.ok_or(Error::UnknownSource)?.secret.is_none() {
        return Err(Problem::new(ErrorKind::Conflict, "no_secret", "this stock system signs nothing").into());
    }
    let change = SourceChange { secret: Some(secret_token()), ..SourceChange::default() };
    let connected = operations::change_source(&app, name, member.seller_id, change, Connection::default()).await?;
    Ok(Reply::ok(SourceView::told(connected, app.db.clock().now())))
}

impl SourceView {
    fn of(row: source::Model, channels: &[channel::Model], now: Timestamp) -> Self {
        let source::Model { name, kind, location, enabled, created_at, .. } = row;
        let find = |direction| channels.iter().find(|row| row.source == name && row.direction == direction);
        let (feed, publishing) = (find(Direction::Pull), find(Direction::Publish));
        let every = feed.and_then(|row| u64::try_from(row.every_seconds?).ok());
        Self {
            feed: feed.map(|row| ChannelView::of(row, now)),
            every: every.map(|seconds| limits::written(Duration::from_secs(seconds))),
            publishing: publishing.map(|row| ChannelView::of(row, now)),
            name,
            kind,
            location,
            enabled,
            secret: None,
            created_at,
        }
    }

    /// With the secret, if it was made just now.
    fn told(connected: Connected, now: Timestamp) -> Self {
        let Connected { source, channels, secret_is_new } = connected;
        let secret = source.secret.clone().filter(|_| secret_is_new);
        Self { secret, ..Self::of(source, &channels, now) }
    }
}

impl ChannelView {
    fn of(row: &channel::Model, now: Timestamp) -> Self {
        Self {
            url: row.url.parse::<Target>().map_or_else(|_| String::new(), |target| target.to_string()),
            circuit: Circuit::of(row.failures, row.next_at, now),
            failures: row.failures,
            error: row.error.clone(),
            last_at: row.last_at,
            next_at: row.next_at,
        }
    }
}

/// The fields as they were checked: an empty URL ends what runs there.
fn connection(feed: Option<String>, every: Option<String>, publish: Option<String>) -> Connection {
    let line = |url: Option<String>| match url {
        Some(url) => url.parse().map_or(Line::Cut, Line::To),
        None => Line::Kept,
    };
    Connection { feed: line(feed), every: every.as_deref().and_then(limits::duration), publish: line(publish) }
}
