//! Sending an order elsewhere.

use serde_json::json;
use souk_tests::{Market, address};

#[tokio::test]
async fn the_address_changes_until_something_is_shipped() {
    let market = Market::start().await;
    let seller = market.seller("Tea House").await;
    let teapot = seller.lists("Teapot", 2500, 5).await;
    let cleo = market.buyer("Cleo").await;
    let order = cleo.orders(&teapot, 1).await;
    let path = format!("/orders/{}", order.id());
    let mut elsewhere = address();
    elsewhere["city"] = json!("York");
    let changed = cleo.client.put(&path, &json!({"shipping_address": elsewhere})).await.ok();
    assert_eq!(changed["shipping_address"]["city"], "York");
    cleo.pays(&order).await;
    cleo.sees(&order, "confirmed").await;
    elsewhere["city"] = json!("Hull");
    cleo.client.patch(&path, &json!({"shipping_address": elsewhere})).await.ok();
    assert_eq!(seller.part(&order).await["shipping_address"]["city"], "Hull");
    seller.ships(&order).await;
    cleo.client.put(&path, &json!({"shipping_address": address()})).await.is(409);
    assert_eq!(cleo.order(&order).await["shipping_address"]["city"], "Hull");
    market.ends_clean().await;
}

#[tokio::test]
async fn a_lost_race_for_the_address_is_412() {
    let market = Market::start().await;
    let seller = market.seller("Tea House").await;
    let teapot = seller.lists("Teapot", 2500, 5).await;
    let cleo = market.buyer("Cleo").await;
    let order = cleo.orders(&teapot, 1).await;
    let path = format!("/orders/{}", order.id());
    let seen = cleo.client.get(&path).await.is(200);
    let etag = seen.text_header("etag").to_owned();
    cleo.client.put(&path, &json!({"shipping_address": address()})).if_match(&etag).await.ok();
    cleo.client.put(&path, &json!({"shipping_address": address()})).if_match(&etag).await.refused(412, "version_lost");
    let stale = json!({"shipping_address": address(), "version": seen.data()["version"]});
    cleo.client.put(&path, &stale).await.refused(412, "version_lost");
    market.ends_clean().await;
}

#[tokio::test]
async fn nothing_but_the_address_can_be_put() {
    let market = Market::start().await;
    let seller = market.seller("Tea House").await;
    let teapot = seller.lists("Teapot", 2500, 5).await;
    let cleo = market.buyer("Cleo").await;
    let order = cleo.orders(&teapot, 1).await;
    let path = format!("/orders/{}", order.id());
    cleo.client.put(&path, &json!({"status": "confirmed"})).await.is(400);
    cleo.client.put(&path, &json!({"shipping_address": address(), "total": 1})).await.malformed(&["total"]);
    let mut nowhere = address();
    nowhere["country"] = json!("XXX");
    cleo.client.put(&path, &json!({"shipping_address": nowhere})).await.invalid(&["shipping_address.country"]);
    market.ends_clean().await;
}
