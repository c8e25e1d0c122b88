//! Orders that can't be placed.

use serde_json::json;
use souk_tests::Market;

#[tokio::test]
async fn not_enough_stock_names_every_short_line_and_holds_nothing() {
    let market = Market::start().await;
    let seller = market.seller("Tea House").await;
    let (teapot, cup, spoon) = (
        seller.lists("Teapot", 2500, 1).await,
        seller.lists("Cup", 900, 10).await,
        seller.lists("Spoon", 300, 0).await,
    );
    let cleo = market.buyer("Cleo").await;
    let mut form = cleo.order_form();
    form["items"] = json!([{"sku_id": teapot.sku(), "quantity": 2}, {"sku_id": cup.sku(), "quantity": 1}, {"sku_id": spoon.sku(), "quantity": 1}]);
    let answer = cleo.tries_to_order(&form).await.refused(409, "out_of_stock");
    let details = answer.json["error"]["details"].to_string();
    assert!(details.contains("items[0]") && details.contains("items[2]") && !details.contains("items[1]"), "{answer}");
    assert_eq!((seller.stock(&teapot).await, seller.stock(&cup).await), ((1, 0, 1), (10, 0, 10)));
    let orders = cleo.client.get("/orders").await.rows();
    assert!(orders.iter().all(|order| order["status"] == "rejected"), "{orders:?}");
    market.ends_clean().await;
}

#[tokio::test]
async fn a_cart_that_is_refused_is_free_again() {
    let market = Market::start().await;
    let seller = market.seller("Tea House").await;
    let teapot = seller.lists("Teapot", 2500, 5).await;
    let cleo = market.buyer("Cleo").await;
    cleo.adds(&teapot, 3).await;
    seller.counts(teapot.sku(), 1).await.ok();
    cleo.tries_to_order(&cleo.order_form()).await.refused(409, "out_of_stock");
    let path = format!("/cart/items/{}", teapot.sku());
    cleo.client.put(&path, &json!({"quantity": 1})).await.ok();
    let order = cleo.places_order().await;
    assert_eq!(order.number("total"), 2500);
    market.ends_clean().await;
}

#[tokio::test]
async fn an_empty_cart_is_no_order() {
    let market = Market::start().await;
    let cleo = market.buyer("Cleo").await;
    cleo.tries_to_order(&cleo.order_form()).await.refused(409, "cart_empty");
    let guest = market.guest();
    guest.cart().await;
    guest.tries_to_order(&guest.order_form()).await.refused(409, "cart_empty");
    market.guest().tries_to_order(&guest.order_form()).await.refused(409, "cart_empty");
    market.ends_clean().await;
}

#[tokio::test]
async fn every_bad_field_is_named() {
    let market = Market::start().await;
    let cleo = market.buyer("Cleo").await;
    let post = |form: serde_json::Value| {
        let cleo = cleo.clone();
        async move { cleo.tries_to_order(&form).await }
    };
    post(json!({})).await.invalid(&["shipping_address"]);
    let nowhere = json!({"name": "", "line1": "x".repeat(1000), "city": " ", "country": "Britain"});
    let form = json!({"shipping_address": nowhere, "items": [{"sku_id": "sku_01h455vb4pex5vsknk084sn02q", "quantity": 0}],
        "expected_total": -1, "email": "nowhere"});
    let fields = [
        "shipping_address.name",
        "shipping_address.line1",
        "shipping_address.city",
        "shipping_address.country",
        "items[0].quantity",
        "expected_total",
        "email",
    ];
    post(form).await.invalid(&fields);
    let mut form = cleo.order_form();
    form["items"] = json!([]);
    post(form.clone()).await.invalid(&["items"]);
    form["items"] = json!([{"sku_id": "teapot", "quantity": 1}]);
    post(form.clone()).await.is(422);
    form["items"] = json!([{"sku_id": "sku_01h455vb4pex5vsknk084sn02q", "quantity": 1, "unit_price": 1}]);
    post(form.clone()).await.malformed(&["items[0].unit_price"]);
    form["items"] = json!([{"sku_id": "sku_01h455vb4pex5vsknk084sn02q", "quantity": 1}]);
    let unknown = post(form.clone()).await;
    assert!([404, 409, 422].contains(&unknown.status.as_u16()), "{unknown}");
    form["shipping_method"] = json!("teleport");
    post(form.clone()).await.invalid(&["shipping_method"]);
    market.ends_clean().await;
}

#[tokio::test]
async fn an_unknown_provider_is_refused_before_anything_is_held() {
    let market = Market::start().await;
    let seller = market.seller("Tea House").await;
    let teapot = seller.lists("Teapot", 2500, 5).await;
    let cleo = market.buyer("Cleo").await;
    let mut form = cleo.order_form_for(&teapot, 1);
    for provider in ["bitcoin", "", "Sandbox", "x y"] {
        form["payment_provider"] = json!(provider);
        cleo.tries_to_order(&form).await.invalid(&["payment_provider"]);
    }
    assert_eq!(seller.stock(&teapot).await, (5, 0, 5));
    market.ends_clean().await;
}

#[tokio::test]
async fn two_currencies_make_no_order() {
    let market = Market::start().await;
    let seller = market.seller("Tea House").await;
    let teapot = seller.lists("Teapot", 2500, 5).await;
    let mut dollars = seller.product("Cup", 900, 5);
    dollars["currency"] = json!("USD");
    let cup = seller.lists_as(&dollars).await;
    let cleo = market.buyer("Cleo").await;
    let mut form = cleo.order_form();
    form["items"] = json!([{"sku_id": teapot.sku(), "quantity": 1}, {"sku_id": cup.sku(), "quantity": 1}]);
    let answer = cleo.tries_to_order(&form).await;
    assert!([409, 422].contains(&answer.status.as_u16()), "{answer}");
    cleo.adds(&teapot, 1).await;
    cleo.tries_to_add(cup.sku(), 1).await.refused(409, "currency_mismatch");
    // Alone, it is ordered in its own currency.
    let order = cleo.buys(&cup, 2).await;
    assert_eq!((order.number("total"), order.text("currency")), (1800, "USD"));
    let balance = seller.client.get("/seller/balance?currency=USD").await.ok();
    assert_eq!(balance.number("pending"), 1620);
    market.ends_clean().await;
}

#[tokio::test]
async fn a_seller_that_may_not_sell_sells_nothing_at_any_step() {
    let market = Market::start().await;
    let seller = market.seller("Tea House").await;
    let teapot = seller.lists("Teapot", 2500, 5).await;
    let cleo = market.buyer("Cleo").await;
    cleo.adds(&teapot, 1).await;
    let order = cleo.orders(&teapot, 2).await;
    market.admin.suspends(&seller.id).await;
    market.settles().await;
    // At the cart, at the checkout, and at completion: then the money goes back.
    cleo.tries_to_add(teapot.sku(), 1).await.is(409);
    cleo.tries_to_order(&cleo.order_form()).await.is(409);
    cleo.tries_to_order(&cleo.order_form_for(&teapot, 1)).await.is(409);
    cleo.pays(&order).await;
    let order = cleo.sees(&order, "refunded").await;
    assert!(order["reason"].is_string());
    assert_eq!(seller.stock(&teapot).await, (5, 0, 5));
    assert_eq!(seller.balance().await, (0, 0, 0));
    market.ends_clean().await;
}

#[tokio::test]
async fn a_product_that_is_archived_after_the_order_is_not_sold() {
    let market = Market::start().await;
    let seller = market.seller("Tea House").await;
    let teapot = seller.lists("Teapot", 2500, 5).await;
    let cleo = market.buyer("Cleo").await;
    let order = cleo.orders(&teapot, 1).await;
    seller.client.delete(&format!("/products/{}", teapot.id())).await;
    market.settles().await;
    cleo.pays(&order).await;
    let order = cleo.sees(&order, "refunded").await;
    assert_eq!(order["payment_status"], "refunded");
    market.ends_clean().await;
}
