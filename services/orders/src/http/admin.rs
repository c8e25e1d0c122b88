//! All orders, for the operator.

use axum::extract::State;
use garde::Validate;
use serde::Deserialize;
use souk_kernel::{OrderId, SellerId, UserId};
use souk_platform::{
    http::{
        Failure, List, Paging, Params, PathId, Reply,
        openapi::{Envelope, ListEnvelope},
    },
    security::Support,
};
use utoipa::IntoParams;

use super::{
    caller::Viewer,
    views::{self, OrderView},
};
use crate::{
    app::AppState,
    domain::OrderStatus,
    error::Error,
    store::{self, pages},
};

/// Which orders.
#[derive(Debug, Deserialize, Validate, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ListParams {
    #[garde(skip)]
    status: Option<OrderStatus>,
    #[garde(skip)]
    user_id: Option<UserId>,
    #[garde(skip)]
    seller_id: Option<SellerId>,
    /// Exactly as it was given.
    #[garde(inner(length(chars, max = 254)))]
    email: Option<String>,
    /// What the buyer calls the order.
    #[garde(inner(length(chars, max = 20)))]
    number: Option<String>,
}

/// Orders of everybody, newest first.
#[utoipa::path(get, path = "/admin/orders", tag = "orders", params(Paging, ListParams),
    responses((status = 200, body = ListEnvelope<OrderView>), Failure), security(("bearer" = [])))]
pub async fn list(
    State(app): State<AppState>,
    _: Support,
    Paging(page): Paging,
    Params(params): Params<ListParams>,
) -> Result<List<OrderView>, Error> {
    let conn = &app.db.copies().await;
    let ListParams { status, user_id, seller_id, email, number } = params;
    let filter = pages::Filter { status, user_id, seller_id, email, number };
    let mut page = pages::for_admin(conn, filter, &page).await?;
    let orders = store::complete_all(conn, std::mem::take(&mut page.items)).await?;
    let views = orders.iter().map(|order| views::order(order, Viewer::Operator)).collect();
    Ok(List(pages::showing(page, views)))
}

/// Any order, hidden ones too.
#[utoipa::path(get, path = "/admin/orders/{id}", tag = "orders", params(("id" = OrderId, Path)),
    responses((status = 200, body = Envelope<OrderView>), Failure), security(("bearer" = [])))]
pub async fn show(
    State(app): State<AppState>,
    _: Support,
    PathId(id): PathId<OrderId>,
) -> Result<Reply<OrderView>, Error> {
    let conn = app.db.reader();
    let row = store::orders::find(conn, id).await?.ok_or(Error::NotFound("order"))?;
    let version = row.version;
    let order = store::complete_with_history(conn, row).await?;
    Ok(Reply::ok(views::order(&order, Viewer::Operator)).etag(version))
}
