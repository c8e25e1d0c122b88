//! A SKU's stock and its ledger, for its seller.

use axum::extract::State as Shared;
use chrono::{DateTime, Utc};
use garde::Validate;
use serde::{Deserialize, Serialize};
use souk_kernel::{OrderId, Page, Problem, SkuId, Timestamp};
use souk_platform::{
    http::{
        Body, Failure, IfMatch, List, Paging, Params, PathId, Reply, decode_cursor, encode_cursor,
        openapi::{Envelope, ListEnvelope},
    },
    security::{Permission, Seller, SellerMember},
};
use utoipa::{IntoParams, ToSchema};

use super::limits;
use crate::{
    app::State,
    domain::{Level, MOST_UNITS, MovementKind, Stock},
    error::Error,
    operations::{self, Change, SetStock},
    store::{
        ledger,
        stock::{self as stock_rows, Wanted},
        stock_event, stock_level,
    },
};

/// A SKU's stock.
#[derive(Debug, Serialize, ToSchema)]
pub struct StockView {
    sku_id: SkuId,
    on_hand: i64,
    /// Held for orders that are not paid yet.
    reserved: i64,
    /// What can still be bought.
    available: i64,
    version: i64,
    locations: Vec<LocationView>,
    updated_at: DateTime<Utc>,
}

/// What lies at one location.
#[derive(Debug, Serialize, ToSchema)]
pub struct LocationView {
    location: String,
    on_hand: i64,
    reserved: i64,
    available: i64,
}

/// A row of the seller's stock list.
#[derive(Debug, Serialize, ToSchema)]
pub struct StockRow {
    sku_id: SkuId,
    location: String,
    on_hand: i64,
    reserved: i64,
    available: i64,
    version: i64,
    updated_at: DateTime<Utc>,
}

/// One line of the ledger.
#[derive(Debug, Serialize, ToSchema)]
pub struct EventView {
    /// Changes of a SKU are numbered from 1.
    version: i64,
    location: String,
    kind: MovementKind,
    /// By how much it changed what is on hand.
    on_hand: i64,
    /// By how much it changed what is reserved.
    reserved: i64,
    order_id: Option<OrderId>,
    reference: Option<String>,
    reason: Option<String>,
    /// Who did it.
    by: String,
    at: DateTime<Utc>,
}

/// Corrects stock: either `on_hand` or `adjust`.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct StockChange {
    /// So many are on hand: at the location, or over all of them, and then `main` takes up the difference.
    #[garde(range(min = 0, max = MOST_UNITS))]
    on_hand: Option<i64>,
    /// So many more (or fewer): at the location, or at `main`.
    #[garde(range(min = -MOST_UNITS, max = MOST_UNITS))]
    adjust: Option<i64>,
    #[garde(inner(length(chars, max = 200)))]
    reason: Option<String>,
    #[garde(inner(custom(limits::name)))]
    location: Option<String>,
    /// As `If-Match`.
    #[garde(skip)]
    version: Option<i64>,
}

/// Which stock rows are wanted.
#[derive(Debug, Deserialize, Validate, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct StockFilter {
    /// Only rows with at most so many units available.
    #[garde(range(min = 0, max = MOST_UNITS))]
    available_max: Option<i64>,
}

#[utoipa::path(get, path = "/inventory", tag = "inventory", operation_id = "list_stock",
    params(Paging, StockFilter), security(("bearer" = [])),
    responses((status = 200, description = "The seller's stock", body = ListEnvelope<StockRow>), Failure))]
pub async fn list(
    Shared(app): Shared<State>,
    member: SellerMember,
    Paging(page): Paging,
    Params(filter): Params<StockFilter>,
) -> Result<List<StockRow>, Error> {
    let wanted = Wanted { seller_id: member.seller_id, available_max: filter.available_max };
    let after: Option<(SkuId, String)> = page.cursor.as_deref().map(decode_cursor).transpose()?;
    let own = app.db.copies_for(member.seller_id).await?;
    let mut rows = stock_rows::list_for_seller(&own, wanted, after, page.offset, page.limit + 1).await?;
    let total = stock_rows::count_for_seller(&own, wanted).await?;
    let next_cursor = super::next_cursor(&mut rows, page.limit, |row| encode_cursor(&(row.sku_id, &row.location)));
    let items = rows.into_iter().map(StockRow::from).collect();
    Ok(List(Page { items, limit: page.limit, offset: page.offset, total, next_cursor }))
}

#[utoipa::path(get, path = "/inventory/{sku_id}", tag = "inventory", operation_id = "show_stock",
    params(("sku_id" = SkuId, Path)), security(("bearer" = [])),
    responses((status = 200, description = "The SKU's stock", body = Envelope<StockView>), Failure))]
pub async fn show(
    Shared(app): Shared<State>,
    member: SellerMember,
    PathId(sku_id): PathId<SkuId>,
) -> Result<Reply<StockView>, Error> {
    let found =
        stock_rows::find_for_seller(&app.db.reader_for(member.seller_id).await?, sku_id, member.seller_id).await?;
    let (stock, updated_at) = found.ok_or(Error::UnknownSku)?;
    Ok(Reply::ok(StockView::of(&stock, updated_at)).etag(stock.version()))
}

#[utoipa::path(put, path = "/inventory/{sku_id}", tag = "inventory", operation_id = "set_stock",
    params(("sku_id" = SkuId, Path), IfMatch), request_body = StockChange, security(("bearer" = [])),
    responses((status = 200, description = "The stock as it is then", body = Envelope<StockView>), Failure))]
pub async fn put(
    Shared(app): Shared<State>,
    Seller(member): Seller,
    PathId(sku_id): PathId<SkuId>,
    IfMatch(seen): IfMatch,
    Body(request): Body<StockChange>,
) -> Result<Reply<StockView>, Error> {
    member.require(Permission::Stock)?;
    let change = match (request.on_hand, request.adjust) {
        (Some(on_hand), None) => Change::OnHand(on_hand),
        (None, Some(units)) => Change::Adjust(units),
        (Some(_), Some(_)) => return Err(Problem::invalid("adjust", "can't stand beside on_hand").into()),
        (None, None) => return Err(Problem::invalid("on_hand", "either on_hand or adjust is required").into()),
    };
    if seen.zip(request.version).is_some_and(|(header, body)| header != body) {
        return Err(Problem::invalid("version", "differs from If-Match").into());
    }
    let change = SetStock {
        sku_id,
        seller_id: member.seller_id,
        location: request.location,
        change,
        seen: seen.or(request.version),
        open: false,
        reason: request.reason.filter(|reason| !reason.is_empty()),
        actor: format!("{}", member.user_id),
    };
    let (stock, updated_at) = operations::set_stock(&app, change).await?;
    Ok(Reply::ok(StockView::of(&stock, updated_at)).etag(stock.version()))
}

#[utoipa::path(patch, path = "/inventory/{sku_id}", tag = "inventory", operation_id = "set_stock_patch",
    params(("sku_id" = SkuId, Path), IfMatch), request_body = StockChange, security(("bearer" = [])),
    responses((status = 200, description = "The stock as it is then", body = Envelope<StockView>), Failure))]
pub async fn patch(
    app: Shared<State>,
    seller: Seller,
    sku_id: PathId<SkuId>,
    seen: IfMatch,
    body: Body<StockChange>,
) -> Result<Reply<StockView>, Error> {
    put(app, seller, sku_id, seen, body).await
}

#[utoipa::path(get, path = "/inventory/{sku_id}/events", tag = "inventory", operation_id = "list_stock_events",
    params(("sku_id" = SkuId, Path), Paging), security(("bearer" = [])),
    responses((status = 200, description = "The SKU's ledger, newest first", body = ListEnvelope<EventView>), Failure))]
pub async fn events(
    Shared(app): Shared<State>,
    member: SellerMember,
    PathId(sku_id): PathId<SkuId>,
    Paging(page): Paging,
) -> Result<List<EventView>, Error> {
    let found =
        stock_rows::find_for_seller(&app.db.reader_for(member.seller_id).await?, sku_id, member.seller_id).await?;
    let (stock, _) = found.ok_or(Error::UnknownSku)?;
    let before: Option<i64> = page.cursor.as_deref().map(decode_cursor).transpose()?;
    let mut rows = ledger::page(&app.db.copies().await, sku_id, before, page.offset, page.limit + 1).await?;
    let next_cursor = super::next_cursor(&mut rows, page.limit, |row| encode_cursor(&row.version));
    // Changes are numbered without gaps: the last number is how many there are.
    let total = u64::try_from(stock.version()).unwrap_or_default();
    let items = rows.into_iter().map(EventView::from).collect();
    Ok(List(Page { items, limit: page.limit, offset: page.offset, total, next_cursor }))
}

impl StockView {
    fn of(stock: &Stock, updated_at: Timestamp) -> Self {
        let totals = stock.totals();
        let locations = stock.places().iter().map(|place| LocationView {
            location: place.location.clone(),
            on_hand: place.level.on_hand,
            reserved: place.level.reserved,
            available: place.level.available(),
        });
        Self {
            sku_id: totals.sku_id,
            on_hand: totals.on_hand,
            reserved: totals.reserved,
            available: totals.available(),
            version: totals.version,
            locations: locations.collect(),
            updated_at,
        }
    }
}

impl From<stock_level::Model> for StockRow {
    fn from(row: stock_level::Model) -> Self {
        let level = Level { on_hand: row.on_hand, reserved: row.reserved };
        Self {
            sku_id: row.sku_id,
            location: row.location,
            on_hand: level.on_hand,
            reserved: level.reserved,
            available: level.available(),
            version: row.version,
            updated_at: row.updated_at,
        }
    }
}

impl From<stock_event::Model> for EventView {
    fn from(row: stock_event::Model) -> Self {
        Self {
            version: row.version,
            location: row.location,
            kind: row.kind,
            on_hand: row.on_hand_delta,
            reserved: row.reserved_delta,
            order_id: row.order_id,
            reference: row.reference,
            reason: row.reason,
            by: row.actor,
            at: row.at,
        }
    }
}
