//! Commission rules.

use serde_json::json;
use souk_tests::Market;

#[tokio::test]
async fn the_most_specific_rule_decides_and_says_why() {
    let market = Market::start().await;
    let (tea, coffee) = (market.seller("Tea House").await, market.seller("Coffee House").await);
    let admin = &market.admin.client;
    let category = market.category.id();
    admin.post("/admin/commission-rules", &json!({"category_id": category, "basis_points": 2000})).await.created();
    admin.post("/admin/commission-rules", &json!({"seller_id": tea.id, "basis_points": 500})).await.created();
    let (teapot, mug) = (tea.lists("Teapot", 1000, 9).await, coffee.lists("Mug", 1000, 9).await);
    let cleo = market.buyer("Cleo").await;
    for product in [&teapot, &mug] {
        cleo.buys(product, 1).await;
    }
    market.settles().await;
    assert_eq!((tea.balance().await.0, coffee.balance().await.0), (950, 800), "seller before category before default");
    let both = json!({"seller_id": tea.id, "category_id": category, "basis_points": 0, "fixed_per_unit": 30, "currency": "EUR"});
    admin.post("/admin/commission-rules", &both).await.created();
    cleo.buys(&teapot, 2).await;
    market.settles().await;
    assert_eq!(tea.balance().await.0, 950 + 2000 - 60);
    let why = json!({"seller_id": tea.id, "category_ids": [category], "amount": 2000, "quantity": 2});
    let why = admin.post("/admin/commission-rules/explain", &why).await.ok();
    assert_eq!(why.number("amount"), 60);
    assert!(!why.text("explanation").is_empty());
    market.ends_clean().await;
}

#[tokio::test]
async fn a_changed_rule_leaves_placed_orders_as_they_are() {
    let market = Market::start().await;
    let seller = market.seller("Tea House").await;
    let teapot = seller.lists("Teapot", 1000, 9).await;
    let cleo = market.buyer("Cleo").await;
    let placed = cleo.orders(&teapot, 1).await;
    let admin = &market.admin.client;
    let default = &admin.get("/admin/commission-rules").await.rows()[0];
    let path = format!("/admin/commission-rules/{}", default.id());
    let changed = admin.put(&path, &json!({"basis_points": 5000})).await.ok();
    assert!(changed.number("version") > default.number("version"));
    cleo.pays(&placed).await;
    cleo.sees(&placed, "confirmed").await;
    cleo.buys(&teapot, 1).await;
    market.settles().await;
    assert_eq!(seller.balance().await.0, 900 + 500);
    market.ends_clean().await;
}

#[tokio::test]
async fn a_rule_that_contradicts_itself_is_refused() {
    let market = Market::start().await;
    let seller = market.seller("Tea House").await;
    let admin = &market.admin.client;
    let path = "/admin/commission-rules";
    for (rule, field) in [
        (json!({"seller_id": seller.id, "basis_points": 10_001}), "basis_points"),
        (json!({"seller_id": seller.id, "basis_points": -1}), "basis_points"),
        (json!({"seller_id": seller.id, "basis_points": 1, "floor": -1, "currency": "EUR"}), "floor"),
    ] {
        let answer = admin.post(path, &rule).await.is(422);
        answer.detail(field);
    }
    admin.post(path, &json!({"seller_id": seller.id, "basis_points": 1, "floor": 100})).await.is(422);
    admin
        .post(path, &json!({"seller_id": seller.id, "basis_points": 1, "floor": 200, "cap": 100, "currency": "EUR"}))
        .await
        .is(422);
    admin.post(path, &json!({"seller_id": seller.id, "basis_points": 300})).await.created();
    admin.post(path, &json!({"seller_id": seller.id, "basis_points": 400})).await.is(409);
    seller.client.post(path, &json!({"seller_id": seller.id, "basis_points": 0})).await.is(403);
    seller.client.get(path).await.is(403);
    market.ends_clean().await;
}
