//! What lies where.

use http::Method;
use serde_json::json;
use souk_tests::{Market, PASSWORD};

#[tokio::test]
async fn users_products_and_orders_answer_at_the_root_too() {
    let market = Market::start().await;
    let seller = market.seller("Tea House").await;
    let teapot = seller.lists("Teapot", 2500, 5).await;
    let cleo = market.buyer("Cleo").await;
    let order = cleo.orders(&teapot, 1).await;
    let root = cleo.client.at_root();
    for path in ["/users/me".to_owned(), format!("/products/{}", teapot.id()), format!("/orders/{}", order.id())] {
        assert_eq!(root.get(&path).await.ok(), cleo.client.get(&path).await.ok(), "{path}");
    }
    root.get("/products").await.rows();
    let made =
        root.post("/users", &json!({"email": "ben@example.com", "password": PASSWORD, "name": "Ben"})).await.created();
    let path = format!("/users/{}/auth", made.id());
    root.post(&path, &json!({"password": PASSWORD})).await.ok();
    seller.client.at_root().post("/products", &seller.product("Cup", 900, 1)).await.created();
    root.post("/orders", &cleo.order_form_for(&teapot, 1)).await.created();
    market.ends_clean().await;
}

#[tokio::test]
async fn everything_else_lies_below_the_prefix() {
    let market = Market::start().await;
    let root = market.admin.client.at_root();
    for path in ["/cart", "/categories", "/auth/login", "/payments", "/admin/users", "/notifications", "/seller/orders"]
    {
        root.get(path).await.not_found();
    }
    market.ends_clean().await;
}

#[tokio::test]
async fn an_unknown_path_is_404_and_an_unknown_method_405() {
    let market = Market::start().await;
    for path in ["/nothing", "/products/a/b/c/d", "/cart/", "//cart", "/%00", "/..%2f..%2fetc%2fpasswd", "/%ff"] {
        market.client.get(path).await.not_found();
    }
    for (method, path, allowed) in [
        (Method::DELETE, "/auth/login", "POST"),
        (Method::PUT, "/products", "GET"),
        (Method::POST, "/orders/ord_01h455vb4pex5vsknk084sn02q/cancel", "PUT"),
        (Method::TRACE, "/cart", "GET"),
    ] {
        let answer = market.client.call(method, path).await.refused(405, "method_not_allowed");
        assert!(answer.text_header("allow").contains(allowed), "{answer}");
    }
    market.ends_clean().await;
}

#[tokio::test]
async fn patch_is_taken_wherever_put_is() {
    let market = Market::start().await;
    let document = market.client.get("/openapi.json").await.is(200).json;
    let paths = document["paths"].as_object().unwrap();
    let mut puts = 0;
    for (path, item) in paths.iter().filter(|(_, item)| item.get("put").is_some()) {
        puts += 1;
        assert!(item.get("patch").is_some(), "{path} takes PUT and not PATCH");
    }
    assert!(puts > 10);
    market.ends_clean().await;
}

#[tokio::test]
async fn head_answers_as_get_without_a_body() {
    let market = Market::start().await;
    let seller = market.seller("Tea House").await;
    let teapot = seller.lists("Teapot", 2500, 5).await;
    for path in [format!("/products/{}", teapot.id()), "/products".to_owned(), "/categories".to_owned()] {
        let (get, head) =
            (market.client.get(&path).await.is(200), market.client.call(Method::HEAD, &path).await.is(200));
        assert!(head.bytes.is_empty());
        assert_eq!(head.text_header("content-type"), get.text_header("content-type"));
    }
    market.client.call(Method::HEAD, "/products/nothing").await.is(404);
    market.ends_clean().await;
}

#[tokio::test]
async fn answers_are_not_sniffed_or_framed() {
    let market = Market::start().await;
    let answer = market.client.get("/categories").await;
    assert_eq!(answer.text_header("x-content-type-options"), "nosniff");
    let private = market.buyer("Cleo").await.client.get("/users/me").await.is(200);
    assert!(!private.text_header("cache-control").contains("public"), "{:?}", private.headers);
    market.ends_clean().await;
}

#[tokio::test]
async fn large_answers_are_compressed_for_who_can_read_it() {
    let market = Market::start().await;
    let seller = market.seller("Tea House").await;
    for number in 0..5 {
        seller.lists(&format!("Teapot {number}"), 2500, 5).await;
    }
    let plain = market.client.get("/products").await.is(200);
    assert_eq!(plain.text_header("content-encoding"), "");
    let packed = market.client.get("/products").header("accept-encoding", "gzip").unchecked().await;
    assert_eq!(packed.text_header("content-encoding"), "gzip");
    assert!(packed.bytes.starts_with(&[0x1f, 0x8b]) && packed.bytes.len() < plain.bytes.len());
    assert!(packed.text_header("vary").to_lowercase().contains("accept-encoding"));
    market.ends_clean().await;
}

#[tokio::test]
async fn pages_of_other_origins_call_only_where_the_operator_said_so() {
    let market = Market::start().await;
    let foreign = market.client.get("/products").header("origin", "https://shop.example").await;
    assert_eq!(foreign.text_header("access-control-allow-origin"), "");
    market.ends_clean().await;
    let market = Market::builder()
        .config(|config| config.gateway.cors_origins = vec!["https://shop.example".to_owned()])
        .start()
        .await;
    let allowed = market.client.get("/products").header("origin", "https://shop.example").await;
    assert_eq!(allowed.text_header("access-control-allow-origin"), "https://shop.example");
    let other = market.client.get("/products").header("origin", "https://evil.example").await;
    assert_ne!(other.text_header("access-control-allow-origin"), "https://evil.example");
    market.ends_clean().await;
}
