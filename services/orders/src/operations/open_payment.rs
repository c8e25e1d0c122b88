//! Opens a payment for an order's attempt.

use souk_contracts::payments::{Allocation, CreatePaymentRequest, Payment};
use souk_kernel::{OrderId, PaymentId};

use crate::{app::App, error::Error, store::Order};

/// The payment of an attempt: payments computes the same.
pub fn payment_of(order: OrderId, attempt: i32) -> PaymentId {
    PaymentId::derived(&format!("{order}/{attempt}"))
}

/// Opens the payment; the same attempt gives the same payment again.
pub async fn open_payment(app: &App, order: &Order, attempt: i32, provider: &str) -> Result<Payment, Error> {
    let row = &order.row;
    let allocations = order
        .parts
        .iter()
        .map(|part| Allocation {
            seller_order_id: part.id.to_string(),
            seller_id: part.seller_id.to_string(),
            goods: part.subtotal - part.discount,
            shipping: part.shipping,
            tax: part.tax,
            commission: part.commission,
        })
        .collect();
    let request = CreatePaymentRequest {
        order_id: row.id.to_string(),
        attempt,
        provider: provider.to_owned(),
        amount: row.total,
        currency: row.currency.code().to_owned(),
        allocations,
        buyer_user_id: row.user_id.map(|id| id.to_string()),
        order_token_hash: row.token_hash.clone().unwrap_or_default(),
        return_url: app.config.return_url.replace("{order_id}", &row.id.to_string()),
    };
    Ok(app.payments.clone().create_payment(request).await?.into_inner())
}
