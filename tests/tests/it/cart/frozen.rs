//! Carts of which an order is made, as `souk verify` sees them.

use sea_orm::{ConnectionTrait, DbErr};
use souk_platform::db::Tx;
use souk_tests::Market;

/// What the rule finds.
async fn forgotten(market: &Market) -> Vec<String> {
    let report = market.verify().await;
    let rules = &report.rules["between services"];
    let name = "a frozen cart waits for an order that is not decided";
    rules.iter().find(|rule| rule.name == name).expect("it is checked").offenders.clone()
}

async fn sets_status(market: &Market, from: &str, to: &str) {
    let sql = format!("UPDATE carts SET status = '{to}' WHERE status = '{from}'");
    let change = |tx: Tx| async move { tx.execute_unprepared(&sql).await.map(|done| done.rows_affected()) };
    let changed = market.databases().cart().transaction::<_, DbErr, _, _>(change).await;
    assert_eq!(changed.expect("the cart can be changed"), 1);
}

#[tokio::test]
async fn a_cart_that_stays_frozen_for_a_decided_order_is_found() {
    let market = Market::start().await;
    let seller = market.seller("Tea House").await;
    let teapot = seller.lists("Teapot", 2500, 7).await;
    let anna = market.buyer("Anna").await;
    anna.adds(&teapot, 1).await;
    let order = anna.places_order().await;
    market.settles().await;
    assert!(forgotten(&market).await.is_empty(), "its order waits for the payment");
    anna.pays(&order).await;
    anna.sees(&order, "confirmed").await;
    market.settles().await;
    sets_status(&market, "closed", "frozen").await;
    let found = forgotten(&market).await;
    assert!(matches!(&found[..], [one] if one.contains(order.id()) && one.contains("Confirmed")), "{found:?}");
    sets_status(&market, "frozen", "closed").await;
    market.ends_clean().await;
}
