//! A buyer's orders.

use axum::extract::State;
use garde::Validate;
use serde::Deserialize;
use souk_kernel::OrderId;
use souk_platform::{
    http::{
        Body, Failure, IfMatch, List, NoContent, OptionalBody, Paging, Params, PathId, Reply,
        openapi::{Envelope, ListEnvelope},
    },
    security::{OrderToken, User},
};
use utoipa::{IntoParams, ToSchema};

use super::{
    caller::{Caller, Viewer},
    views::{self, OrderView},
};
use crate::{
    app::{App, AppState},
    domain::OrderStatus,
    error::Error,
    operations,
    store::{self, Address, pages},
};

/// Which orders.
#[derive(Debug, Deserialize, Validate, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ListParams {
    /// Only those in this status.
    #[garde(skip)]
    status: Option<OrderStatus>,
}

/// The caller's own orders, newest first.
#[utoipa::path(get, path = "/orders", tag = "orders", params(Paging, ListParams),
    responses((status = 200, body = ListEnvelope<OrderView>), Failure), security(("bearer" = [])))]
pub async fn list(
    State(app): State<AppState>,
    User(user): User,
    Paging(page): Paging,
    Params(params): Params<ListParams>,
) -> Result<List<OrderView>, Error> {
    let conn = &app.db.copies().await;
    let mut page = pages::for_buyer(conn, user.user_id, params.status, &page).await?;
    let orders = store::complete_all(conn, std::mem::take(&mut page.items)).await?;
    let views = orders.iter().map(|order| views::order(order, Viewer::Buyer)).collect();
    Ok(List(pages::showing(page, views)))
}

/// How the buyer comes to the order.
#[derive(Debug, Deserialize, Validate, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ShowParams {
    /// Set where a payment provider sends the browser back to: the provider is asked whether it was paid.
    #[garde(skip)]
    paid: Option<String>,
    /// The same, for programs.
    #[garde(skip)]
    refresh: Option<String>,
}

/// An order. Its sellers see their part of it.
#[utoipa::path(get, path = "/orders/{id}", tag = "orders",
    params(("id" = OrderId, Path), OrderToken, ShowParams),
    responses((status = 200, body = Envelope<OrderView>), Failure), security((), ("bearer" = [])))]
pub async fn show(
    State(app): State<AppState>,
    PathId(id): PathId<OrderId>,
    caller: Caller,
    Params(params): Params<ShowParams>,
) -> Result<Reply<OrderView>, Error> {
    let (mut row, viewer) = caller.find(&app, id).await?;
    let asked = params.paid.is_some() || params.refresh.is_some();
    if asked && row.status.is_payable() && app.refreshed.get(&id).await.is_none() {
        app.refreshed.insert(id, ()).await;
        if let Err(error) = operations::check_payment(&app, id).await {
            // The order is shown as it is; the provider's word will come by itself.
            tracing::warn!(order_id = %id, %error, "asking about a payment failed");
        }
        row = store::orders::find(app.db.reader(), id).await?.ok_or(Error::NotFound("order"))?;
    }
    reply(&app, row, viewer).await
}

/// The order as it is now.
async fn answer(app: &App, caller: &Caller, id: OrderId) -> Result<Reply<OrderView>, Error> {
    let (row, viewer) = caller.find(app, id).await?;
    reply(app, row, viewer).await
}

async fn reply(app: &App, row: store::orders::Model, viewer: Viewer) -> Result<Reply<OrderView>, Error> {
    let version = row.version;
    let order = app.complete(row).await?;
    Ok(Reply::ok(views::order(&order, viewer)).etag(version))
}

/// What may be changed.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OrderUpdate {
    #[garde(dive)]
    shipping_address: Address,
    /// The version that the caller saw, as in `If-Match`.
    #[garde(skip)]
    version: Option<i64>,
}

/// Sends the order elsewhere; 409 once a part is shipped.
#[utoipa::path(method(put, patch), path = "/orders/{id}", tag = "orders", request_body = OrderUpdate,
    params(("id" = OrderId, Path), OrderToken, IfMatch),
    responses((status = 200, body = Envelope<OrderView>), Failure), security((), ("bearer" = [])))]
pub async fn update(
    State(app): State<AppState>,
    PathId(id): PathId<OrderId>,
    caller: Caller,
    IfMatch(seen): IfMatch,
    Body(update): Body<OrderUpdate>,
) -> Result<Reply<OrderView>, Error> {
    let (scope, by) = caller.may_change(&app, id).await?;
    let seen = seen.or(update.version);
    operations::change_address(&app, id, &scope, by, update.shipping_address, seen).await?;
    answer(&app, &caller, id).await
}

/// Hides an order that is unpaid or over; an unpaid one is cancelled. 409 otherwise.
#[utoipa::path(delete, path = "/orders/{id}", tag = "orders", params(("id" = OrderId, Path), OrderToken),
    responses((status = 204), Failure), security((), ("bearer" = [])))]
pub async fn remove(
    State(app): State<AppState>,
    PathId(id): PathId<OrderId>,
    caller: Caller,
) -> Result<NoContent, Error> {
    let (scope, by) = caller.may_change(&app, id).await?;
    operations::hide_order(&app, id, &scope, by).await?;
    Ok(NoContent)
}

/// Nothing needs to be said.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Nothing {}

/// Cancels the order; what was paid is refunded. 409 once a part is shipped, or when it is over.
#[utoipa::path(method(put, patch), path = "/orders/{id}/cancel", tag = "orders",
    params(("id" = OrderId, Path), OrderToken),
    responses((status = 200, body = Envelope<OrderView>), Failure), security((), ("bearer" = [])))]
pub async fn cancel(
    State(app): State<AppState>,
    PathId(id): PathId<OrderId>,
    caller: Caller,
    _nothing: OptionalBody<Nothing>,
) -> Result<Reply<OrderView>, Error> {
    let (scope, by) = caller.may_change(&app, id).await?;
    operations::cancel_order(&app, id, &scope, by).await?;
    answer(&app, &caller, id).await
}
