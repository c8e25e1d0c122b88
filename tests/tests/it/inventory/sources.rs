//! External stock systems.

use serde_json::{Value, json};
use souk_tests::{Answer, Market, Seller, sign};

/// A stock system that the seller connected, and its secret.
struct System {
    market_client: souk_tests::Client,
    clock: souk_kernel::Clock,
    name: String,
    secret: String,
}

impl System {
    async fn connect(market: &Market, seller: &Seller, name: &str) -> Self {
        let source =
            seller.client.post("/inventory/sources", &json!({"name": name, "kind": "webhook"})).await.created();
        Self {
            market_client: market.client.clone(),
            clock: market.clock.clone(),
            name: name.to_owned(),
            secret: source.text("secret").to_owned(),
        }
    }

    async fn pushes(&self, batch: &Value) -> Answer {
        self.pushes_signed(batch, &self.secret, 0).await
    }

    async fn pushes_signed(&self, batch: &Value, secret: &str, age: i64) -> Answer {
        let (body, time) = (batch.to_string(), self.clock.now().timestamp() - age);
        let signature = format!("t={time},v1={}", sign(secret, time, &body));
        let path = format!("/inventory/sources/{}/webhook", self.name);
        self.market_client.post_empty(&path).header("souk-signature", signature).bytes("application/json", body).await
    }
}

#[tokio::test]
async fn a_pushed_batch_sets_stock_and_reports_each_item() {
    let market = Market::start().await;
    let (seller, rival) = (market.seller("Tea House").await, market.seller("Coffee House").await);
    let mut teapot = seller.product("Teapot", 0, 0);
    teapot.as_object_mut().unwrap().retain(|field, _| field != "price" && field != "stock");
    teapot["skus"] = json!([{"code": "POT-1", "options": {}, "price": 2500, "stock": 5}]);
    let teapot = seller.lists_as(&teapot).await;
    let mug = rival.lists("Mug", 900, 7).await;
    let system = System::connect(&market, &seller, "erp").await;
    let batch = json!({"items": [
        {"sku": "POT-1", "on_hand": 42}, {"sku": "NOTHING", "on_hand": 1}, {"sku": mug.sku(), "on_hand": 0},
        {"sku": "POT-1", "on_hand": -5},
    ]});
    let report = system.pushes(&batch).await.ok();
    let results: Vec<_> = report.list("items").iter().map(|item| item["result"].as_str().unwrap()).collect();
    assert_eq!(results.len(), 4);
    assert_eq!((results[1], results[2], results[3]), ("refused", "refused", "refused"), "{report:?}");
    assert_eq!(seller.stock(&teapot).await.0, 42);
    assert_eq!(rival.stock(&mug).await.0, 7, "nobody counts the stock of others");
    let reports = seller.client.get("/inventory/sources/erp/reports").await.rows();
    assert_eq!((reports.len(), reports[0].number("refused")), (1, 3));
    market.ends_clean().await;
}

#[tokio::test]
async fn an_unsigned_or_old_batch_is_401_and_changes_nothing() {
    let market = Market::start().await;
    let seller = market.seller("Tea House").await;
    let teapot = seller.lists("Teapot", 2500, 5).await;
    let system = System::connect(&market, &seller, "erp").await;
    let batch = json!({"items": [{"sku": teapot.sku(), "on_hand": 42}]});
    system.pushes_signed(&batch, "another secret", 0).await.is(401);
    system.pushes_signed(&batch, &system.secret, 310).await.is(401);
    system.pushes_signed(&batch, &system.secret, -310).await.is(401);
    market.client.post("/inventory/sources/erp/webhook", &batch).await.is(401);
    assert_eq!(seller.stock(&teapot).await.0, 5);
    system.pushes(&batch).await.ok();
    assert_eq!(seller.stock(&teapot).await.0, 42);
    market.client.post("/inventory/sources/unknown/webhook", &batch).await.is(404);
    market.ends_clean().await;
}

#[tokio::test]
async fn an_older_number_never_replaces_a_newer_one() {
    let market = Market::start().await;
    let seller = market.seller("Tea House").await;
    let teapot = seller.lists("Teapot", 2500, 5).await;
    let system = System::connect(&market, &seller, "erp").await;
    let at = |minutes: i64| (market.clock.now() - chrono::TimeDelta::minutes(minutes)).to_rfc3339();
    let batch = |on_hand: i64, minutes: i64| json!({"items": [{"sku": teapot.sku(), "on_hand": on_hand}], "as_of": at(minutes)});
    system.pushes(&batch(30, 10)).await.ok();
    system.pushes(&batch(20, 20)).await.ok();
    assert_eq!(seller.stock(&teapot).await.0, 30);
    system.pushes(&batch(40, 5)).await.ok();
    assert_eq!(seller.stock(&teapot).await.0, 40);
    market.ends_clean().await;
}

#[tokio::test]
async fn a_number_below_what_is_reserved_is_refused_and_the_rest_goes_in() {
    let market = Market::start().await;
    let seller = market.seller("Tea House").await;
    let (teapot, cup) = (seller.lists("Teapot", 2500, 5).await, seller.lists("Cup", 900, 5).await);
    market.buyer("Cleo").await.orders(&teapot, 4).await;
    let system = System::connect(&market, &seller, "erp").await;
    let batch = json!({"items": [{"sku": teapot.sku(), "on_hand": 3}, {"sku": cup.sku(), "on_hand": 3}]});
    let report = system.pushes(&batch).await.ok();
    assert_eq!((report.number("refused"), report.number("applied")), (1, 1));
    assert_eq!((seller.stock(&teapot).await.0, seller.stock(&cup).await.0), (5, 3));
    market.ends_clean().await;
}

#[tokio::test]
async fn the_systems_own_names_are_mapped() {
    let market = Market::start().await;
    let (seller, rival) = (market.seller("Tea House").await, market.seller("Coffee House").await);
    let (teapot, mug) = (seller.lists("Teapot", 2500, 5).await, rival.lists("Mug", 900, 7).await);
    let system = System::connect(&market, &seller, "erp").await;
    let path = "/inventory/sources/erp/mapping";
    seller.client.put(path, &json!({"items": [{"sku": "000-1", "sku_id": teapot.sku()}]})).await.no_content();
    seller.client.put(path, &json!({"items": [{"sku": "000-2", "sku_id": mug.sku()}]})).await.is(422);
    rival.client.put(path, &json!({"items": [{"sku": "000-1", "sku_id": mug.sku()}]})).await.not_found();
    system.pushes(&json!({"items": [{"sku": "000-1", "on_hand": 11}]})).await.ok();
    assert_eq!(seller.stock(&teapot).await.0, 11);
    assert_eq!(seller.client.get(path).await.rows().len(), 1);
    market.ends_clean().await;
}

#[tokio::test]
async fn a_file_of_numbers_is_imported() {
    let market = Market::start().await;
    let seller = market.seller("Tea House").await;
    let teapot = seller.lists("Teapot", 2500, 5).await;
    seller.client.post("/inventory/sources", &json!({"name": "files", "kind": "csv"})).await.created();
    let file = format!("sku,on_hand\n{},17\nnothing,3\n{},many\n", teapot.sku(), teapot.sku());
    let import = || seller.client.post_empty("/inventory/sources/files/import");
    let report = import().bytes("text/csv", file).await.ok();
    assert_eq!((report.number("applied"), report.number("refused")), (1, 2));
    assert_eq!(seller.stock(&teapot).await.0, 17);
    import().bytes("text/csv", "nonsense").await.is(422);
    market.ends_clean().await;
}

#[tokio::test]
async fn a_source_belongs_to_one_seller_and_its_secret_is_told_once() {
    let market = Market::start().await;
    let (seller, rival) = (market.seller("Tea House").await, market.seller("Coffee House").await);
    let system = System::connect(&market, &seller, "erp").await;
    seller.client.post("/inventory/sources", &json!({"name": "erp", "kind": "webhook"})).await.is(409);
    rival.client.post("/inventory/sources", &json!({"name": "erp", "kind": "webhook"})).await.is(409);
    rival.client.get("/inventory/sources/erp").await.not_found();
    rival.client.delete("/inventory/sources/erp").await.not_found();
    assert!(rival.client.get("/inventory/sources").await.rows().is_empty());
    assert!(seller.client.get("/inventory/sources/erp").await.ok().get("secret").is_none());
    let rotated = seller.client.post_empty("/inventory/sources/erp/secret").await.ok();
    assert_ne!(rotated.text("secret"), system.secret);
    system.pushes(&json!({"items": [{"sku": "x", "on_hand": 1}]})).await.is(401);
    seller.client.put("/inventory/sources/erp", &json!({"enabled": false})).await.ok();
    let switched_off = System { secret: rotated.text("secret").to_owned(), ..system };
    let answer = switched_off.pushes(&json!({"items": [{"sku": "x", "on_hand": 1}]})).await;
    assert!([404, 409].contains(&answer.status.as_u16()), "{answer}");
    seller.client.delete("/inventory/sources/erp").await.no_content();
    market.ends_clean().await;
}

#[tokio::test]
async fn a_bad_batch_is_refused_whole() {
    let market = Market::start().await;
    let seller = market.seller("Tea House").await;
    let system = System::connect(&market, &seller, "erp").await;
    system.pushes(&json!({"items": []})).await.invalid(&["items"]);
    system.pushes(&json!({})).await.invalid(&["items"]);
    system
        .pushes(&json!({"items": [{"sku": 5, "on_hand": "x"}]}))
        .await
        .malformed(&["items[0].sku", "items[0].on_hand"]);
    system.pushes(&json!({"items": [], "more": 1})).await.is(400);
    let many: Vec<_> = (0..1001).map(|n| json!({"sku": format!("x{n}"), "on_hand": 1})).collect();
    system.pushes(&json!({"items": many})).await.invalid(&["items"]);
    let odd = json!({"items": [{"sku": "x", "on_hand": i64::MAX}, {"sku": "\u{1}", "on_hand": i64::MIN}]});
    assert_eq!(system.pushes(&odd).await.ok()["refused"], 2);
    market.ends_clean().await;
}
