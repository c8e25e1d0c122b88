//! Placing orders, and what they look like.

use serde_json::json;
use souk_tests::{Market, address};

#[tokio::test]
async fn a_cart_becomes_an_order_that_waits_for_its_payment() {
    let market = Market::start().await;
    let seller = market.seller("Tea House").await;
    let teapot = seller.lists("Teapot", 2500, 5).await;
    let cleo = market.buyer("Cleo").await;
    cleo.adds(&teapot, 2).await;
    let order = cleo.places_order().await;
    assert!(order.id().starts_with("ord_") && order.text("payment_id").starts_with("pay_"));
    assert!(!order.text("number").is_empty());
    assert_eq!(
        (order.text("status"), order.text("payment_status"), order.text("fulfilment")),
        ("pending_payment", "pending", "none")
    );
    assert_eq!(
        (order.number("total"), order.text("currency"), order.text("email")),
        (5000, "EUR", cleo.email.as_str())
    );
    assert_eq!(
        order["totals"],
        json!({"subtotal": 5000, "discount": 0, "shipping": 0, "tax": 0, "total": 5000, "currency": "EUR"})
    );
    assert_eq!(order["shipping_address"], address());
    assert_eq!((order.text("shipping_method"), &order["price_may_have_changed"]), ("standard", &json!(false)));
    assert!(order.text("redirect").contains(&format!("/sandbox/payments/{}", order.text("payment_id"))));
    assert!(order.get("access_token").is_none(), "users need no token");
    let part = order.part_of(&seller.id);
    assert!(part.id().starts_with("sord_"));
    assert_eq!((part.text("status"), part.number("subtotal"), part.number("total")), ("pending", 5000, 5000));
    assert_eq!(part["seller"], json!({"id": seller.id, "name": "Tea House"}));
    let item = &part["items"][0];
    assert_eq!((&item["sku_id"], &item["product_id"]), (&json!(teapot.sku()), &teapot["id"]));
    assert_eq!((&item["title"], &item["quantity"], &item["unit_price"]), (&json!("Teapot"), &json!(2), &json!(2500)));
    assert_eq!((&item["line_total"], &item["discount"], &item["tax"]), (&json!(5000), &json!(0), &json!(0)));
    assert!(item.get("commission").is_none(), "the buyer does not see the commission");
    assert_eq!(order.list("items").len(), 1);
    assert_eq!(seller.stock(&teapot).await, (5, 2, 3));
    let seen = cleo.order(&order).await;
    for field in order
        .as_object()
        .unwrap()
        .keys()
        .filter(|field| !["tracking", "updated_at", "version"].contains(&field.as_str()))
    {
        assert_eq!(seen[field], order[field], "{field}");
    }
    market.ends_clean().await;
}

#[tokio::test]
async fn lines_may_be_ordered_without_a_cart_and_the_cart_stays() {
    let market = Market::start().await;
    let seller = market.seller("Tea House").await;
    let (teapot, cup) = (seller.lists("Teapot", 2500, 5).await, seller.lists("Cup", 900, 5).await);
    let cleo = market.buyer("Cleo").await;
    cleo.adds(&cup, 1).await;
    let order = cleo.orders(&teapot, 1).await;
    assert_eq!(order.number("total"), 2500);
    cleo.adds(&cup, 1).await;
    cleo.pays(&order).await;
    cleo.sees(&order, "confirmed").await;
    market.settles().await;
    assert_eq!(cleo.cart().await["items"][0]["quantity"], 2);
    market.ends_clean().await;
}

#[tokio::test]
async fn a_sku_named_twice_is_one_line() {
    let market = Market::start().await;
    let seller = market.seller("Tea House").await;
    let teapot = seller.lists("Teapot", 2500, 5).await;
    let cleo = market.buyer("Cleo").await;
    let mut form = cleo.order_form();
    form["items"] = json!([{"sku_id": teapot.sku(), "quantity": 2}, {"sku_id": teapot.sku(), "quantity": 1}]);
    let order = cleo.tries_to_order(&form).await.created();
    assert_eq!(
        (order.list("items").len(), &order["items"][0]["quantity"], order.number("total")),
        (1, &json!(3), 7500)
    );
    form["items"] = json!([{"sku_id": teapot.sku(), "quantity": 2}, {"sku_id": teapot.sku(), "quantity": 1}]);
    cleo.tries_to_order(&form).await.refused(409, "out_of_stock");
    market.ends_clean().await;
}

#[tokio::test]
async fn an_order_is_divided_among_its_sellers_to_the_last_cent() {
    let market = Market::builder()
        .config(|config| {
            config.orders.tax_basis_points = 1900;
            let mut express = config.orders.shipping_methods[0].clone();
            (express.code, express.price) = ("express".to_owned(), 499);
            config.orders.shipping_methods.push(express);
        })
        .start()
        .await;
    let (tea, coffee) = (market.seller("Tea House").await, market.seller("Coffee House").await);
    let (teapot, mug) = (tea.lists("Teapot", 1337, 5).await, coffee.lists("Mug", 101, 50).await);
    let cleo = market.buyer("Cleo").await;
    let mut form = cleo.order_form();
    form["shipping_method"] = json!("express");
    form["items"] = json!([{"sku_id": teapot.sku(), "quantity": 3}, {"sku_id": mug.sku(), "quantity": 7}]);
    let quote = cleo.client.post("/orders/quote", &form).await.ok();
    let order = cleo.tries_to_order(&form).await.created();
    let subtotal = 3 * 1337 + 7 * 101;
    let totals = &order["totals"];
    assert_eq!((&totals["subtotal"], &totals["shipping"]), (&json!(subtotal), &json!(2 * 499)));
    let tax = totals["tax"].as_i64().unwrap();
    let exact = f64::from(subtotal + 2 * 499) * 0.19;
    assert!((exact - f64::from(i32::try_from(tax).unwrap())).abs() <= 1.0, "{tax} of {exact}");
    assert_eq!(order.number("total"), i64::from(subtotal) + 2 * 499 + tax);
    for field in ["subtotal", "discount", "shipping", "tax", "total"] {
        assert_eq!(quote[field], totals[field], "{field}");
        let parts: i64 = order.list("seller_orders").iter().map(|part| part[field].as_i64().unwrap_or_default()).sum();
        assert_eq!(json!(parts), totals[field], "{field}");
    }
    assert_eq!(order.part_of(&tea.id).number("shipping"), 499);
    cleo.pays(&order).await;
    cleo.sees(&order, "confirmed").await;
    market.ends_clean().await;
}

#[tokio::test]
async fn a_quote_places_and_holds_nothing() {
    let market = Market::start().await;
    let seller = market.seller("Tea House").await;
    let teapot = seller.lists("Teapot", 2500, 5).await;
    let (cleo, guest) = (market.buyer("Cleo").await, market.guest());
    let quote = cleo.client.post("/orders/quote", &cleo.order_form_for(&teapot, 2)).await.ok();
    assert_eq!((quote.number("subtotal"), quote.number("total"), quote.text("currency")), (5000, 5000, "EUR"));
    guest.adds(&teapot, 3).await;
    assert_eq!(guest.at_cart().post("/orders/quote", &guest.order_form()).await.ok()["total"], 7500);
    assert_eq!(seller.stock(&teapot).await, (5, 0, 5));
    assert!(cleo.client.get("/orders").await.rows().is_empty());
    guest.adds(&teapot, 1).await;
    cleo.client.post("/orders/quote", &json!({"items": []})).await.is(422);
    market.ends_clean().await;
}

#[tokio::test]
async fn standard_shipping_is_free_and_always_there() {
    let market = Market::start().await;
    let methods = market.client.get("/shipping-methods").await.rows();
    let standard = methods.iter().find(|method| method["code"] == "standard").unwrap();
    assert_eq!((standard.number("price"), standard.text("currency")), (0, "EUR"));
    assert!(standard["name"].is_string() && standard["estimate"].is_string());
    let seller = market.seller("Tea House").await;
    let teapot = seller.lists("Teapot", 2500, 5).await;
    let cleo = market.buyer("Cleo").await;
    let mut form = cleo.order_form_for(&teapot, 1);
    form.as_object_mut().unwrap().remove("shipping_method");
    form.as_object_mut().unwrap().remove("payment_provider");
    let order = cleo.tries_to_order(&form).await.created();
    assert_eq!(order.text("shipping_method"), "standard");
    market.ends_clean().await;
}

#[tokio::test]
async fn what_costs_nothing_needs_no_payment() {
    let market = Market::start().await;
    let seller = market.seller("Tea House").await;
    let sample = seller.lists("Free sample", 0, 5).await;
    let cleo = market.buyer("Cleo").await;
    let order = cleo.orders(&sample, 2).await;
    assert_eq!(order.number("total"), 0);
    cleo.sees(&order, "confirmed").await;
    assert_eq!(seller.stock(&sample).await, (3, 0, 3));
    seller.ships(&order).await;
    seller.delivers(&order).await;
    market.ends_clean().await;
}

#[tokio::test]
async fn the_expected_total_protects_the_buyer() {
    let market = Market::start().await;
    let seller = market.seller("Tea House").await;
    let teapot = seller.lists("Teapot", 2500, 5).await;
    let cleo = market.buyer("Cleo").await;
    cleo.adds(&teapot, 2).await;
    let mut form = cleo.order_form();
    form["expected_total"] = json!(5000);
    seller.reprices(&teapot, 3000).await;
    let answer = cleo.tries_to_order(&form).await.refused(409, "total_changed");
    assert!(answer.detail("expected").contains("5000") && answer.detail("actual").contains("6000"), "{answer}");
    // Nothing is held and the cart is free.
    assert_eq!(seller.stock(&teapot).await, (5, 0, 5));
    cleo.adds(&teapot, 1).await;
    form["expected_total"] = json!(9000);
    let order = cleo.tries_to_order(&form).await.created();
    assert_eq!(order.number("total"), 9000);
    market.ends_clean().await;
}

#[tokio::test]
async fn a_price_is_fixed_by_the_order() {
    let market = Market::start().await;
    let seller = market.seller("Tea House").await;
    let teapot = seller.lists("Teapot", 2500, 5).await;
    let cleo = market.buyer("Cleo").await;
    let order = cleo.orders(&teapot, 1).await;
    seller.reprices(&teapot, 9900).await;
    cleo.pays(&order).await;
    let order = cleo.sees(&order, "confirmed").await;
    assert_eq!(order.number("total"), 2500);
    market.ends_clean().await;
}

#[tokio::test]
async fn an_order_may_have_a_thousand_lines_and_no_more() {
    let market = Market::start().await;
    let seller = market.seller("Tea House").await;
    let mut items = Vec::new();
    for page in 0..11 {
        let sku =
            |n: usize| json!({"code": format!("{page}-{n}"), "options": {"n": n.to_string()}, "price": 10, "stock": 5});
        let skus: Vec<_> = (0..100).map(sku).collect();
        let product = json!({"title": format!("Many {page}"), "category_id": market.category.id(), "skus": skus});
        let product = seller.lists_as(&product).await;
        items.extend(product.list("skus").iter().map(|sku| json!({"sku_id": sku["id"], "quantity": 1})));
    }
    let cleo = market.buyer("Cleo").await;
    let mut form = cleo.order_form();
    form["items"] = json!(items[..1001]);
    cleo.tries_to_order(&form).await.invalid(&["items"]);
    form["items"] = json!(items[..1000]);
    let order = cleo.tries_to_order(&form).await.created();
    assert_eq!((order.list("items").len(), order.number("total")), (1000, 10_000));
    cleo.pays(&order).await;
    cleo.sees(&order, "confirmed").await;
    cleo.cancels(&order).await.ok();
    cleo.sees(&order, "refunded").await;
    let (first, last) = (items[0]["sku_id"].as_str().unwrap(), items[999]["sku_id"].as_str().unwrap());
    market.settles().await;
    assert_eq!((seller.stock_of(first).await, seller.stock_of(last).await), ((5, 0, 5), (5, 0, 5)));
    market.ends_clean().await;
}
