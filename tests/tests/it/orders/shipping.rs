//! Sellers ship and deliver their parts.

use std::time::Duration;

use serde_json::json;
use souk_tests::Market;

#[tokio::test]
async fn parts_are_shipped_and_delivered_one_by_one() {
    let market = Market::start().await;
    let (tea, coffee) = (market.seller("Tea House").await, market.seller("Coffee House").await);
    let (teapot, mug) = (tea.lists("Teapot", 2500, 5).await, coffee.lists("Mug", 1000, 5).await);
    let cleo = market.buyer("Cleo").await;
    cleo.adds(&teapot, 1).await;
    cleo.adds(&mug, 1).await;
    let order = cleo.places_order().await;
    cleo.pays(&order).await;
    cleo.sees(&order, "confirmed").await;
    let shipped = tea.ships(&order).await;
    assert_eq!(
        (shipped.text("status"), &shipped["tracking"]),
        ("shipped", &json!({"carrier": "DHL", "number": "JD0123456789"}))
    );
    let state = async |order| {
        let order = cleo.order(order).await;
        (order.text("status").to_owned(), order.text("fulfilment").to_owned())
    };
    assert_eq!(state(&order).await, ("confirmed".to_owned(), "partial".to_owned()));
    coffee.ships(&order).await;
    assert_eq!(state(&order).await, ("confirmed".to_owned(), "shipped".to_owned()));
    tea.delivers(&order).await;
    coffee.delivers(&order).await;
    assert_eq!(state(&order).await, ("confirmed".to_owned(), "delivered".to_owned()));
    let part = cleo.order(&order).await.part_of(&tea.id);
    assert_eq!((part.text("status"), &part["tracking"]["carrier"]), ("delivered", &json!("DHL")));
    market.ends_clean().await;
}

#[tokio::test]
async fn only_the_parts_seller_ships_it_and_in_order() {
    let market = Market::start().await;
    let (seller, rival) = (market.seller("Tea House").await, market.seller("Coffee House").await);
    let teapot = seller.lists("Teapot", 2500, 5).await;
    let cleo = market.buyer("Cleo").await;
    let order = cleo.orders(&teapot, 1).await;
    let part = order.part_of(&seller.id);
    let (ship, deliver) =
        (format!("/seller/orders/{}/ship", part.id()), format!("/seller/orders/{}/deliver", part.id()));
    let parcel = json!({"carrier": "DHL", "tracking_number": "1"});
    seller.client.put(&ship, &parcel).await.is(409);
    cleo.pays(&order).await;
    cleo.sees(&order, "confirmed").await;
    seller.client.put(&deliver, &json!({})).await.is(409);
    rival.client.put(&ship, &parcel).await.not_found();
    cleo.client.put(&ship, &parcel).await.is(403);
    market.client.put(&ship, &parcel).await.is(401);
    seller.client.put(&ship, &json!({})).await.invalid(&["carrier", "tracking_number"]);
    seller
        .client
        .put(&ship, &json!({"carrier": "", "tracking_number": "x".repeat(101)}))
        .await
        .invalid(&["carrier", "tracking_number"]);
    seller.client.put(&ship, &parcel).await.ok();
    seller.client.put(&ship, &parcel).await.is(409);
    rival.client.put(&deliver, &json!({})).await.not_found();
    seller.client.patch(&deliver, &json!({})).await.ok();
    market.ends_clean().await;
}

#[tokio::test]
async fn an_order_is_completed_when_it_can_no_longer_be_returned() {
    let market = Market::start().await;
    let seller = market.seller("Tea House").await;
    let teapot = seller.lists("Teapot", 2500, 5).await;
    let cleo = market.buyer("Cleo").await;
    let order = cleo.buys(&teapot, 1).await;
    seller.ships(&order).await;
    seller.delivers(&order).await;
    assert_eq!(seller.balance().await, (2250, 0, 0));
    market.passes(Duration::from_hours(15 * 24)).await;
    let completed = cleo.order(&order).await;
    assert_eq!(
        (completed.text("status"), &completed["seller_orders"][0]["status"]),
        ("completed", &json!("completed"))
    );
    cleo.returns(&order, teapot.sku(), 1).await.is(409);
    assert_eq!(seller.balance().await, (0, 2250, 0));
    market.ends_clean().await;
}
