//! Following an order by server-sent events.

use serde_json::json;
use souk_tests::Market;

#[tokio::test]
async fn a_stream_tells_the_status_now_and_every_change() {
    let market = Market::start().await;
    let seller = market.seller("Tea House").await;
    let teapot = seller.lists("Teapot", 2500, 5).await;
    for buyer in [market.buyer("Cleo").await, market.guest()] {
        let order = buyer.orders(&teapot, 1).await;
        let mut stream = buyer.follows(&order).await;
        let first = stream.next().await.unwrap();
        assert_eq!((first.name.as_str(), &first.data["status"]), ("status", &json!("pending_payment")));
        assert_eq!((&first.data["id"], &first.data["fulfilment"]), (&order["id"], &json!("none")));
        assert!(first.data["at"].is_string() && first.data["payment_status"] == "pending");
        buyer.pays(&order).await;
        stream.until("confirmed").await;
        seller.ships(&order).await;
        let shipped = stream.next().await.unwrap();
        assert_eq!((&shipped.data["status"], &shipped.data["fulfilment"]), (&json!("confirmed"), &json!("shipped")));
    }
    market.ends_clean().await;
}

#[tokio::test]
async fn a_stream_ends_when_nothing_more_can_change() {
    let market = Market::start().await;
    let seller = market.seller("Tea House").await;
    let teapot = seller.lists("Teapot", 2500, 5).await;
    let cleo = market.buyer("Cleo").await;
    let order = cleo.buys(&teapot, 1).await;
    let mut stream = cleo.follows(&order).await;
    cleo.cancels(&order).await.ok();
    stream.until("refunded").await;
    assert_eq!(stream.next().await, None);
    market.ends_clean().await;
}

#[tokio::test]
async fn many_tabs_follow_one_order() {
    let market = Market::start().await;
    let seller = market.seller("Tea House").await;
    let teapot = seller.lists("Teapot", 2500, 5).await;
    let cleo = market.buyer("Cleo").await;
    let order = cleo.orders(&teapot, 1).await;
    let mut tabs = Vec::new();
    for _ in 0..20 {
        tabs.push(cleo.follows(&order).await);
    }
    cleo.pays(&order).await;
    for tab in &mut tabs {
        tab.until("confirmed").await;
    }
    market.ends_clean().await;
}
