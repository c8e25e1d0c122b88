//! Returns: asked for by buyers, decided by sellers.

use axum::extract::State;
use chrono::{DateTime, Utc};
use garde::Validate;
use http::header;
use serde::{Deserialize, Serialize};
use souk_kernel::{Actor, Currency, OrderId, Page, ReturnId, SellerOrderId, SkuId};
use souk_platform::{
    http::{
        Body, Failure, Hashed, IdempotencyKey, List, OptionalBody, Paging, Params, PathId, Reply, idempotent,
        openapi::{Envelope, ListEnvelope},
    },
    security::{OrderToken, Permission, SellerMember},
};
use utoipa::{IntoParams, ToSchema};

use super::{
    caller::{Caller, Shipper, Viewer},
    orders::Nothing,
    requests::ItemRequest,
};
use crate::{
    app::AppState,
    domain::{MAX_LINES, ReturnStatus},
    error::Error,
    operations::{self, ReturnItem},
    store::{self, Scope, pages, parts, returns},
};

/// Units to be sent back.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReturnRequest {
    /// Lines of one seller.
    #[garde(length(min = 1, max = MAX_LINES), dive)]
    items: Vec<ItemRequest>,
    /// 1 to 2000 characters.
    #[garde(length(chars, min = 1, max = 2000))]
    reason: String,
}

/// A return.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReturnView {
    pub id: ReturnId,
    pub order_id: OrderId,
    pub seller_order_id: SellerOrderId,
    pub status: ReturnStatus,
    pub items: Vec<ReturnedItem>,
    pub reason: String,
    /// What goes back to the buyer once it is approved.
    pub amount: i64,
    pub currency: Currency,
    pub created_at: DateTime<Utc>,
    pub decided_at: Option<DateTime<Utc>>,
}

/// Units of one SKU.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReturnedItem {
    pub sku_id: SkuId,
    pub quantity: i64,
}

fn view(row: returns::Model, currency: Currency) -> ReturnView {
    let item = |line: &crate::domain::RequestedLine| ReturnedItem { sku_id: line.sku_id, quantity: line.quantity };
    ReturnView {
        id: row.id,
        order_id: row.order_id,
        seller_order_id: row.seller_order_id,
        status: row.status,
        items: row.items.0.iter().map(item).collect(),
        reason: row.reason,
        amount: row.amount,
        currency,
        created_at: row.created_at,
        decided_at: row.decided_at,
    }
}

/// Asks to return delivered units.
#[utoipa::path(post, path = "/orders/{id}/returns", tag = "orders", request_body = ReturnRequest,
    params(("id" = OrderId, Path), OrderToken, IdempotencyKey),
    responses((status = 201, body = Envelope<ReturnView>), Failure), security((), ("bearer" = [])))]
pub async fn request(
    State(app): State<AppState>,
    PathId(id): PathId<OrderId>,
    caller: Caller,
    key: IdempotencyKey,
    Hashed { body: Body(request), hash }: Hashed<Body<ReturnRequest>>,
) -> axum::response::Response {
    use axum::response::IntoResponse;
    // Before the key is looked up: the answer that is kept under it is for nobody else.
    let (scope, by) = match caller.may_change(&app, id).await {
        Ok(allowed) => allowed,
        Err(error) => return error.into_response(),
    };
    let db = app.db.clone();
    // Whoever may ask for the order's return is the same to its key.
    let run = async move { make(&app, id, &scope, by, request).await.into_response() };
    idempotent(&db, &format!("returns {id}"), &key, hash, Box::pin(run)).await
}

async fn make(
    app: &AppState,
    id: OrderId,
    scope: &Scope,
    by: Actor,
    request: ReturnRequest,
) -> Result<Reply<ReturnView>, Error> {
    let items: Vec<ReturnItem> =
        request.items.iter().map(|item| ReturnItem { sku_id: item.sku_id, quantity: item.quantity }).collect();
    let made = operations::request_return(app, id, scope, by, &items, &request.reason).await?;
    let currency = store::find_in(app.db.reader(), id, scope).await?.ok_or(Error::NotFound("order"))?.currency;
    let location = format!("/api/v1/orders/{id}/returns");
    Ok(Reply::created(view(made, currency)).header(header::LOCATION, location))
}

/// The returns of an order, oldest first. Its sellers see those of their part.
#[utoipa::path(get, path = "/orders/{id}/returns", tag = "orders", params(("id" = OrderId, Path), OrderToken, Paging),
    responses((status = 200, body = ListEnvelope<ReturnView>), Failure), security((), ("bearer" = [])))]
pub async fn of_order(
    State(app): State<AppState>,
    PathId(id): PathId<OrderId>,
    caller: Caller,
    Paging(page): Paging,
) -> Result<List<ReturnView>, Error> {
    let (row, viewer) = caller.find(&app, id).await?;
    let mut all = returns::of_order(app.db.reader(), id).await?;
    if let Viewer::Seller(seller) = viewer {
        all.retain(|row| row.seller_id == seller);
    }
    let (total, offset) = (all.len() as u64, usize::try_from(page.offset).unwrap_or(usize::MAX));
    let shown = all.into_iter().skip(offset).take(usize::try_from(page.limit).unwrap_or(0));
    let items = shown.map(|one| view(one, row.currency)).collect();
    Ok(List(Page { items, limit: page.limit, offset: page.offset, total, next_cursor: None }))
}

/// Which returns.
#[derive(Debug, Deserialize, Validate, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ListParams {
    /// Only those in this status.
    #[garde(skip)]
    status: Option<ReturnStatus>,
}

/// The seller's returns, newest first.
#[utoipa::path(get, path = "/seller/returns", tag = "orders", params(Paging, ListParams),
    responses((status = 200, body = ListEnvelope<ReturnView>), Failure), security(("bearer" = [])))]
pub async fn list(
    State(app): State<AppState>,
    member: SellerMember,
    Paging(page): Paging,
    Params(params): Params<ListParams>,
) -> Result<List<ReturnView>, Error> {
    let own = app.db.copies_for(member.seller_id).await?;
    let mut page = pages::returns_for_seller(&own, member.seller_id, params.status, &page).await?;
    let conn = &app.db.copies().await;
    let rows = std::mem::take(&mut page.items);
    let orders = pages::orders_of(conn, rows.iter().map(|row| row.order_id).collect()).await?;
    let currency = |id| orders.iter().find(|order| order.id == id).map_or(app.currency, |order| order.currency);
    let views = rows.into_iter().map(|row| {
        let currency = currency(row.order_id);
        view(row, currency)
    });
    Ok(List(pages::showing(page, views.collect())))
}

/// Takes the units back: they return to the stock and the money to the buyer.
#[utoipa::path(post, path = "/seller/returns/{id}/approve", tag = "orders", params(("id" = ReturnId, Path)),
    responses((status = 200, body = Envelope<ReturnView>), Failure), security(("bearer" = [])))]
pub async fn approve(
    State(app): State<AppState>,
    Shipper(member): Shipper,
    PathId(id): PathId<ReturnId>,
    _nothing: OptionalBody<Nothing>,
) -> Result<Reply<ReturnView>, Error> {
    decide(&app, member, id, true).await
}

/// Refuses the return.
#[utoipa::path(post, path = "/seller/returns/{id}/reject", tag = "orders", params(("id" = ReturnId, Path)),
    responses((status = 200, body = Envelope<ReturnView>), Failure), security(("bearer" = [])))]
pub async fn reject(
    State(app): State<AppState>,
    Shipper(member): Shipper,
    PathId(id): PathId<ReturnId>,
    _nothing: OptionalBody<Nothing>,
) -> Result<Reply<ReturnView>, Error> {
    decide(&app, member, id, false).await
}

async fn decide(
    app: &AppState,
    member: SellerMember,
    id: ReturnId,
    approved: bool,
) -> Result<Reply<ReturnView>, Error> {
    member.require(Permission::Orders)?;
    let decided = operations::decide_return(app, id, member.seller_id, approved).await?;
    let part = parts::find_for_seller(app.db.reader(), decided.seller_order_id, member.seller_id).await?;
    let order = part.ok_or(Error::NotFound("return"))?.order_id;
    let currency = store::orders::find(app.db.reader(), order).await?.ok_or(Error::NotFound("return"))?.currency;
    Ok(Reply::ok(view(decided, currency)))
}
