//! Letters about orders, to buyers and to sellers.

use souk_contracts::events::{LineSnapshot, OrderSnapshot, SellerOrderSnapshot};
use souk_kernel::{Currency, Money};

use super::{Site, letter};

/// One line as it is read.
pub struct Line {
    quantity: i64,
    title: String,
    price: String,
}

/// One seller's lines.
pub struct Part {
    seller: String,
    lines: Vec<Line>,
}

impl Part {
    fn of(seller: &str, lines: &[LineSnapshot], currency: Currency) -> Self {
        let lines = lines.iter().map(|line| Line {
            quantity: line.quantity,
            title: line.title.clone(),
            price: money(line.line_total, currency),
        });
        Self { seller: seller.to_owned(), lines: lines.collect() }
    }

    fn of_seller(part: &SellerOrderSnapshot, currency: Currency) -> Self {
        Self::of(&part.seller_name, &part.lines, currency)
    }
}

fn money(amount: i64, currency: Currency) -> String {
    Money::new(amount, currency).to_string()
}

/// A guest's link holds what opens the order.
fn buyers_page(site: &Site, order: &OrderSnapshot) -> String {
    let token = order.token.as_ref().map(|token| format!("?token={}", token.0));
    site.page(&format!("/orders/{}{}", order.order_id, token.unwrap_or_default()))
}

fn sellers_page(site: &Site, part: &SellerOrderSnapshot) -> String {
    site.page(&format!("/seller/orders/{}", part.seller_order_id))
}

/// To the buyer: paid.
pub struct OrderConfirmed {
    name: String,
    number: String,
    parts: Vec<Part>,
    /// Label and amount, without the total; what is zero is left out.
    sums: Vec<(&'static str, String)>,
    total: String,
    url: String,
}

impl OrderConfirmed {
    pub fn of(order: &OrderSnapshot, site: &Site) -> Self {
        let currency = order.currency;
        let sums = [
            ("Goods", order.subtotal),
            ("Discount", -order.discount),
            ("Shipping", order.shipping),
            ("Tax", order.tax),
        ];
        let sums = sums.into_iter().filter(|(_, amount)| *amount != 0);
        Self {
            name: order.name.clone(),
            number: order.number.clone(),
            parts: order.seller_orders.iter().map(|part| Part::of_seller(part, currency)).collect(),
            sums: sums.map(|(label, amount)| (label, money(amount, currency))).collect(),
            total: money(order.total, currency),
            url: buyers_page(site, order),
        }
    }
}

letter!(OrderConfirmed, "order_confirmed", "order_confirmed.txt", "order_confirmed.html", |m, site| {
    format!("Your order {} at {}", m.number, site.name)
});

/// To the buyer: a part is on its way.
pub struct OrderShipped {
    name: String,
    number: String,
    carrier: String,
    tracking_number: String,
    parts: Vec<Part>,
    url: String,
}

impl OrderShipped {
    pub fn of(event: &souk_contracts::events::OrderShipped, site: &Site) -> Self {
        let order = &event.order;
        let shipped = order.seller_orders.iter().filter(|part| part.seller_order_id == event.seller_order_id);
        Self {
            name: order.name.clone(),
            number: order.number.clone(),
            carrier: event.carrier.clone(),
            tracking_number: event.tracking_number.clone(),
            parts: shipped.map(|part| Part::of_seller(part, order.currency)).collect(),
            url: buyers_page(site, order),
        }
    }
}

letter!(OrderShipped, "order_shipped", "order_shipped.txt", "order_shipped.html", |m, _site| {
    format!("Your order {} is on its way", m.number)
});

/// Why an order ended without delivery.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Cancellation {
    Cancelled,
    Expired,
    Rejected,
}

impl Cancellation {
    /// From the order's status; words of later versions mean no more than that it ended.
    pub fn of(status: &str) -> Self {
        match status {
            "expired" => Self::Expired,
            "rejected" => Self::Rejected,
            _ => Self::Cancelled,
        }
    }

    pub fn headline(self) -> &'static str {
        match self {
            Self::Cancelled => "Your order was cancelled",
            Self::Expired => "Your order was not paid in time",
            Self::Rejected => "Your order could not be taken",
        }
    }
}

/// To the buyer: nothing will come.
pub struct OrderCancelled {
    name: String,
    number: String,
    headline: &'static str,
    reason: String,
    refund: bool,
    total: String,
    url: String,
}

impl OrderCancelled {
    pub fn of(event: &souk_contracts::events::OrderCancelled, site: &Site) -> Self {
        let order = &event.order;
        Self {
            name: order.name.clone(),
            number: order.number.clone(),
            headline: Cancellation::of(&event.status).headline(),
            reason: event.reason.trim_end_matches('.').to_owned(),
            refund: event.refund,
            total: money(order.total, order.currency),
            url: buyers_page(site, order),
        }
    }
}

letter!(OrderCancelled, "order_cancelled", "order_cancelled.txt", "order_cancelled.html", |m, _site| {
    format!("{}: {}", m.headline, m.number)
});

/// To the buyer: a return was approved.
pub struct OrderReturned {
    name: String,
    number: String,
    parts: Vec<Part>,
    amount: String,
    url: String,
}

impl OrderReturned {
    pub fn of(event: &souk_contracts::events::OrderReturned, site: &Site) -> Self {
        let order = &event.order;
        let from = order.seller_orders.iter().find(|part| part.seller_order_id == event.seller_order_id);
        let seller = from.map_or("", |part| &part.seller_name);
        Self {
            name: order.name.clone(),
            number: order.number.clone(),
            parts: vec![Part::of(seller, &event.lines, order.currency)],
            amount: money(event.amount, order.currency),
            url: buyers_page(site, order),
        }
    }
}

letter!(OrderReturned, "order_returned", "order_returned.txt", "order_returned.html", |m, _site| {
    format!("Your return from order {} was approved", m.number)
});

/// To somebody of a seller's team: something to ship.
pub struct NewOrder {
    name: String,
    number: String,
    seller: String,
    parts: Vec<Part>,
    subtotal: String,
    shipping: String,
    url: String,
}

impl NewOrder {
    pub fn of(order: &OrderSnapshot, part: &SellerOrderSnapshot, name: &str, site: &Site) -> Self {
        let currency = order.currency;
        Self {
            name: name.to_owned(),
            number: order.number.clone(),
            seller: part.seller_name.clone(),
            parts: vec![Part::of_seller(part, currency)],
            subtotal: money(part.subtotal, currency),
            shipping: money(part.shipping, currency),
            url: sellers_page(site, part),
        }
    }
}

letter!(NewOrder, "new_order", "new_order.txt", "new_order.html", |m, _site| {
    format!("New order {} for {}", m.number, m.seller)
});

/// To somebody of a seller's team: nothing to ship after all.
pub struct SaleCancelled {
    name: String,
    number: String,
    seller: String,
    parts: Vec<Part>,
    url: String,
}

impl SaleCancelled {
    pub fn of(order: &OrderSnapshot, part: &SellerOrderSnapshot, name: &str, site: &Site) -> Self {
        Self {
            name: name.to_owned(),
            number: order.number.clone(),
            seller: part.seller_name.clone(),
            parts: vec![Part::of_seller(part, order.currency)],
            url: sellers_page(site, part),
        }
    }
}

letter!(SaleCancelled, "sale_cancelled", "sale_cancelled.txt", "sale_cancelled.html", |m, _site| {
    format!("Do not ship order {}", m.number)
});
