//! The cart of whoever asks.

use axum::extract::State as Shared;
use garde::Validate;
use serde::Deserialize;
use souk_kernel::SkuId;
use souk_platform::{
    http::{Body, Failure, PathId, Reply, openapi::Envelope},
    security::{CART_TOKEN_HEADER, CartToken},
};
use utoipa::ToSchema;

use super::{shopper::Shopper, view::CartView};
use crate::{
    app::{App, State},
    domain::{Cart, MOST_UNITS},
    error::Error,
    market::{self, Market},
    operations::{self, NewItem},
    store,
};

/// What to put in.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AddItem {
    #[garde(skip)]
    sku_id: SkuId,
    /// Added to what lies there.
    #[garde(range(min = 1, max = MOST_UNITS))]
    quantity: i64,
}

/// How many there shall be.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetItem {
    /// 0 takes the line out.
    #[garde(range(min = 0, max = MOST_UNITS))]
    quantity: i64,
}

#[utoipa::path(get, path = "/cart", tag = "cart", operation_id = "show_cart", params(CartToken),
    security((), ("bearer" = [])),
    responses((status = 200, description = "The cart, made if there was none", body = Envelope<CartView>), Failure))]
pub async fn show(Shared(app): Shared<State>, shopper: Shopper) -> Result<Reply<CartView>, Error> {
    let found = if shopper.fresh { None } else { store::find_for_owner(app.db.reader(), &shopper.owner).await? };
    let cart = match found {
        Some(cart) => cart,
        None => operations::open(&app, shopper.owner).await?,
    };
    Ok(seen_by(&app, &shopper, &cart).await)
}

#[utoipa::path(delete, path = "/cart", tag = "cart", operation_id = "clear_cart", params(CartToken),
    security((), ("bearer" = [])),
    responses((status = 200, description = "The cart, empty", body = Envelope<CartView>), Failure))]
pub async fn clear(Shared(app): Shared<State>, shopper: Shopper) -> Result<Reply<CartView>, Error> {
    let cart = operations::clear(&app, shopper.owner).await?;
    Ok(seen_by(&app, &shopper, &cart).await)
}

#[utoipa::path(post, path = "/cart/items", tag = "cart", operation_id = "add_cart_item", params(CartToken),
    request_body = AddItem, security((), ("bearer" = [])),
    responses((status = 200, description = "The cart with the item", body = Envelope<CartView>), Failure))]
pub async fn add(
    Shared(app): Shared<State>,
    shopper: Shopper,
    Body(AddItem { sku_id, quantity }): Body<AddItem>,
) -> Result<Reply<CartView>, Error> {
    let known = if shopper.fresh { None } else { store::find_for_owner(app.db.reader(), &shopper.owner).await? };
    if let Some(cart) = &known {
        cart.must_be_open()?;
    }
    // One look at the market serves the change and the answer.
    let market = market::look(&app, &skus(known.as_ref(), sku_id)).await;
    let item = NewItem {
        owner: shopper.owner,
        fresh: shopper.fresh,
        sku_id,
        units: quantity,
        seen: market.buyable(sku_id)?,
        available: market.available(sku_id),
    };
    let cart = operations::add_item(&app, item).await?;
    Ok(answer(&app, &shopper, &cart, &market))
}

#[utoipa::path(put, path = "/cart/items/{sku_id}", tag = "cart", operation_id = "set_cart_item",
    params(("sku_id" = SkuId, Path), CartToken), request_body = SetItem, security((), ("bearer" = [])),
    responses((status = 200, description = "The cart as it is then", body = Envelope<CartView>), Failure))]
pub async fn set(
    Shared(app): Shared<State>,
    shopper: Shopper,
    PathId(sku_id): PathId<SkuId>,
    Body(SetItem { quantity }): Body<SetItem>,
) -> Result<Reply<CartView>, Error> {
    if quantity == 0 {
        let cart = operations::remove_item(&app, shopper.owner, sku_id).await?;
        return Ok(seen_by(&app, &shopper, &cart).await);
    }
    let known = store::find_for_owner(app.db.reader(), &shopper.owner).await?;
    let known = known.filter(|cart| cart.line(sku_id).is_some()).ok_or(crate::domain::Refusal::NotThere)?;
    known.must_be_open()?;
    let market = market::look(&app, &skus(Some(&known), sku_id)).await;
    let seen = market.buyable(sku_id)?;
    let cart = operations::set_item(&app, shopper.owner, sku_id, quantity, seen, market.available(sku_id)).await?;
    Ok(answer(&app, &shopper, &cart, &market))
}

#[utoipa::path(patch, path = "/cart/items/{sku_id}", tag = "cart", operation_id = "set_cart_item_patch",
    params(("sku_id" = SkuId, Path), CartToken), request_body = SetItem, security((), ("bearer" = [])),
    responses((status = 200, description = "The cart as it is then", body = Envelope<CartView>), Failure))]
pub async fn patch(
    app: Shared<State>,
    shopper: Shopper,
    sku_id: PathId<SkuId>,
    body: Body<SetItem>,
) -> Result<Reply<CartView>, Error> {
    set(app, shopper, sku_id, body).await
}

#[utoipa::path(delete, path = "/cart/items/{sku_id}", tag = "cart", operation_id = "remove_cart_item",
    params(("sku_id" = SkuId, Path), CartToken), security((), ("bearer" = [])),
    responses((status = 200, description = "The cart without the item", body = Envelope<CartView>), Failure))]
pub async fn remove(
    Shared(app): Shared<State>,
    shopper: Shopper,
    PathId(sku_id): PathId<SkuId>,
) -> Result<Reply<CartView>, Error> {
    let cart = operations::remove_item(&app, shopper.owner, sku_id).await?;
    Ok(seen_by(&app, &shopper, &cart).await)
}

/// The SKUs of a cart and one more.
fn skus(cart: Option<&Cart>, one_more: SkuId) -> Vec<SkuId> {
    let lines = cart.into_iter().flat_map(|cart| &cart.lines).map(|line| line.sku_id);
    lines.filter(|sku_id| *sku_id != one_more).chain([one_more]).collect()
}

async fn seen_by(app: &App, shopper: &Shopper, cart: &Cart) -> Reply<CartView> {
    let sku_ids: Vec<SkuId> = cart.lines.iter().map(|line| line.sku_id).collect();
    answer(app, shopper, cart, &market::look(app, &sku_ids).await)
}

fn answer(app: &App, shopper: &Shopper, cart: &Cart, market: &Market) -> Reply<CartView> {
    let reply = Reply::ok(CartView::of(cart, market, app.currency, shopper.new_token()));
    match &shopper.token {
        Some(token) => reply.header(CART_TOKEN_HEADER, token),
        None => reply,
    }
}
