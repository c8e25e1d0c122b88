//! Feeds that are pulled.

use std::time::Duration;

use serde_json::{Value, json};
use souk_tests::{Market, Seller, Thing};

use super::erp::{Erp, open_market};

const EVERY: Duration = Duration::from_mins(5);

async fn connect(seller: &Seller, url: &str) -> Thing {
    let source = json!({"name": "erp", "kind": "csv", "feed_url": url, "every": "5m"});
    seller.client.post("/inventory/sources", &source).await.created()
}

async fn feed(seller: &Seller) -> Value {
    seller.client.get("/inventory/sources/erp").await.ok()["feed"].clone()
}

async fn pull(seller: &Seller) -> Thing {
    seller.client.post_empty("/inventory/sources/erp/pull").await.ok()
}

async fn reports(seller: &Seller) -> Vec<Thing> {
    seller.client.get("/inventory/sources/erp/reports").await.rows()
}

#[tokio::test]
async fn a_feed_is_pulled_on_its_schedule_and_only_when_it_changed() {
    let (market, erp) = (open_market().await, Erp::starts().await);
    let seller = market.seller("Tea House").await;
    let teapot = seller.lists("Teapot", 2500, 5).await;
    erp.says(format!("sku,on_hand\n{},17\n", teapot.sku()));
    let source = connect(&seller, &erp.url("/feed.csv?key=secret")).await;
    assert!(!source.0.to_string().contains("key=secret"), "{source:?}");
    market.settles().await;
    assert_eq!((seller.stock(&teapot).await.0, erp.asked(), reports(&seller).await.len()), (17, 1, 1));
    assert_eq!((erp.asked_with(), &feed(&seller).await["circuit"]), (None, &json!("closed")));

    market.passes(EVERY).await;
    assert_eq!((erp.asked(), reports(&seller).await.len()), (2, 1), "not modified: nothing to report");
    assert!(erp.asked_with().is_some());
    erp.says(format!("sku,on_hand\n{},9\n", teapot.sku()));
    market.passes(EVERY / 2).await;
    assert_eq!(erp.asked(), 2, "not yet");
    market.passes(EVERY).await;
    assert_eq!((seller.stock(&teapot).await.0, erp.asked()), (9, 3));

    seller.client.put("/inventory/sources/erp", &json!({"feed_url": ""})).await.ok();
    market.passes(EVERY).await;
    assert_eq!((erp.asked(), feed(&seller).await), (3, Value::Null));
    seller.client.post_empty("/inventory/sources/erp/pull").await.refused(409, "no_feed");
    market.ends_clean().await;
}

#[tokio::test]
async fn a_feed_is_pulled_by_hand_and_over_a_redirect() {
    let (market, erp) = (open_market().await, Erp::starts().await);
    let (seller, rival) = (market.seller("Tea House").await, market.seller("Coffee House").await);
    let teapot = seller.lists("Teapot", 2500, 5).await;
    erp.says(format!("sku,on_hand\n{},17\n", teapot.sku()));
    connect(&seller, &erp.url("/moved")).await;
    market.settles().await;
    assert_eq!(seller.client.post_empty("/inventory/sources/erp/pull").await.status, 429);
    market.clock.advance(chrono::TimeDelta::seconds(11));
    assert_eq!(pull(&seller).await["outcome"], "not_modified");
    market.clock.advance(chrono::TimeDelta::seconds(11));
    erp.says(format!("sku,on_hand\n{},3\nnothing,1\n", teapot.sku()));
    let pulled = pull(&seller).await;
    assert_eq!((&pulled["outcome"], pulled.number("applied"), pulled.number("refused")), (&json!("taken_over"), 1, 1));
    assert_eq!(seller.stock(&teapot).await.0, 3);
    market.clock.advance(chrono::TimeDelta::seconds(11));
    assert_eq!(pull(&seller).await["outcome"], "taken_over", "what is unknown today may be known tomorrow");

    rival.client.post_empty("/inventory/sources/erp/pull").await.not_found();
    rival.client.put("/inventory/sources/erp", &json!({"feed_url": erp.url("/moved")})).await.not_found();
    seller.client.put("/inventory/sources/erp", &json!({"enabled": false})).await.ok();
    let asked = erp.asked();
    seller.client.post_empty("/inventory/sources/erp/pull").await.refused(409, "source_disabled");
    market.passes(EVERY).await;
    assert_eq!(erp.asked(), asked, "switched off");
    seller.client.put("/inventory/sources/erp", &json!({"enabled": true})).await.ok();
    market.settles().await;
    assert_eq!(erp.asked(), asked + 1, "by its timer, at once");
    market.ends_clean().await;
}

#[tokio::test]
async fn a_feed_that_cannot_be_read_is_reported() {
    let (market, erp) = (open_market().await, Erp::starts().await);
    let seller = market.seller("Tea House").await;
    let teapot = seller.lists("Teapot", 2500, 5).await;
    erp.says("<html>Sign in</html>");
    connect(&seller, &erp.url("/feed.csv")).await;
    market.settles().await;
    let report = &reports(&seller).await[0];
    assert!(report.text("error").contains("sku and on_hand"), "{report:?}");
    assert_eq!(feed(&seller).await["failures"], 1);
    erp.says(format!("sku,on_hand\n{},many\n{},8\n", teapot.sku(), teapot.sku()));
    market.passes(Duration::from_secs(10)).await;
    let report = &reports(&seller).await[0];
    assert_eq!((report.number("applied"), report.number("refused")), (1, 1));
    assert_eq!((&report["refusals"][0]["reason"], &report["error"]), (&json!("unreadable"), &Value::Null));
    assert_eq!(seller.stock(&teapot).await.0, 8);
    erp.says("x".repeat(5 << 20));
    market.passes(EVERY).await;
    assert!(feed(&seller).await["error"].as_str().unwrap().contains("larger"));
    market.ends_clean().await;
}

#[tokio::test]
async fn a_feed_that_is_down_is_left_alone_until_it_recovers() {
    let (market, erp) = (open_market().await, Erp::starts().await);
    let seller = market.seller("Tea House").await;
    let teapot = seller.lists("Teapot", 2500, 5).await;
    erp.says(format!("sku,on_hand\n{},17\n", teapot.sku()));
    erp.goes_down();
    connect(&seller, &erp.url("/feed.csv")).await;
    market.settles().await;
    for (pause, failures) in [(10, 2), (20, 3), (40, 4), (80, 5)] {
        assert_eq!(feed(&seller).await["circuit"], "closed");
        market.passes(Duration::from_secs(pause)).await;
        assert_eq!(feed(&seller).await["failures"], failures);
    }
    let state = feed(&seller).await;
    assert_eq!((&state["circuit"], &state["error"]), (&json!("open"), &json!("the feed answers with status 500")));
    market.passes(Duration::from_secs(100)).await;
    assert_eq!(erp.asked(), 5, "left alone");
    market.passes(Duration::from_mins(1)).await;
    assert_eq!((erp.asked(), &feed(&seller).await["circuit"]), (6, &json!("open")));
    erp.comes_back();
    market.passes(Duration::from_secs(320)).await;
    let state = feed(&seller).await;
    assert_eq!((&state["circuit"], &state["failures"], &state["error"]), (&json!("closed"), &json!(0), &Value::Null));
    assert_eq!(seller.stock(&teapot).await.0, 17);
    assert_eq!(reports(&seller).await.len(), 7);
    market.ends_clean().await;
}

#[tokio::test]
async fn a_schedule_outlives_a_crash() {
    let (mut market, erp) = (open_market().await, Erp::starts().await);
    let seller = market.seller("Tea House").await;
    let teapot = seller.lists("Teapot", 2500, 5).await;
    erp.says(format!("sku,on_hand\n{},17\n", teapot.sku()));
    connect(&seller, &erp.url("/feed.csv")).await;
    market.settles().await;
    market.crashes().await;
    erp.says(format!("sku,on_hand\n{},9\n", teapot.sku()));
    market.settles().await;
    assert_eq!(erp.asked(), 1, "not before its time");
    market.passes(EVERY).await;
    let client = market.moved(&seller.client);
    let stock = client.get(&format!("/inventory/{}", teapot.sku())).await.ok();
    assert_eq!((stock.number("on_hand"), erp.asked()), (9, 2));
    market.ends_clean().await;
}

#[tokio::test]
async fn sellers_reach_nothing_that_only_the_marketplace_can() {
    let (market, erp) = (Market::start().await, Erp::starts().await);
    let seller = market.seller("Tea House").await;
    let by_name = erp.url("/feed.csv").replace("127.0.0.1", "localhost");
    let source =
        json!({"name": "erp", "kind": "csv", "feed_url": erp.url("/feed.csv"), "publish_url": erp.url("/hook")});
    let source = seller.client.post("/inventory/sources", &source).await.created();
    for url in [erp.url("/feed.csv"), by_name, "http://169.254.169.254/latest/meta-data/".to_owned()] {
        seller.client.put("/inventory/sources/erp", &json!({"feed_url": url})).await.ok();
        market.settles().await;
        assert_eq!(feed(&seller).await["error"], "the host has no public address", "{url}");
    }
    let teapot = seller.lists("Teapot", 2500, 5).await;
    let names = json!({"items": [{"sku": "A", "sku_id": teapot.sku()}]});
    seller.client.put("/inventory/sources/erp/mapping", &names).await.no_content();
    market.passes(EVERY).await;
    let publishing = seller.client.get("/inventory/sources/erp").await.ok()["publishing"].clone();
    assert_eq!(publishing["error"], "the host has no public address");
    assert_eq!((erp.asked(), erp.was_told(source.text("secret")).len()), (0, 0));
    for url in ["ftp://example.com/feed", "file:///etc/passwd", "example.com", "http://"] {
        seller.client.put("/inventory/sources/erp", &json!({"feed_url": url})).await.invalid(&["feed_url"]);
        seller.client.put("/inventory/sources/erp", &json!({"publish_url": url})).await.invalid(&["publish_url"]);
    }
    for every in ["59s", "8days", "often", ""] {
        seller.client.put("/inventory/sources/erp", &json!({"every": every})).await.invalid(&["every"]);
    }
    market.ends_clean().await;
}
