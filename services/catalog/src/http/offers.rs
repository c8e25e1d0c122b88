//! `/products/{id}/offers`: what other sellers offer on somebody's product.

use axum::extract::State;
use souk_kernel::{ProductId, SkuId};
use souk_platform::{
    http::{Body, Encoded, Failure, NoContent, PathId, PathIds, Reply, openapi::Envelope},
    security::{Permission, Seller},
};

use super::{view, viewer::Editor};
use crate::{
    app::{App, AppState},
    error::Error,
    operations::{
        add_offer::{NewOffer, add_offer},
        change_offer::{OfferUpdate, change_offer, withdraw_offer},
    },
};

/// Offers a product that another seller listed.
#[utoipa::path(post, path = "/products/{id}/offers", tag = "catalog", security(("bearer" = [])),
    params(("id" = ProductId, Path)), request_body = NewOffer,
    responses((status = 201, body = Envelope<view::Sku>), Failure))]
pub async fn add(
    State(app): State<AppState>,
    PathId(product): PathId<ProductId>,
    Seller(member): Seller,
    Body(new): Body<NewOffer>,
) -> Result<Reply<Encoded>, Error> {
    member.require(Permission::Products)?;
    let sku = add_offer(&app, product, member.seller_id, new).await?;
    Ok(Reply::created(encoded(&app, product, sku).await?))
}

/// Changes an offer of one's own.
#[utoipa::path(method(put, patch), path = "/products/{id}/offers/{sku_id}", tag = "catalog", security(("bearer" = [])),
    params(("id" = ProductId, Path), ("sku_id" = SkuId, Path)), request_body = OfferUpdate,
    responses((status = 200, body = Envelope<view::Sku>), Failure))]
pub async fn change(
    State(app): State<AppState>,
    PathIds(product, sku): PathIds<ProductId, SkuId>,
    editor: Editor,
    Body(wish): Body<OfferUpdate>,
) -> Result<Reply<Encoded>, Error> {
    change_offer(&app, product, sku, editor.scope, wish).await?;
    Ok(Reply::ok(encoded(&app, product, sku).await?))
}

/// Withdraws an offer of one's own.
#[utoipa::path(delete, path = "/products/{id}/offers/{sku_id}", tag = "catalog", security(("bearer" = [])),
    params(("id" = ProductId, Path), ("sku_id" = SkuId, Path)), responses((status = 204), Failure))]
pub async fn withdraw(
    State(app): State<AppState>,
    PathIds(product, sku): PathIds<ProductId, SkuId>,
    editor: Editor,
) -> Result<NoContent, Error> {
    withdraw_offer(&app, product, sku, editor.scope).await?;
    Ok(NoContent)
}

async fn encoded(app: &App, product: ProductId, sku: SkuId) -> Result<Encoded, Error> {
    let tree = app.categories().await?;
    let (aggregates, sellers) = app.load(&[product]).await?;
    let aggregate = aggregates.first().ok_or_else(|| Error::not_found("offer"))?;
    let view = view::product(aggregate, &sellers, &tree, &app.public_url, view::Eyes::Owner);
    let found = view.sku(sku).ok_or_else(|| Error::not_found("offer"))?;
    Ok(Encoded::of(found)?)
}
