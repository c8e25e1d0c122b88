//! The events that cart takes.

use std::collections::HashMap;

use souk_contracts::events::{OrderCancelled, OrderConfirmed, UserDeleted};
use souk_kernel::SkuId;
use souk_platform::events::{Consumers, Delivery};

use crate::{app::State, error::Error, operations};

pub fn consumers(app: &State) -> Consumers {
    Consumers::new("cart")
        .unhurried()
        .on(State::clone(app), order_confirmed)
        .on(State::clone(app), order_cancelled)
        .on(State::clone(app), user_deleted)
}

async fn order_confirmed(app: State, delivery: Delivery<OrderConfirmed>) -> Result<(), Error> {
    let order = delivery.event.order;
    let Some(cart_id) = order.cart_id else { return Ok(()) };
    let mut bought: HashMap<SkuId, i64> = HashMap::new();
    for line in order.seller_orders.iter().flat_map(|part| &part.lines) {
        *bought.entry(line.sku_id).or_default() += line.quantity;
    }
    operations::close(&app, order.order_id, cart_id, bought, delivery.receipt).await
}

async fn order_cancelled(app: State, delivery: Delivery<OrderCancelled>) -> Result<(), Error> {
    let order = delivery.event.order;
    if order.cart_id.is_none() {
        return Ok(());
    }
    operations::thaw_cancelled(&app, order.order_id, delivery.receipt).await
}

async fn user_deleted(app: State, delivery: Delivery<UserDeleted>) -> Result<(), Error> {
    operations::forget_user(&app, delivery.event.user_id, delivery.receipt).await
}
