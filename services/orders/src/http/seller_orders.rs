//! What sellers have to ship.

use axum::extract::State;
use chrono::{DateTime, Utc};
use garde::Validate;
use serde::{Deserialize, Serialize};
use souk_kernel::{SellerId, SellerOrderId};
use souk_platform::{
    http::{
        Body, Failure, List, OptionalBody, Paging, Params, PathId, Reply,
        openapi::{Envelope, ListEnvelope},
    },
    security::{Permission, SellerMember},
};
use utoipa::{IntoParams, ToSchema};

use super::{
    caller::{Shipper, Viewer},
    orders::Nothing,
    views::{self, SellerOrderView},
};
use crate::{
    app::{App, AppState},
    domain::PartStatus,
    error::Error,
    operations::{self, Parcel},
    store::{self, Address, Order, pages, parts},
};

/// A seller order with what its seller needs to ship it.
#[derive(Debug, Serialize, ToSchema)]
pub struct SellerOrderDetail {
    #[serde(flatten)]
    part: SellerOrderView,
    /// What the buyer calls the order.
    order_number: String,
    /// Once it is paid.
    shipping_address: Option<Address>,
    shipping_method: String,
    created_at: DateTime<Utc>,
}

fn view(order: &Order, part: &parts::Model) -> SellerOrderDetail {
    SellerOrderDetail {
        part: views::seller_order(order, part, Viewer::Seller(part.seller_id)),
        order_number: order.row.number.clone(),
        shipping_address: views::is_open(part.status).then(|| order.row.address.clone()),
        shipping_method: order.row.shipping_method.clone(),
        created_at: part.created_at,
    }
}

/// Which seller orders.
#[derive(Debug, Deserialize, Validate, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ListParams {
    /// Only those in this status.
    #[garde(skip)]
    status: Option<PartStatus>,
}

/// The seller's orders, newest first.
#[utoipa::path(get, path = "/seller/orders", tag = "orders", params(Paging, ListParams),
    responses((status = 200, body = ListEnvelope<SellerOrderDetail>), Failure), security(("bearer" = [])))]
pub async fn list(
    State(app): State<AppState>,
    member: SellerMember,
    Paging(page): Paging,
    Params(params): Params<ListParams>,
) -> Result<List<SellerOrderDetail>, Error> {
    let own = app.db.copies_for(member.seller_id).await?;
    let mut page = pages::for_seller(&own, member.seller_id, params.status, &page).await?;
    let conn = &app.db.copies().await;
    let rows = std::mem::take(&mut page.items);
    let orders = pages::orders_of(conn, rows.iter().map(|part| part.order_id).collect()).await?;
    let orders = store::complete_all(conn, orders).await?;
    let views = rows.iter().filter_map(|part| {
        let order = orders.iter().find(|order| order.row.id == part.order_id)?;
        Some(view(order, part))
    });
    Ok(List(pages::showing(page, views.collect())))
}

/// One of the seller's orders.
#[utoipa::path(get, path = "/seller/orders/{id}", tag = "orders", params(("id" = SellerOrderId, Path)),
    responses((status = 200, body = Envelope<SellerOrderDetail>), Failure), security(("bearer" = [])))]
pub async fn show(
    State(app): State<AppState>,
    member: SellerMember,
    PathId(id): PathId<SellerOrderId>,
) -> Result<Reply<SellerOrderDetail>, Error> {
    answer(&app, id, member.seller_id).await
}

async fn answer(app: &App, id: SellerOrderId, seller: SellerId) -> Result<Reply<SellerOrderDetail>, Error> {
    let part = parts::find_for_seller(&app.db.reader_for(seller).await?, id, seller).await?;
    let part = part.ok_or(Error::NotFound("seller order"))?;
    let order = app.order(part.order_id).await?;
    Ok(Reply::ok(view(&order, &part)))
}

/// The parcel.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ShipRequest {
    /// 1 to 100 characters.
    #[garde(length(chars, min = 1, max = 100))]
    carrier: String,
    /// 1 to 100 characters.
    #[garde(length(chars, min = 1, max = 100))]
    tracking_number: String,
}

/// Says that the parcel is on its way.
#[utoipa::path(method(put, patch), path = "/seller/orders/{id}/ship", tag = "orders", request_body = ShipRequest,
    params(("id" = SellerOrderId, Path)),
    responses((status = 200, body = Envelope<SellerOrderDetail>), Failure), security(("bearer" = [])))]
pub async fn ship(
    State(app): State<AppState>,
    Shipper(member): Shipper,
    PathId(id): PathId<SellerOrderId>,
    Body(request): Body<ShipRequest>,
) -> Result<Reply<SellerOrderDetail>, Error> {
    member.require(Permission::Orders)?;
    let parcel = Parcel { carrier: request.carrier, tracking_number: request.tracking_number };
    operations::ship_order(&app, id, member.seller_id, parcel).await?;
    answer(&app, id, member.seller_id).await
}

/// Says that the parcel arrived.
#[utoipa::path(method(put, patch), path = "/seller/orders/{id}/deliver", tag = "orders",
    params(("id" = SellerOrderId, Path)),
    responses((status = 200, body = Envelope<SellerOrderDetail>), Failure), security(("bearer" = [])))]
pub async fn deliver(
    State(app): State<AppState>,
    Shipper(member): Shipper,
    PathId(id): PathId<SellerOrderId>,
    _nothing: OptionalBody<Nothing>,
) -> Result<Reply<SellerOrderDetail>, Error> {
    member.require(Permission::Orders)?;
    operations::deliver_order(&app, id, member.seller_id).await?;
    answer(&app, id, member.seller_id).await
}
