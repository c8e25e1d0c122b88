//! What lies in a cart.

use serde_json::json;
use souk_tests::Market;

#[tokio::test]
async fn a_cart_shows_its_lines_at_the_prices_of_now() {
    let market = Market::start().await;
    let seller = market.seller("Tea House").await;
    let (teapot, cup) = (seller.lists("Teapot", 2500, 5).await, seller.lists("Cup", 900, 10).await);
    let cleo = market.buyer("Cleo").await;
    let empty = cleo.cart().await;
    assert!(empty.id().starts_with("cart_"));
    assert_eq!((empty.list("items").len(), empty.number("subtotal"), empty.text("currency")), (0, 0, "EUR"));
    cleo.adds(&teapot, 2).await;
    let cart = cleo.adds(&cup, 3).await;
    assert_eq!(cart.number("subtotal"), 2 * 2500 + 3 * 900);
    let line = cart.list("items").iter().find(|line| line["sku_id"] == *teapot.sku()).unwrap();
    assert_eq!((&line["product_id"], &line["title"]), (&teapot["id"], &json!("Teapot")));
    assert_eq!((&line["quantity"], &line["unit_price"], &line["line_total"]), (&json!(2), &json!(2500), &json!(5000)));
    assert_eq!(
        (&line["available"], &line["price_changed"], &line["currency"]),
        (&json!(5), &json!(false), &json!("EUR"))
    );
    assert_eq!(line["seller"]["id"], *seller.id);
    assert_eq!(cleo.cart().await["items"], cart["items"]);
    market.ends_clean().await;
}

#[tokio::test]
async fn adding_again_adds_up_and_zero_removes() {
    let market = Market::start().await;
    let seller = market.seller("Tea House").await;
    let teapot = seller.lists("Teapot", 2500, 5).await;
    let cleo = market.buyer("Cleo").await;
    cleo.adds(&teapot, 2).await;
    let cart = cleo.adds(&teapot, 1).await;
    assert_eq!((cart.list("items").len(), &cart["items"][0]["quantity"]), (1, &json!(3)));
    let path = format!("/cart/items/{}", teapot.sku());
    let cart = cleo.client.put(&path, &json!({"quantity": 5})).await.ok();
    assert_eq!(cart["items"][0]["quantity"], 5);
    let cart = cleo.client.patch(&path, &json!({"quantity": 1})).await.ok();
    assert_eq!(cart["subtotal"], 2500);
    let cart = cleo.client.put(&path, &json!({"quantity": 0})).await.ok();
    assert!(cart.list("items").is_empty());
    cleo.adds(&teapot, 1).await;
    assert!(cleo.client.delete(&path).await.ok().list("items").is_empty());
    cleo.adds(&teapot, 1).await;
    assert!(cleo.client.delete("/cart").await.ok().list("items").is_empty());
    market.ends_clean().await;
}

#[tokio::test]
async fn more_than_there_is_is_409_with_the_number_left() {
    let market = Market::start().await;
    let seller = market.seller("Tea House").await;
    let teapot = seller.lists("Teapot", 2500, 5).await;
    let cleo = market.buyer("Cleo").await;
    let answer = cleo.tries_to_add(teapot.sku(), 6).await.refused(409, "out_of_stock");
    assert!(answer.json["error"]["details"].to_string().contains('5'), "{answer}");
    cleo.adds(&teapot, 4).await;
    cleo.tries_to_add(teapot.sku(), 2).await.refused(409, "out_of_stock");
    let path = format!("/cart/items/{}", teapot.sku());
    cleo.client.put(&path, &json!({"quantity": 6})).await.refused(409, "out_of_stock");
    assert_eq!(cleo.cart().await["items"][0]["quantity"], 4);
    // What others hold is not left.
    market.buyer("Ben").await.orders(&teapot, 3).await;
    cleo.client.put(&path, &json!({"quantity": 3})).await.refused(409, "out_of_stock");
    cleo.client.put(&path, &json!({"quantity": 2})).await.ok();
    market.ends_clean().await;
}

#[tokio::test]
async fn a_new_price_shows_in_the_cart() {
    let market = Market::start().await;
    let seller = market.seller("Tea House").await;
    let teapot = seller.lists("Teapot", 2500, 5).await;
    let cleo = market.buyer("Cleo").await;
    cleo.adds(&teapot, 2).await;
    seller.reprices(&teapot, 3000).await;
    let cart = cleo.cart().await;
    assert_eq!((&cart["items"][0]["unit_price"], &cart["items"][0]["price_changed"]), (&json!(3000), &json!(true)));
    assert_eq!(cart["subtotal"], 6000);
    market.ends_clean().await;
}

#[tokio::test]
async fn what_is_no_sku_or_no_quantity_is_refused() {
    let market = Market::start().await;
    let seller = market.seller("Tea House").await;
    let teapot = seller.lists("Teapot", 2500, 5).await;
    let cleo = market.buyer("Cleo").await;
    cleo.tries_to_add("sku_01h455vb4pex5vsknk084sn02q", 1).await.not_found();
    for quantity in [0, -1, i64::MAX, i64::MIN, 1_000_001] {
        cleo.tries_to_add(teapot.sku(), quantity).await.invalid(&["quantity"]);
    }
    let post = |body: serde_json::Value| cleo.client.post("/cart/items", &body);
    post(json!({})).await.invalid(&["sku_id", "quantity"]);
    post(json!({"sku_id": "teapot", "quantity": 1})).await.is(422);
    post(json!({"sku_id": teapot.id(), "quantity": 1})).await.is(422);
    post(json!({"sku_id": teapot.sku(), "quantity": "1"})).await.malformed(&["quantity"]);
    post(json!({"sku_id": teapot.sku(), "quantity": 1, "price": 1})).await.malformed(&["price"]);
    let path = format!("/cart/items/{}", teapot.sku());
    cleo.client.put(&path, &json!({"quantity": 1})).await.not_found();
    cleo.client.put(&path, &json!({"quantity": -1})).await.invalid(&["quantity"]);
    cleo.client.put("/cart/items/nothing", &json!({"quantity": 1})).await.not_found();
    assert!(cleo.cart().await.list("items").is_empty());
    market.ends_clean().await;
}

#[tokio::test]
async fn many_lines_lie_in_one_cart() {
    let market = Market::start().await;
    let seller = market.seller("Tea House").await;
    let sku =
        |n: usize| json!({"code": format!("C{n}"), "options": {"n": n.to_string()}, "price": 100 + n, "stock": 9});
    let skus: Vec<_> = (0..40).map(sku).collect();
    let product = seller.lists_as(&json!({"title": "Many", "category_id": market.category.id(), "skus": skus})).await;
    let cleo = market.buyer("Cleo").await;
    for sku in product.list("skus") {
        cleo.tries_to_add(sku["id"].as_str().unwrap(), 1).await.ok();
    }
    let cart = cleo.cart().await;
    assert_eq!((cart.list("items").len(), cart.number("subtotal")), (40, (0..40).map(|n| 100 + n).sum()));
    market.ends_clean().await;
}
