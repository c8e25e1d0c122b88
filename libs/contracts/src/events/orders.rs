//! From orders.

use serde::{Deserialize, Serialize};
use souk_kernel::{
    CartId, Currency, OrderId, PaymentId, ProductId, ReturnId, SellerId, SellerOrderId, SkuId, Timestamp, UserId,
};

use super::event;

/// Opens one order, for whoever has no account. It goes into the buyer's mails and nowhere else.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct OrderToken(pub String);

impl std::fmt::Debug for OrderToken {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("***")
    }
}

/// An order as other services see it: enough to write to its buyer and its sellers.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct OrderSnapshot {
    pub order_id: OrderId,
    /// What people call it, for example `S-7K3M-9QXD`.
    pub number: String,
    pub user_id: Option<UserId>,
    pub email: String,
    /// With which a guest opens the order; users need none.
    #[serde(default)]
    pub token: Option<OrderToken>,
    pub name: String,
    pub locale: String,
    pub cart_id: Option<CartId>,
    pub payment_id: Option<PaymentId>,
    pub currency: Currency,
    pub subtotal: i64,
    pub discount: i64,
    pub shipping: i64,
    pub tax: i64,
    pub total: i64,
    pub seller_orders: Vec<SellerOrderSnapshot>,
    pub placed_at: Timestamp,
}

/// One seller's part.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SellerOrderSnapshot {
    pub seller_order_id: SellerOrderId,
    pub seller_id: SellerId,
    pub seller_name: String,
    pub lines: Vec<LineSnapshot>,
    pub subtotal: i64,
    pub shipping: i64,
    pub tax: i64,
    pub total: i64,
}

/// One line.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct LineSnapshot {
    pub sku_id: SkuId,
    pub product_id: ProductId,
    pub title: String,
    pub quantity: i64,
    pub unit_price: i64,
    pub line_total: i64,
}

/// The order is priced, its units are held and its payment is open.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct OrderPlaced {
    pub order: OrderSnapshot,
}
event!(OrderPlaced, "order.placed", |event| event.order.order_id);

/// The order is paid and its units are committed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct OrderConfirmed {
    pub order: OrderSnapshot,
}
event!(OrderConfirmed, "order.confirmed", |event| event.order.order_id);

/// The order will not be delivered: cancelled, expired or rejected.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct OrderCancelled {
    pub order: OrderSnapshot,
    /// `cancelled`, `expired` or `rejected`.
    pub status: String,
    pub reason: String,
    /// Whether it was paid, so that a refund is on its way.
    pub refund: bool,
}
event!(OrderCancelled, "order.cancelled", |event| event.order.order_id);

/// A seller handed its part to the carrier.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct OrderShipped {
    pub order: OrderSnapshot,
    pub seller_order_id: SellerOrderId,
    pub carrier: String,
    pub tracking_number: String,
}
event!(OrderShipped, "order.shipped", |event| event.order.order_id);

/// A seller's part arrived.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct OrderDelivered {
    pub order: OrderSnapshot,
    pub seller_order_id: SellerOrderId,
    pub delivered_at: Timestamp,
}
event!(OrderDelivered, "order.delivered", |event| event.order.order_id);

/// A seller approved a return.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct OrderReturned {
    pub order: OrderSnapshot,
    pub return_id: ReturnId,
    pub seller_order_id: SellerOrderId,
    pub lines: Vec<LineSnapshot>,
    /// What goes back to the buyer.
    pub amount: i64,
}
event!(OrderReturned, "order.returned", |event| event.order.order_id);
