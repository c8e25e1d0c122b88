//! Listing products and reading them.

use serde_json::json;
use souk_tests::Market;

#[tokio::test]
async fn a_product_without_skus_has_one() {
    let market = Market::start().await;
    let seller = market.seller("Tea House").await;
    let teapot = seller.lists("Blue Teapot", 2500, 5).await;
    assert!(teapot.id().starts_with("prod_") && teapot.sku().starts_with("sku_"));
    assert_eq!((teapot.text("slug"), teapot.text("status")), ("blue-teapot", "active"));
    assert_eq!((teapot.number("price"), teapot.number("stock"), teapot.text("currency")), (2500, 5, "EUR"));
    assert_eq!(teapot["seller"]["id"], *seller.id);
    assert_eq!(teapot["seller"]["name"], "Tea House");
    assert_eq!(teapot["category"]["id"], market.category["id"]);
    assert_eq!(teapot["category"]["path"], json!(["Things"]));
    assert_eq!(teapot["rating"]["count"], 0);
    let skus = teapot.list("skus");
    assert_eq!(skus.len(), 1);
    assert!(skus[0]["variant_id"].as_str().unwrap().starts_with("var_"));
    assert_eq!((&skus[0]["price"], &skus[0]["stock"], &skus[0]["options"]), (&json!(2500), &json!(5), &json!({})));
    assert_eq!(seller.stock(&teapot).await, (5, 0, 5));
    market.ends_clean().await;
}

#[tokio::test]
async fn a_product_is_read_by_id_and_by_slug() {
    let market = Market::start().await;
    let seller = market.seller("Tea House").await;
    let teapot = seller.lists("Teapot", 2500, 5).await;
    let by_id = market.client.get(&format!("/products/{}", teapot.id())).await.is(200);
    let by_slug = market.client.get("/products/teapot").await.ok();
    assert_eq!(by_id.data(), by_slug);
    assert_eq!(by_slug, teapot);
    let etag = by_id.text_header("etag").to_owned();
    assert!(!etag.is_empty() && by_id.text_header("cache-control").contains("public"));
    let held = market.client.get("/products/teapot").header("if-none-match", &etag).await.is(304);
    assert!(held.bytes.is_empty());
    assert_eq!(held.text_header("etag"), etag);
    market.client.get("/products/teapot").header("if-none-match", "\"other\"").await.is(200);
    // Another product of the same title gets a slug of its own.
    let other = seller.lists("Teapot", 2500, 5).await;
    assert_ne!(other.text("slug"), "teapot");
    for unknown in ["prod_01h455vb4pex5vsknk084sn02q", "no-such-thing", "ord_01h455vb4pex5vsknk084sn02q", "%20"] {
        market.client.get(&format!("/products/{unknown}")).await.not_found();
    }
    market.ends_clean().await;
}

#[tokio::test]
async fn variants_have_options_prices_and_stock_of_their_own() {
    let market = Market::start().await;
    let seller = market.seller("Tea House").await;
    let mut shirt = seller.product("Shirt", 0, 0);
    let fields = shirt.as_object_mut().unwrap();
    fields.remove("price");
    fields.remove("stock");
    shirt["skus"] = json!([
        {"code": "S-RED", "options": {"size": "S", "colour": "red"}, "price": 1900, "stock": 3},
        {"code": "M-RED", "options": {"size": "M", "colour": "red"}, "price": 2100, "stock": 0},
        {"code": "L-RED", "options": {"size": "L", "colour": "red"}, "price": 1500, "stock": 0},
    ]);
    let shirt = seller.lists_as(&shirt).await;
    assert_eq!(shirt.list("skus").len(), 3);
    let mut variants: Vec<_> = shirt.list("skus").iter().map(|sku| sku["variant_id"].to_string()).collect();
    variants.sort_unstable();
    variants.dedup();
    assert_eq!(variants.len(), 3);
    // In stock beats cheaper.
    assert_eq!((shirt.number("price"), shirt.number("stock")), (1900, 3));
    assert_eq!(seller.stock_of(shirt.sku_of("M-RED")).await, (0, 0, 0));
    market.ends_clean().await;
}

#[tokio::test]
async fn price_and_stock_beside_skus_are_refused() {
    let market = Market::start().await;
    let seller = market.seller("Tea House").await;
    let mut shirt = seller.product("Shirt", 1900, 3);
    shirt["skus"] = json!([{"code": "S", "options": {"size": "S"}, "price": 1900, "stock": 3}]);
    seller.client.post("/products", &shirt).await.invalid(&["price", "stock"]);
    market.ends_clean().await;
}

#[tokio::test]
async fn every_bad_field_of_a_product_is_named() {
    let market = Market::start().await;
    let seller = market.seller("Tea House").await;
    let bad = json!({
        "title": "", "description": "d".repeat(20_001), "category_id": "nowhere", "price": -1, "currency": "euro",
        "stock": -1, "images": ["ftp://example.com/a.png", "javascript:alert(1)"], "status": "sold",
    });
    let answer = seller.client.post("/products", &bad).await;
    answer.invalid(&[
        "title",
        "description",
        "category_id",
        "price",
        "currency",
        "stock",
        "images[0]",
        "images[1]",
        "status",
    ]);
    let bad = json!({"title": "x".repeat(201), "category_id": market.category.id(), "skus": [
        {"code": "A", "options": {"size": "S"}, "price": -1, "stock": -1},
        {"code": "A", "options": {"size": "S"}, "price": 1, "stock": 1},
    ]});
    let answer = seller.client.post("/products", &bad).await.is(422);
    for field in ["title", "skus[0].price", "skus[0].stock", "skus[1].code", "skus[1].options"] {
        answer.detail(field);
    }
    market.ends_clean().await;
}

#[tokio::test]
async fn limits_of_a_product_are_kept_to_the_last_one() {
    let market = Market::start().await;
    let seller = market.seller("Tea House").await;
    let with = |field: &str, value: serde_json::Value| {
        let mut product = seller.product("Teapot", 2500, 5);
        product[field] = value;
        product
    };
    let images = |count: usize| json!((0..count).map(|n| format!("https://example.com/{n}.png")).collect::<Vec<_>>());
    let attributes =
        |count: usize| json!((0..count).map(|n| (format!("key{n}"), json!(n))).collect::<serde_json::Map<_, _>>());
    for (field, most, more) in [
        ("title", json!("é".repeat(200)), json!("é".repeat(201))),
        ("description", json!("é".repeat(20_000)), json!("é".repeat(20_001))),
        ("images", images(50), images(51)),
        ("attributes", attributes(100), attributes(101)),
        ("price", json!(1_000_000_000_000_i64), json!(1_000_000_000_001_i64)),
        ("stock", json!(1_000_000_000), json!(1_000_000_001)),
    ] {
        let kept = seller.lists_as(&with(field, most.clone())).await;
        assert_eq!(kept[field], most);
        seller.client.post("/products", &with(field, more)).await.invalid(&[field]);
    }
    market.ends_clean().await;
}

#[tokio::test]
async fn a_product_may_have_a_hundred_variants() {
    let market = Market::start().await;
    let seller = market.seller("Tea House").await;
    let product = |count: usize| {
        let skus: Vec<_> = (0..count)
            .map(|n| json!({"code": format!("C{n}"), "options": {"n": n.to_string()}, "price": 100, "stock": 1}))
            .collect();
        json!({"title": "Many", "category_id": market.category.id(), "skus": skus})
    };
    assert_eq!(seller.lists_as(&product(100)).await.list("skus").len(), 100);
    seller.client.post("/products", &product(101)).await.invalid(&["skus"]);
    market.ends_clean().await;
}

#[tokio::test]
async fn who_is_no_seller_lists_nothing() {
    let market = Market::start().await;
    let seller = market.seller("Tea House").await;
    let cleo = market.buyer("Cleo").await;
    let product = seller.product("Teapot", 2500, 5);
    cleo.client.post("/products", &product).await.is(403);
    market.client.post("/products", &product).await.is(401);
    assert!(market.client.get("/products").await.rows().is_empty());
    market.ends_clean().await;
}

#[tokio::test]
async fn images_given_as_addresses_are_kept_as_they_are() {
    let market = Market::start().await;
    let seller = market.seller("Tea House").await;
    let mut teapot = seller.product("Teapot", 2500, 5);
    teapot["images"] = json!(["https://example.com/a%20b.png?x=1&y=2#z", "http://example.com/b.jpg"]);
    let listed = seller.lists_as(&teapot).await;
    assert_eq!(listed["images"], teapot["images"]);
    market.ends_clean().await;
}
