//! An order as events carry it.

use souk_contracts::events::{LineSnapshot, OrderSnapshot, OrderToken, SellerOrderSnapshot};

use super::{Order, lines, parts};

impl Order {
    /// The order as other services see it, with the token of a guest.
    pub fn snapshot(&self, token: Option<OrderToken>) -> OrderSnapshot {
        let row = &self.row;
        OrderSnapshot {
            order_id: row.id,
            number: row.number.clone(),
            user_id: row.user_id,
            email: row.email.clone(),
            token,
            name: row.address.name.clone(),
            locale: row.locale.clone(),
            cart_id: row.live_cart_id,
            payment_id: row.payment_id,
            currency: row.currency,
            subtotal: row.subtotal,
            discount: row.discount,
            shipping: row.shipping,
            tax: row.tax,
            total: row.total,
            seller_orders: self.parts.iter().map(|part| self.part_snapshot(part)).collect(),
            placed_at: row.created_at,
        }
    }

    fn part_snapshot(&self, part: &parts::Model) -> SellerOrderSnapshot {
        SellerOrderSnapshot {
            seller_order_id: part.id,
            seller_id: part.seller_id,
            seller_name: part.seller_name.clone(),
            lines: snapshot_lines(self.lines_of(part.id)),
            subtotal: part.subtotal,
            shipping: part.shipping,
            tax: part.tax,
            total: part.total,
        }
    }
}

/// Lines as events carry them.
pub fn snapshot_lines<'a>(lines: impl Iterator<Item = &'a lines::Model>) -> Vec<LineSnapshot> {
    lines
        .map(|line| LineSnapshot {
            sku_id: line.sku_id,
            product_id: line.product_id,
            title: line.title.clone(),
            quantity: line.quantity,
            unit_price: line.unit_price,
            line_total: line.line_total,
        })
        .collect()
}
