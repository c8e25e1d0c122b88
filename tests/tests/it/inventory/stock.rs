//! Stock of a SKU, and its ledger.

use serde_json::json;
use souk_tests::{Market, Thing};

#[tokio::test]
async fn stock_is_seen_by_its_seller_only() {
    let market = Market::start().await;
    let (seller, rival) = (market.seller("Tea House").await, market.seller("Coffee House").await);
    let teapot = seller.lists("Teapot", 2500, 5).await;
    let path = format!("/inventory/{}", teapot.sku());
    let level = seller.client.get(&path).await.ok();
    assert_eq!((level.number("on_hand"), level.number("reserved"), level.number("available")), (5, 0, 5));
    assert_eq!((level.number("version"), level.list("locations").len()), (1, 1));
    rival.client.get(&path).await.not_found();
    rival.client.put(&path, &json!({"on_hand": 0})).await.not_found();
    rival.client.get(&format!("{path}/events")).await.not_found();
    market.client.get(&path).await.is(401);
    market.buyer("Cleo").await.client.get(&path).await.is(403);
    seller.client.get("/inventory/sku_01h455vb4pex5vsknk084sn02q").await.not_found();
    assert_eq!(seller.stock(&teapot).await, (5, 0, 5));
    market.ends_clean().await;
}

#[tokio::test]
async fn stock_is_set_or_adjusted_and_every_change_is_in_the_ledger() {
    let market = Market::start().await;
    let seller = market.seller("Tea House").await;
    let teapot = seller.lists("Teapot", 2500, 5).await;
    let path = format!("/inventory/{}", teapot.sku());
    let level = seller.client.put(&path, &json!({"on_hand": 12, "reason": "counted"})).await.ok();
    assert_eq!((level.number("on_hand"), level.number("version")), (12, 2));
    let level = seller.client.patch(&path, &json!({"adjust": -4, "reason": "broken"})).await.ok();
    assert_eq!((level.number("on_hand"), level.number("version")), (8, 3));
    let events = seller.client.get(&format!("{path}/events")).await.rows();
    let read = |event: &Thing| (event.number("on_hand"), event["reason"].as_str().unwrap_or_default().to_owned());
    assert_eq!(
        events.iter().map(read).collect::<Vec<_>>(),
        [(-4, "broken".into()), (7, "counted".into()), (5, String::new())]
    );
    assert_eq!(events.iter().map(|event| event.number("on_hand")).sum::<i64>(), 8, "the ledger adds up");
    market.ends_clean().await;
}

#[tokio::test]
async fn the_ledger_tells_what_became_of_an_order() {
    let market = Market::start().await;
    let seller = market.seller("Tea House").await;
    let teapot = seller.lists("Teapot", 2500, 5).await;
    let cleo = market.buyer("Cleo").await;
    let order = cleo.orders(&teapot, 2).await;
    assert_eq!(seller.stock(&teapot).await, (5, 2, 3));
    cleo.pays(&order).await;
    cleo.sees(&order, "confirmed").await;
    assert_eq!(seller.stock(&teapot).await, (3, 0, 3));
    let events = seller.client.get(&format!("/inventory/{}/events", teapot.sku())).await.rows();
    let kinds: Vec<_> = events.iter().rev().map(|event| event.text("kind").to_owned()).collect();
    assert_eq!(kinds, ["received", "reserved", "committed"]);
    assert!(events[..2].iter().all(|event| event["order_id"] == order["id"]));
    market.ends_clean().await;
}

#[tokio::test]
async fn stock_never_falls_below_what_is_reserved() {
    let market = Market::start().await;
    let seller = market.seller("Tea House").await;
    let teapot = seller.lists("Teapot", 2500, 5).await;
    market.buyer("Cleo").await.orders(&teapot, 3).await;
    let path = format!("/inventory/{}", teapot.sku());
    seller.client.put(&path, &json!({"on_hand": 2})).await.is(409);
    seller.client.put(&path, &json!({"adjust": -3})).await.is(409);
    seller.client.put(&format!("/products/{}", teapot.id()), &json!({"stock": 2})).await.is(409);
    let level = seller.client.put(&path, &json!({"on_hand": 3})).await.ok();
    assert_eq!((level.number("on_hand"), level.number("reserved"), level.number("available")), (3, 3, 0));
    market.ends_clean().await;
}

#[tokio::test]
async fn a_change_says_one_thing_and_says_it_well() {
    let market = Market::start().await;
    let seller = market.seller("Tea House").await;
    let teapot = seller.lists("Teapot", 2500, 5).await;
    let path = format!("/inventory/{}", teapot.sku());
    seller.client.put(&path, &json!({})).await.is(422);
    seller.client.put(&path, &json!({"on_hand": 1, "adjust": 1})).await.is(422);
    seller.client.put(&path, &json!({"on_hand": -1})).await.invalid(&["on_hand"]);
    seller.client.put(&path, &json!({"on_hand": 1_000_000_001})).await.invalid(&["on_hand"]);
    seller.client.put(&path, &json!({"on_hand": "5"})).await.malformed(&["on_hand"]);
    seller.client.put(&path, &json!({"on_hand": 1.5})).await.malformed(&["on_hand"]);
    seller.client.put(&path, &json!({"adjust": 1_000_000_000})).await.is(422);
    seller.client.put(&path, &json!({"adjust": i64::MAX})).await.is(422);
    assert_eq!(seller.stock(&teapot).await, (5, 0, 5));
    market.ends_clean().await;
}

#[tokio::test]
async fn a_lost_race_for_stock_is_412() {
    let market = Market::start().await;
    let seller = market.seller("Tea House").await;
    let teapot = seller.lists("Teapot", 2500, 5).await;
    let path = format!("/inventory/{}", teapot.sku());
    let seen = seller.client.get(&path).await.is(200);
    let etag = seen.text_header("etag").to_owned();
    seller.client.put(&path, &json!({"on_hand": 6})).if_match(&etag).await.ok();
    seller.client.put(&path, &json!({"on_hand": 7})).if_match(&etag).await.refused(412, "version_lost");
    seller.client.put(&path, &json!({"on_hand": 7, "version": 1})).await.refused(412, "version_lost");
    seller.client.put(&path, &json!({"on_hand": 7, "version": 2})).await.ok();
    market.ends_clean().await;
}

#[tokio::test]
async fn adjustments_that_meet_all_count() {
    let market = Market::start().await;
    let seller = market.seller("Tea House").await;
    let teapot = seller.lists("Teapot", 2500, 100).await;
    let path = format!("/inventory/{}", teapot.sku());
    let changes = (0..40).map(|n| {
        let (client, path) = (seller.client.clone(), path.clone());
        async move { client.put(&path, &json!({"adjust": if n % 2 == 0 { 3 } else { -1 }})).await.ok() }
    });
    futures::future::join_all(changes).await;
    assert_eq!(seller.stock(&teapot).await, (140, 0, 140));
    market.ends_clean().await;
}

#[tokio::test]
async fn the_sellers_list_finds_what_runs_out() {
    let market = Market::start().await;
    let (seller, rival) = (market.seller("Tea House").await, market.seller("Coffee House").await);
    for (title, stock) in [("Teapot", 50), ("Cup", 2), ("Spoon", 0)] {
        seller.lists(title, 900, stock).await;
    }
    rival.lists("Mug", 900, 1).await;
    assert_eq!(seller.client.get("/inventory").await.rows().len(), 3);
    let low = seller.client.get("/inventory?available_max=2").await.rows();
    assert_eq!(low.len(), 2);
    market.ends_clean().await;
}
