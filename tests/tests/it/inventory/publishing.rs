//! External systems that are told what changes.

use std::time::Duration;

use serde_json::{Value, json};
use souk_tests::{Market, Seller, Thing, sign};

use super::erp::{Erp, open_market_with};

struct Stage {
    market: Market,
    erp: Erp,
    seller: Seller,
    teapot: Thing,
    secret: String,
}

/// A seller whose system calls the teapot `A-1` and has heard how many there are.
async fn stage() -> Stage {
    stage_that_gathers(Duration::from_secs(1)).await
}

/// The same where changes are gathered for so long.
async fn stage_that_gathers(time: Duration) -> Stage {
    let market = open_market_with(|config| config.inventory.sources.publish_after = time).await;
    let erp = Erp::starts().await;
    let seller = market.seller("Tea House").await;
    let teapot = seller.lists("Teapot", 2500, 5).await;
    let source = json!({"name": "erp", "kind": "webhook", "publish_url": erp.url("/hook")});
    let source = seller.client.post("/inventory/sources", &source).await.created();
    let names = json!({"items": [{"sku": "A-1", "sku_id": teapot.sku()}]});
    seller.client.put("/inventory/sources/erp/mapping", &names).await.no_content();
    let stage = Stage { market, erp, seller, teapot, secret: source.text("secret").to_owned() };
    let told = stage.hears(time + Duration::from_secs(4)).await;
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(told[0]["items"][0]["available"], 5);
    stage
}

impl Stage {
    /// What the system is told within `time`.
    async fn hears(&self, time: Duration) -> Vec<Value> {
        self.market.settles().await;
        self.market.passes(time).await;
        self.erp.was_told(&self.secret)
    }

    async fn publishing(&self) -> Value {
        self.seller.client.get("/inventory/sources/erp").await.ok()["publishing"].clone()
    }

    async fn counts(&self, on_hand: i64) {
        self.seller.client.put(&format!("/inventory/{}", self.teapot.sku()), &json!({"on_hand": on_hand})).await.ok();
    }
}

const A_WHILE: Duration = Duration::from_secs(2);

#[tokio::test]
async fn a_sale_is_told_signed_and_together_with_others() {
    // Longer than it takes to make the changes.
    let gathered = Duration::from_secs(30);
    let stage = stage_that_gathers(gathered).await;
    let buyer = stage.market.buyer("Cleo").await;
    buyer.orders(&stage.teapot, 2).await;
    stage.counts(9).await;
    let cup = stage.seller.lists("Cup", 900, 7).await;
    stage.seller.client.put(&format!("/inventory/{}", cup.sku()), &json!({"on_hand": 1})).await.ok();
    let told = stage.hears(gathered + A_WHILE).await;
    assert_eq!(told.len(), 1, "changes are gathered: {told:?}");
    let item =
        json!({"sku": "A-1", "sku_id": stage.teapot.sku(), "on_hand": 9, "reserved": 2, "available": 7, "version": 3});
    assert_eq!((&told[0]["type"], &told[0]["source"]), (&json!("stock.changed"), &json!("erp")));
    assert_eq!(told[0]["items"], json!([item]), "only what has a name there");
    assert!(stage.hears(gathered + A_WHILE).await.is_empty(), "once");
    assert_eq!(stage.publishing().await["next_at"], Value::Null, "it rests");
    stage.market.ends_clean().await;
}

#[tokio::test]
async fn what_a_system_said_itself_is_not_told_back() {
    let stage = stage().await;
    let others = json!({"name": "shop", "kind": "csv", "publish_url": stage.erp.url("/hook")});
    let others = stage.seller.client.post("/inventory/sources", &others).await.created();
    assert!(others.text("secret").len() > 20, "what is published is signed");
    let names = json!({"items": [{"sku": "POT", "sku_id": stage.teapot.sku()}]});
    stage.seller.client.put("/inventory/sources/shop/mapping", &names).await.no_content();
    stage.market.settles().await;
    stage.market.passes(Duration::from_secs(5)).await;
    assert_eq!(stage.erp.was_told(others.text("secret")).len(), 1);

    let (body, time) =
        (json!({"items": [{"sku": "A-1", "on_hand": 42}]}).to_string(), stage.market.clock.now().timestamp());
    let signature = format!("t={time},v1={}", sign(&stage.secret, time, &body));
    let push = stage.market.client.post_empty("/inventory/sources/erp/webhook").header("souk-signature", signature);
    push.bytes("application/json", body).await.ok();
    stage.market.settles().await;
    stage.market.passes(A_WHILE).await;
    let told = stage.erp.was_told(others.text("secret"));
    assert_eq!(told.len(), 1, "the other system hears it, signed with its own secret: {told:?}");
    assert_eq!((&told[0]["items"][0]["sku"], &told[0]["items"][0]["on_hand"]), (&json!("POT"), &json!(42)));
    stage.market.ends_clean().await;
}

#[tokio::test]
async fn a_system_that_is_down_hears_the_newest_when_it_is_back() {
    let mut stage = stage().await;
    stage.erp.goes_down();
    stage.counts(9).await;
    assert_eq!(stage.hears(A_WHILE).await.len(), 1, "tried");
    stage.counts(8).await;
    for pause in [10, 20, 40, 80] {
        assert_eq!(stage.hears(Duration::from_secs(pause)).await.len(), 1);
    }
    assert_eq!(stage.publishing().await["circuit"], "open");
    stage.counts(7).await;
    assert!(stage.hears(Duration::from_secs(100)).await.is_empty(), "left alone");
    stage.market.restarts().await;
    stage.seller.client = stage.market.moved(&stage.seller.client);
    stage.erp.comes_back();
    let told = stage.hears(Duration::from_mins(1)).await;
    assert_eq!((told.len(), &told[0]["items"][0]["on_hand"]), (1, &json!(7)), "{told:?}");
    assert_eq!(stage.publishing().await["circuit"], "closed");
    assert!(stage.hears(A_WHILE).await.is_empty());
    stage.market.ends_clean().await;
}

#[tokio::test]
async fn a_message_that_comes_twice_says_the_same() {
    let stage = stage().await;
    // It hears, and its answer is lost.
    stage.erp.goes_down();
    stage.counts(9).await;
    let first = stage.hears(A_WHILE).await;
    stage.erp.comes_back();
    let second = stage.hears(Duration::from_secs(10)).await;
    assert_eq!((first.len(), second.len()), (1, 1));
    assert_eq!(first[0]["items"], second[0]["items"], "the same state with the same version");
    stage.seller.client.put("/inventory/sources/erp", &json!({"publish_url": ""})).await.ok();
    stage.counts(4).await;
    assert!(stage.hears(A_WHILE).await.is_empty(), "nobody listens any more");
    stage.market.ends_clean().await;
}
