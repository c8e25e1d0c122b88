//! Orders as their buyers, sellers and the operator see them.

use chrono::{DateTime, Utc};
use serde::Serialize;
use souk_kernel::{
    CommissionRuleId, Currency, Detail, OrderId, PaymentId, ProductId, SellerId, SellerOrderId, SkuId, UserId,
};
use utoipa::ToSchema;

use super::caller::Viewer;
use crate::{
    domain::{Fulfilment, OrderStatus, PartStatus, PaymentStatus},
    store::{Address, Order, history, lines, parts},
};

/// An order.
#[derive(Debug, Serialize, ToSchema)]
pub struct OrderView {
    pub id: OrderId,
    /// What people call it.
    pub number: String,
    pub status: OrderStatus,
    pub fulfilment: Fulfilment,
    /// Not shown to sellers.
    pub email: Option<String>,
    /// Shown to the operator.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_id: Option<UserId>,
    pub items: Vec<LineView>,
    pub seller_orders: Vec<SellerOrderView>,
    pub totals: TotalsView,
    pub total: i64,
    pub currency: Currency,
    pub shipping_address: Option<Address>,
    pub shipping_method: String,
    pub payment_id: Option<PaymentId>,
    pub payment_status: Option<PaymentStatus>,
    /// Where to pay, as long as it waits for that.
    pub redirect: Option<String>,
    /// The catalog did not answer when it was priced: these were the last known prices.
    pub price_may_have_changed: bool,
    /// Why it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// For a rejected order: the lines concerned.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub reason_details: Vec<Detail>,
    pub tracking: Vec<TrackingView>,
    /// Until when it may be paid.
    pub expires_at: Option<DateTime<Utc>>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    pub version: i64,
    /// Given once, to guests: sent as `X-Order-Token` it opens the order.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access_token: Option<String>,
}

/// Subtotal − discount + shipping + tax = total.
#[derive(Debug, Serialize, ToSchema)]
pub struct TotalsView {
    pub subtotal: i64,
    pub discount: i64,
    pub shipping: i64,
    pub tax: i64,
    pub total: i64,
    pub currency: Currency,
}

/// One line.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct LineView {
    pub sku_id: SkuId,
    pub product_id: ProductId,
    pub seller_order_id: SellerOrderId,
    pub title: String,
    pub quantity: i64,
    /// Units that came back.
    pub returned: i64,
    pub unit_price: i64,
    pub line_total: i64,
    pub discount: i64,
    pub tax: i64,
    #[serde(flatten)]
    pub commission: Option<CommissionView>,
}

/// What the marketplace takes of a line. Shown to its seller and the operator.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct CommissionView {
    pub commission: i64,
    pub commission_rule_id: Option<CommissionRuleId>,
    pub commission_rule_version: i64,
    /// Why this fee.
    pub commission_reason: String,
}

/// A seller.
#[derive(Debug, Serialize, ToSchema)]
pub struct SellerView {
    pub id: SellerId,
    pub name: String,
}

/// A parcel.
#[derive(Debug, Serialize, ToSchema)]
pub struct ParcelView {
    pub carrier: String,
    pub number: String,
}

/// One seller's part of an order.
#[derive(Debug, Serialize, ToSchema)]
pub struct SellerOrderView {
    pub id: SellerOrderId,
    pub order_id: OrderId,
    pub seller: SellerView,
    pub status: PartStatus,
    pub items: Vec<LineView>,
    pub subtotal: i64,
    pub discount: i64,
    pub shipping: i64,
    pub tax: i64,
    pub total: i64,
    pub currency: Currency,
    /// Shown to its seller and the operator.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub commission: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tracking: Option<ParcelView>,
    pub shipped_at: Option<DateTime<Utc>>,
    pub delivered_at: Option<DateTime<Utc>>,
}

/// Something that happened.
#[derive(Debug, Serialize, ToSchema)]
pub struct TrackingView {
    pub at: DateTime<Utc>,
    /// The status from then on, of the order or of the part.
    pub status: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seller_order_id: Option<SellerOrderId>,
    /// `buyer`, `seller:<id>`, `provider`, `admin` or `system`.
    pub by: String,
    pub note: String,
}

/// The order as `viewer` may see it.
pub fn order(order: &Order, viewer: Viewer) -> OrderView {
    let row = &order.row;
    let mine = |part: SellerOrderId| is_seen(order, part, viewer);
    let seller_orders: Vec<_> =
        order.parts.iter().filter(|part| mine(part.id)).map(|part| seller_order(order, part, viewer)).collect();
    let is_seller = matches!(viewer, Viewer::Seller(_));
    let totals = totals(order, viewer);
    let details = row.rejection.as_ref().map(|rejection| rejection.0.details.clone());
    OrderView {
        id: row.id,
        number: row.number.clone(),
        status: row.status,
        fulfilment: row.fulfilment,
        email: (!is_seller).then(|| row.email.clone()),
        user_id: row.user_id.filter(|_| viewer == Viewer::Operator),
        items: seller_orders.iter().flat_map(|part| part.items.iter().cloned()).collect(),
        shipping_address: address(order, viewer),
        total: totals.total,
        currency: row.currency,
        shipping_method: row.shipping_method.clone(),
        payment_id: row.payment_id.filter(|_| !is_seller),
        payment_status: row.payment_status,
        redirect: row.redirect.clone().filter(|_| !is_seller && row.status == OrderStatus::PendingPayment),
        price_may_have_changed: row.price_may_have_changed,
        reason: row.reason.clone(),
        reason_details: details.filter(|_| !is_seller).unwrap_or_default(),
        tracking: order
            .history
            .iter()
            .filter(|entry| entry.seller_order_id.is_none_or(mine))
            .map(|entry| tracking(entry, viewer))
            .collect(),
        expires_at: row.expires_at,
        created_at: row.created_at,
        updated_at: row.updated_at,
        version: row.version,
        access_token: None,
        seller_orders,
        totals,
    }
}

fn is_seen(order: &Order, part: SellerOrderId, viewer: Viewer) -> bool {
    match viewer {
        Viewer::Seller(seller) => order.parts.iter().any(|other| other.id == part && other.seller_id == seller),
        Viewer::Buyer | Viewer::Operator => true,
    }
}

/// Sellers see the address once there is something to ship.
fn address(order: &Order, viewer: Viewer) -> Option<Address> {
    let shown = match viewer {
        Viewer::Seller(seller) => order.parts.iter().any(|part| part.seller_id == seller && is_open(part.status)),
        Viewer::Buyer | Viewer::Operator => true,
    };
    shown.then(|| order.row.address.clone())
}

/// Whether the part was paid and not called off.
pub fn is_open(part: PartStatus) -> bool {
    !matches!(part, PartStatus::Pending | PartStatus::Cancelled)
}

fn totals(order: &Order, viewer: Viewer) -> TotalsView {
    let (row, currency) = (&order.row, order.row.currency);
    if let Viewer::Seller(seller) = viewer {
        let parts = || order.parts.iter().filter(|part| part.seller_id == seller);
        return TotalsView {
            subtotal: parts().map(|part| part.subtotal).sum(),
            discount: parts().map(|part| part.discount).sum(),
            shipping: parts().map(|part| part.shipping).sum(),
            tax: parts().map(|part| part.tax).sum(),
            total: parts().map(|part| part.total).sum(),
            currency,
        };
    }
    TotalsView {
        subtotal: row.subtotal,
        discount: row.discount,
        shipping: row.shipping,
        tax: row.tax,
        total: row.total,
        currency,
    }
}

/// One part as `viewer` may see it.
pub fn seller_order(order: &Order, part: &parts::Model, viewer: Viewer) -> SellerOrderView {
    let sees_commission = viewer != Viewer::Buyer;
    let tracking = part.carrier.clone().zip(part.tracking_number.clone());
    SellerOrderView {
        id: part.id,
        order_id: part.order_id,
        seller: SellerView { id: part.seller_id, name: part.seller_name.clone() },
        status: part.status,
        items: order.lines_of(part.id).map(|row| line(row, sees_commission)).collect(),
        subtotal: part.subtotal,
        discount: part.discount,
        shipping: part.shipping,
        tax: part.tax,
        total: part.total,
        currency: order.row.currency,
        commission: sees_commission.then_some(part.commission),
        tracking: tracking.map(|(carrier, number)| ParcelView { carrier, number }),
        shipped_at: part.shipped_at,
        delivered_at: part.delivered_at,
    }
}

fn line(row: &lines::Model, sees_commission: bool) -> LineView {
    LineView {
        sku_id: row.sku_id,
        product_id: row.product_id,
        seller_order_id: row.seller_order_id,
        title: row.title.clone(),
        quantity: row.quantity,
        returned: row.returned,
        unit_price: row.unit_price,
        line_total: row.line_total,
        discount: row.discount,
        tax: row.tax,
        commission: sees_commission.then(|| CommissionView {
            commission: row.commission,
            commission_rule_id: row.commission_rule_id,
            commission_rule_version: row.commission_rule_version,
            commission_reason: row.commission_note.clone(),
        }),
    }
}

fn tracking(entry: &history::Model, viewer: Viewer) -> TrackingView {
    let by = match entry.by.split_once(':') {
        // Which of the operator's people it was is nobody else's business.
        Some(("admin", _)) if viewer != Viewer::Operator => "admin".to_owned(),
        _ => entry.by.clone(),
    };
    TrackingView {
        at: entry.at,
        status: entry.status.clone(),
        seller_order_id: entry.seller_order_id,
        by,
        note: entry.note.clone(),
    }
}
