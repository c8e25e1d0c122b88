//! One process is killed and comes back.

use std::time::{Duration, Instant};

use serde_json::json;
use souk_tests::{Market, eventually};

#[tokio::test]
async fn a_purchase_goes_through_all_processes() {
    let market = Market::builder().split().start().await;
    let seller = market.seller("Tea House").await;
    let teapot = seller.lists("Teapot", 2500, 5).await;
    let cleo = market.buyer("Cleo").await;
    let order = cleo.buys(&teapot, 2).await;
    seller.ships(&order).await;
    seller.delivers(&order).await;
    assert_eq!(seller.stock(&teapot).await, (3, 0, 3));
    assert!(!market.mail_to(&cleo.email).await.is_empty());
    market.ends_clean().await;
}

#[tokio::test]
async fn purchases_complete_without_notifications_and_the_mail_goes_out_later() {
    let mut market = Market::builder().split().start().await;
    let seller = market.seller("Tea House").await;
    let teapot = seller.lists("Teapot", 2500, 50).await;
    let cleo = market.buyer("Cleo").await;
    market.loses("notifications").await;
    for _ in 0..5 {
        cleo.buys(&teapot, 1).await;
    }
    market.client.get("/notifications").await.refused(503, "notifications_unavailable");
    // Longer than all tries of a delivery that is refused.
    market.passes(Duration::from_mins(30)).await;
    market.passes(Duration::from_mins(30)).await;
    market.regains("notifications").await;
    eventually("the mail has gone out", async || {
        market.clock.advance(chrono::TimeDelta::seconds(1));
        let sent = market.admin.client.get(&format!("/admin/mail?to={}", cleo.email)).await;
        (sent.status == 200 && sent.rows().len() == 5).then_some(())
    })
    .await;
    market.ends_clean().await;
}

#[tokio::test]
async fn without_inventory_there_are_no_new_orders_and_carts_are_kept() {
    let mut market = Market::builder().split().start().await;
    let seller = market.seller("Tea House").await;
    let teapot = seller.lists("Teapot", 2500, 50).await;
    let cleo = market.buyer("Cleo").await;
    cleo.adds(&teapot, 2).await;
    market.loses("inventory").await;
    for _ in 0..10 {
        let began = Instant::now();
        let answer = cleo.tries_to_order(&cleo.order_form()).await;
        assert_eq!(answer.status, 503, "{answer}");
        // Nobody waits for the time that a call may take.
        assert!(began.elapsed() < Duration::from_secs(15), "refused after {:?}", began.elapsed());
    }
    assert_eq!(cleo.cart().await.list("items").len(), 1);
    market.client.get(&format!("/products/{}", teapot.id())).await.ok();
    market.regains("inventory").await;
    let order = eventually("orders are taken again", async || {
        let answer = cleo.tries_to_order(&cleo.order_form()).await;
        (answer.status == 201).then(|| answer.created())
    })
    .await;
    cleo.pays(&order).await;
    cleo.sees(&order, "confirmed").await;
    market.settles().await;
    assert_eq!(seller.stock(&teapot).await, (48, 0, 48));
    market.recovers().await;
    market.ends_clean().await;
}

#[tokio::test]
async fn without_catalog_orders_have_the_last_known_prices() {
    let mut market = Market::builder().split().start().await;
    let seller = market.seller("Tea House").await;
    let teapot = seller.lists("Teapot", 2500, 50).await;
    let cleo = market.buyer("Cleo").await;
    // Known are the prices that orders has seen.
    market.guest().buys(&teapot, 1).await;
    cleo.adds(&teapot, 1).await;
    market.loses("catalog").await;
    let order = cleo.places_order().await;
    assert_eq!((&order["price_may_have_changed"], &order["total"]), (&json!(true), &json!(2500)));
    market.client.get(&format!("/products/{}", teapot.id())).await.refused(503, "catalog_unavailable");
    market.regains("catalog").await;
    cleo.pays(&order).await;
    eventually("the order is confirmed", async || {
        market.clock.advance(chrono::TimeDelta::seconds(1));
        (cleo.order(&order).await["status"] == "confirmed").then_some(())
    })
    .await;
    market.recovers().await;
    market.ends_clean().await;
}

#[tokio::test]
async fn a_search_that_is_down_takes_nothing_else_down_and_catches_up() {
    let mut market = Market::builder().split().start().await;
    let seller = market.seller("Tea House").await;
    seller.lists("Teapot", 2500, 5).await;
    market.loses("search").await;
    let kettle = seller.lists("Kettle", 3500, 5).await;
    market.client.get("/search?q=kettle").await.refused(503, "search_unavailable");
    assert_eq!(market.client.get("/products").await.rows().len(), 2);
    market.guest().buys(&kettle, 1).await;
    market.regains("search").await;
    eventually("what was listed meanwhile is found", async || {
        market.clock.advance(chrono::TimeDelta::seconds(1));
        let found = market.client.get("/search?q=kettle").await;
        (found.status == 200 && found.ok().number("total") == 1).then_some(())
    })
    .await;
    market.recovers().await;
    market.ends_clean().await;
}

#[tokio::test]
async fn events_of_one_thing_keep_their_order_through_an_outage() {
    let mut market = Market::builder().split().start().await;
    let seller = market.seller("Tea House").await;
    let teapot = seller.lists("Teapot", 2500, 5).await;
    market.loses("search").await;
    for price in [2600, 2700, 2800] {
        seller.reprices(&teapot, price).await;
    }
    market.regains("search").await;
    eventually("the last price is found", async || {
        market.clock.advance(chrono::TimeDelta::seconds(1));
        let found = market.client.get("/search?q=teapot").await;
        (found.status == 200 && found.ok().list("hits").first()?["price"] == 2800).then_some(())
    })
    .await;
    market.recovers().await;
    market.ends_clean().await;
}
