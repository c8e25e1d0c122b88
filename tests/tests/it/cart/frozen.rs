//! Carts of which an order is made, as `souk verify` sees them.

use souk_tests::Market;

const RULE: &str = "a frozen cart waits for an order that is not decided";

async fn sets_status(market: &Market, from: &str, to: &str) {
    let sql = format!("UPDATE carts SET status = '{to}' WHERE status = '{from}'");
    market.tampers(market.databases().cart(), sql).await;
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
    let waiting = market.rule(RULE).await;
    assert!((waiting.checked, waiting.holds()) == (1, true), "its order waits for the payment: {waiting:?}");
    anna.pays(&order).await;
    anna.sees(&order, "confirmed").await;
    market.settles().await;
    assert_eq!(market.rule(RULE).await.checked, 0, "it is closed");
    sets_status(&market, "closed", "frozen").await;
    let found = market.rule(RULE).await.offenders;
    assert!(matches!(&found[..], [one] if one.contains(order.id()) && one.contains("Confirmed")), "{found:?}");
    sets_status(&market, "frozen", "closed").await;
    market.ends_clean().await;
}
