//! Requests that are too large or too many.

use std::num::NonZeroU32;

use serde_json::json;
use souk_tests::Market;

#[tokio::test]
async fn a_body_of_ten_megabytes_is_413() {
    let market = Market::start().await;
    let cleo = market.buyer("Cleo").await;
    let huge = format!("{{\"name\":\"{}\"}}", "x".repeat(10 << 20));
    // A server may also hang up on who goes on sending after it has answered.
    if let Ok(answer) = cleo.client.call(http::Method::PUT, "/users/me").bytes("application/json", huge).attempt().await
    {
        assert!(answer.faults().is_empty(), "{answer}");
        answer.refused(413, "too_large");
    }
    assert_eq!(cleo.client.get("/users/me").await.ok()["name"], "Cleo");
    market.ends_clean().await;
}

#[tokio::test]
async fn a_long_address_is_414_and_long_headers_are_431() {
    let market = Market::start().await;
    let answer = market.client.get(&format!("/products?external_id={}", "x".repeat(60_000))).await;
    assert!([414, 400].contains(&answer.status.as_u16()), "{answer}");
    let long = "x".repeat(300_000);
    if let Ok(answer) = market.client.get("/products").header("x-long", &long).attempt().await {
        assert_eq!(answer.status, 431);
    }
    market.ends_clean().await;
}

#[tokio::test]
async fn deep_json_is_refused() {
    let market = Market::start().await;
    let cleo = market.buyer("Cleo").await;
    for depth in [100, 1_000, 100_000] {
        let deep = format!("{{\"preferences\":{}{}}}", "{\"a\":".repeat(depth) + "1", "}".repeat(depth));
        cleo.client.call(http::Method::PUT, "/users/me").bytes("application/json", deep).await.is(400);
        let deep = format!("{{\"preferences\":{}{}}}", "[".repeat(depth), "]".repeat(depth));
        cleo.client.call(http::Method::PUT, "/users/me").bytes("application/json", deep).await.is(400);
    }
    market.ends_clean().await;
}

#[tokio::test]
async fn who_asks_too_often_is_told_when_to_come_back() {
    let market = Market::builder()
        .config(|config| {
            let limit = &mut config.gateway.rate_limit;
            limit.enabled = true;
            (limit.per_second, limit.burst) = (NonZeroU32::MIN, NonZeroU32::new(20).unwrap());
        })
        .start()
        .await;
    let mut refused = false;
    for _ in 0..100 {
        let answer = market.client.get("/categories").await;
        if answer.status == 429 {
            assert!(answer.text_header("retry-after").parse::<u64>().unwrap() >= 1);
            refused = true;
            break;
        }
    }
    assert!(refused, "nobody is limited");
    // Health probes are not.
    market.client.at_root().get("/health/live").await.is(200);
    market.ends_clean().await;
}

#[tokio::test]
async fn a_text_of_any_script_is_kept_as_it_is() {
    let market = Market::start().await;
    let cleo = market.buyer("Cleo").await;
    for name in ["Zoë", "李小龍", "محمد", "🫖 Teapot", "a\u{301}", "\u{202e}abc", "'; DROP TABLE users; --", "<script>"]
    {
        let user = cleo.client.put("/users/me", &json!({"name": name})).await;
        if user.status == 200 {
            assert_eq!(user.data()["name"], name);
        } else {
            user.invalid(&["name"]);
        }
    }
    market.ends_clean().await;
}
