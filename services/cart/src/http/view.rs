//! A cart as its owner sees it, at the prices and with the stock of this moment.

use serde::Serialize;
use souk_kernel::{CartId, Currency, OrderId, ProductId, SellerId, SkuId};
use utoipa::ToSchema;

use crate::{
    domain::{Cart, Line, Status},
    market::{Market, Shown, reason},
};

/// A cart.
#[derive(Debug, Serialize, ToSchema)]
pub struct CartView {
    id: CartId,
    /// `frozen` while an order is being made of it.
    status: Status,
    /// The order that is being made of it.
    order_id: Option<OrderId>,
    items: Vec<ItemView>,
    /// At the prices of this moment, in the smallest unit.
    subtotal: i64,
    currency: Currency,
    version: i64,
    /// A guest's new token: to be sent as `X-Cart-Token` from now on.
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<String>,
}

/// One line.
#[derive(Debug, Serialize, ToSchema)]
pub struct ItemView {
    sku_id: SkuId,
    product_id: ProductId,
    title: String,
    image: Option<String>,
    seller: SellerView,
    quantity: i64,
    /// Now, in the smallest unit.
    unit_price: i64,
    currency: Currency,
    line_total: i64,
    /// How many can be bought; null when inventory does not answer.
    available: Option<i64>,
    /// Whether the price is another than when the item was put in.
    price_changed: bool,
    /// Why it can't be bought now: `product_unavailable`, `seller_unavailable`.
    unavailable_reason: Option<String>,
}

/// Who sells it.
#[derive(Debug, Serialize, ToSchema)]
pub struct SellerView {
    id: SellerId,
    name: String,
}

impl CartView {
    pub fn of(cart: &Cart, market: &Market, fallback: Currency, token: Option<String>) -> Self {
        let items: Vec<ItemView> = cart.lines.iter().map(|line| ItemView::of(line, market)).collect();
        // The limits of a cart hold for the prices that were seen; those of this moment may exceed them.
        let subtotal = items.iter().fold(0_i64, |sum, item| sum.saturating_add(item.line_total));
        let currency = items.first().map_or(fallback, |item| item.currency);
        Self {
            id: cart.id,
            status: cart.status,
            order_id: cart.order_id,
            items,
            subtotal,
            currency,
            version: cart.version,
            token,
        }
    }
}

impl ItemView {
    fn of(line: &Line, market: &Market) -> Self {
        let seen = &line.seen;
        let mut view = Self {
            sku_id: line.sku_id,
            product_id: seen.product_id,
            title: seen.title.clone(),
            image: seen.image.clone(),
            seller: SellerView { id: seen.seller_id, name: seen.seller_name.clone() },
            quantity: line.quantity,
            unit_price: seen.unit_price,
            currency: seen.currency,
            line_total: 0,
            available: market.available(line.sku_id),
            price_changed: false,
            unavailable_reason: None,
        };
        match market.shown(line.sku_id) {
            Shown::Offered(offer) => {
                view.title.clone_from(&offer.title);
                view.seller.name.clone_from(&offer.seller_name);
                view.image = (!offer.image.is_empty()).then(|| offer.image.clone());
                let currency = offer.currency.parse().unwrap_or(seen.currency);
                view.price_changed = (offer.price, currency) != (seen.unit_price, seen.currency);
                (view.unit_price, view.currency) = (offer.price, currency);
                if !offer.sellable {
                    (view.available, view.unavailable_reason) = (Some(0), Some(reason(offer)));
                }
            }
            Shown::Gone => {
                (view.available, view.unavailable_reason) = (Some(0), Some("product_unavailable".to_owned()));
            }
            Shown::Unknown => {}
        }
        view.line_total = view.unit_price.saturating_mul(view.quantity);
        view
    }
}
