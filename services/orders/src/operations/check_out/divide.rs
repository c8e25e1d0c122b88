//! Step 4: the priced lines move to one part for each seller, with what the marketplace takes of them.

use std::collections::HashMap;

use sea_orm::{ActiveValue::Set, EntityTrait, IntoActiveModel};
use souk_contracts::payments::{Fee, FeeLine, FeesRequest};
use souk_kernel::{SellerOrderId, Timestamp};
use souk_platform::db::Tx;

use crate::{
    app::App,
    domain::{PartStatus, pricing::Priced},
    error::Error,
    events::Expire,
    operations::read,
    store::{Order, lines, orders, parts},
};

/// What the marketplace takes of each line, by the line's place.
pub async fn fees(app: &App, priced: &Priced) -> Result<HashMap<String, Fee>, Error> {
    let all = priced.parts.iter().flat_map(|part| &part.lines);
    let lines = all.enumerate().map(|(place, line)| FeeLine {
        line_id: place.to_string(),
        seller_id: line.offer.seller_id.to_string(),
        category_ids: line.offer.category_ids.clone(),
        amount: line.net(),
        quantity: line.offer.quantity,
    });
    let request = FeesRequest { currency: priced.currency.code().to_owned(), lines: lines.collect() };
    let fees = app.payments.clone().fees(request).await?.into_inner().fees;
    Ok(fees.into_iter().map(|fee| (fee.line_id.clone(), fee)).collect())
}

/// The order with its parts and lines.
pub fn divided(order: &Order, priced: Priced, fees: &HashMap<String, Fee>, now: Timestamp) -> Result<Order, Error> {
    let mut divided = order.clone();
    let row = &mut divided.row;
    row.currency = priced.currency;
    (row.subtotal, row.discount) = (priced.sums.subtotal, priced.sums.discount);
    (row.shipping, row.tax, row.total) = (priced.sums.shipping, priced.sums.tax, priced.sums.total);
    for (part, place) in priced.parts.into_iter().zip(0..) {
        let id = SellerOrderId::new();
        let mut commission = 0;
        for line in part.lines {
            let place = i32::try_from(divided.lines.len()).expect("an order has at most a thousand lines");
            let fee = fees.get(&place.to_string()).ok_or_else(|| {
                tracing::error!("payments left out the fee of a line");
                souk_kernel::Problem::internal()
            })?;
            commission += fee.amount;
            let rule = Some(fee.rule_id.as_str()).filter(|rule| !rule.is_empty());
            divided.lines.push(lines::Model {
                order_id: row.id,
                place,
                seller_order_id: id,
                sku_id: line.offer.sku_id,
                product_id: line.offer.product_id,
                title: line.offer.title,
                quantity: line.offer.quantity,
                returned: 0,
                unit_price: line.offer.unit_price,
                line_total: line.line_total,
                discount: line.discount,
                tax: line.tax,
                commission: fee.amount,
                commission_rule_id: rule.map(|rule| read("rule_id", rule)).transpose()?,
                commission_rule_version: fee.rule_version,
                commission_note: fee.explanation.clone(),
            });
        }
        divided.parts.push(parts::Model {
            id,
            order_id: row.id,
            place,
            seller_id: part.seller_id,
            seller_name: part.seller_name,
            status: PartStatus::Pending,
            subtotal: part.sums.subtotal,
            discount: part.sums.discount,
            shipping: part.shipping,
            shipping_tax: part.shipping_tax,
            tax: part.sums.tax,
            total: part.sums.total,
            commission,
            carrier: None,
            tracking_number: None,
            shipped_at: None,
            delivered_at: None,
            created_at: now,
        });
    }
    Ok(divided)
}

/// Writes the priced order and sets its timer, in one transaction.
pub async fn store(app: &App, order: &mut Order) -> Result<(), Error> {
    let row = &order.row;
    let change = orders::ActiveModel {
        requested: Set(row.requested.clone()),
        cart_id: Set(row.cart_id),
        live_cart_id: Set(row.live_cart_id),
        step: Set(row.step),
        currency: Set(row.currency),
        subtotal: Set(row.subtotal),
        discount: Set(row.discount),
        shipping: Set(row.shipping),
        tax: Set(row.tax),
        total: Set(row.total),
        price_may_have_changed: Set(row.price_may_have_changed),
        expires_at: Set(row.expires_at),
        ..Default::default()
    };
    let (id, seen, expires_at) = (row.id, row.version, row.expires_at);
    let (parts, lines) = (order.parts.clone(), order.lines.clone());
    let write = move |tx: Tx| async move {
        orders::update(&tx, id, seen, tx.now(), change).await??;
        let rows = parts.into_iter().map(IntoActiveModel::into_active_model);
        tx.defer(&parts::Entity::insert_many(rows));
        for some in lines.chunks(100) {
            let rows = some.iter().cloned().map(IntoActiveModel::into_active_model);
            tx.defer(&lines::Entity::insert_many(rows));
        }
        if let Some(at) = expires_at {
            tx.publish_at(Expire { order_id: id }, at);
        }
        Ok(tx.now())
    };
    order.row.updated_at = app.write(id, write).await?;
    order.row.version = seen + 1;
    Ok(())
}
