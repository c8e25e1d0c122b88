//! Carts, and the orders that they are bound to.

use sea_orm::DbErr;
use souk_cart::verify::FrozenCart;
use souk_orders::verify::OrderStatus;
use souk_platform::{events::Backlog, verify::Rule};

use super::{LOOKS, PAGE, PAUSE};
use crate::{databases::Databases, verify::transit::Transit};

/// A frozen cart can't be changed by its owner: it must not stay so once its order is decided.
pub async fn wait_for_live_orders(databases: &Databases, transit: &Transit) -> Result<Rule, DbErr> {
    let (mut checked, mut offenders, mut after) = (0, Vec::new(), None);
    loop {
        let page = souk_cart::verify::frozen_carts(databases.cart(), after, PAGE).await?;
        let Some(last) = page.last() else { break };
        after = Some(last.cart_id);
        for cart in &page {
            checked += 1;
            offenders.extend(still_forgotten(databases, transit, cart).await?);
        }
    }
    Ok(Rule::new("a frozen cart waits for an order that is not decided", checked, offenders))
}

/// Looks until the cart is free, or stays frozen although nothing about its order is under way.
async fn still_forgotten(databases: &Databases, transit: &Transit, cart: &FrozenCart) -> Result<Option<String>, DbErr> {
    let Some(mut wrong) = forgotten(databases, cart).await? else { return Ok(None) };
    let late = transit.is_late(&["orders", "cart"]).await;
    for _ in 0..LOOKS {
        tokio::time::sleep(PAUSE).await;
        match forgotten(databases, cart).await? {
            Some(still) => wrong = still,
            None => return Ok(None),
        }
    }
    let subjects = [cart.order_id.to_string(), format!("{}/orders.undo", cart.order_id)];
    let on_its_way = late || Backlog::concerns(databases.orders(), &subjects).await?;
    Ok((!on_its_way).then_some(wrong))
}

async fn forgotten(databases: &Databases, cart: &FrozenCart) -> Result<Option<String>, DbErr> {
    let order = souk_orders::verify::facts_about(databases.orders(), cart.order_id).await?;
    let decided = match order.map(|order| order.status) {
        Some(OrderStatus::Queued | OrderStatus::PendingPayment) => return Ok(None),
        Some(status) => format!("which is {status:?}"),
        None => "which does not exist".to_owned(),
    };
    let frozen = souk_cart::verify::is_frozen(databases.cart(), cart).await?;
    Ok(frozen.then(|| format!("{}: is frozen for the order {}, {decided}", cart.cart_id, cart.order_id)))
}
