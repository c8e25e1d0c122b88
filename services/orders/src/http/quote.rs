//! What an order would cost.

use axum::extract::State;
use serde::Serialize;
use souk_kernel::{Currency, Page, PageQuery, ProductId, SellerId, SkuId};
use souk_platform::{
    http::{
        Body, Failure, List, Paging, Reply,
        openapi::{Envelope, ListEnvelope},
    },
    security::{CartToken, MaybeUser, token_hash},
};
use utoipa::ToSchema;

use super::{requests::OrderRequest, views::TotalsView};
use crate::{
    app::AppState,
    error::Error,
    operations::{self, cart_owner},
};

/// A way to ship.
#[derive(Debug, Serialize, ToSchema)]
pub struct ShippingMethodView {
    pub code: String,
    pub name: String,
    /// For each seller's part of an order, in the smallest unit.
    pub price: i64,
    pub currency: Currency,
    pub estimate: String,
}

/// The ways to ship.
#[utoipa::path(get, path = "/shipping-methods", tag = "orders", params(Paging),
    responses((status = 200, body = ListEnvelope<ShippingMethodView>), Failure))]
pub async fn shipping_methods(State(app): State<AppState>, Paging(page): Paging) -> List<ShippingMethodView> {
    let methods = &app.config.shipping_methods;
    let PageQuery { limit, offset, .. } = page;
    let shown =
        methods.iter().skip(usize::try_from(offset).unwrap_or(usize::MAX)).take(usize::try_from(limit).unwrap_or(0));
    let view = shown.map(|method| ShippingMethodView {
        code: method.code.clone(),
        name: method.name.clone(),
        price: method.price,
        currency: method.currency.unwrap_or(app.currency),
        estimate: method.estimate.clone(),
    });
    List(Page { items: view.collect(), limit, offset, total: methods.len() as u64, next_cursor: None })
}

/// What an order would cost now.
#[derive(Debug, Serialize, ToSchema)]
pub struct QuoteView {
    #[serde(flatten)]
    pub totals: TotalsView,
    pub items: Vec<QuotedLine>,
    /// The catalog did not answer: these are the last known prices.
    pub price_may_have_changed: bool,
}

/// One line.
#[derive(Debug, Serialize, ToSchema)]
pub struct QuotedLine {
    pub sku_id: SkuId,
    pub product_id: ProductId,
    pub seller_id: SellerId,
    pub title: String,
    pub quantity: i64,
    pub unit_price: i64,
    pub line_total: i64,
    pub discount: i64,
    pub tax: i64,
}

/// The totals of an order that is not placed: nothing is held, and prices may change until it is.
#[utoipa::path(post, path = "/orders/quote", tag = "orders", request_body = OrderRequest, params(CartToken),
    responses((status = 200, body = Envelope<QuoteView>), Failure), security((), ("bearer" = [])))]
pub async fn quote(
    State(app): State<AppState>,
    MaybeUser(user): MaybeUser,
    CartToken(token): CartToken,
    Body(request): Body<OrderRequest>,
) -> Result<Reply<QuoteView>, Error> {
    let (method, lines) = (request.method(&app)?, request.lines()?);
    let user = user.map(|principal| principal.user_id);
    if lines.is_none() && user.is_none() && token.is_none() {
        return Err(Error::Conflict { code: "cart_empty", message: "the cart is empty" });
    }
    let owner = cart_owner(user, token.map(|token| token_hash(&token).to_vec()));
    let operations::Quote { priced, price_may_have_changed } = operations::quote(&app, lines, owner, &method).await?;
    let items = priced.parts.iter().flat_map(|part| &part.lines).map(|line| QuotedLine {
        sku_id: line.offer.sku_id,
        product_id: line.offer.product_id,
        seller_id: line.offer.seller_id,
        title: line.offer.title.clone(),
        quantity: line.offer.quantity,
        unit_price: line.offer.unit_price,
        line_total: line.line_total,
        discount: line.discount,
        tax: line.tax,
    });
    let (sums, currency) = (priced.sums, priced.currency);
    let totals = TotalsView {
        subtotal: sums.subtotal,
        discount: sums.discount,
        shipping: sums.shipping,
        tax: sums.tax,
        total: sums.total,
        currency,
    };
    Ok(Reply::ok(QuoteView { totals, items: items.collect(), price_may_have_changed }))
}
