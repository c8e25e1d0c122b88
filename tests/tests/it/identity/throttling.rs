//! Guessing passwords.

use std::num::NonZeroU32;

use serde_json::json;
use souk_tests::{Market, PASSWORD};

#[tokio::test]
async fn guessing_is_slowed_down_for_the_guesser_and_never_an_error() {
    let market = Market::builder()
        .config(|config| {
            config.gateway.rate_limit.enabled = true;
            // The edge's own limit is not what is tested here.
            config.gateway.rate_limit.auth_burst = NonZeroU32::MAX;
        })
        .start()
        .await;
    let cleo = market.buyer("Cleo").await;
    let mut throttled = None;
    for _ in 0..200 {
        let answer =
            market.client.post("/auth/login", &json!({"email": cleo.email, "password": "wrong password"})).await;
        if answer.status == 429 {
            throttled = Some(answer);
            break;
        }
        answer.is(401);
    }
    let throttled = throttled.expect("200 wrong passwords in a row are too many");
    assert!(throttled.text_header("retry-after").parse::<u64>().unwrap() >= 1);
    market.ends_clean().await;
}

#[tokio::test]
async fn guessing_is_not_slowed_down_where_limits_are_off() {
    let market = Market::start().await;
    let cleo = market.buyer("Cleo").await;
    for _ in 0..30 {
        market.client.post("/auth/login", &json!({"email": cleo.email, "password": "wrong password"})).await.is(401);
    }
    market.client.post("/auth/login", &json!({"email": cleo.email, "password": PASSWORD})).await.ok();
    market.ends_clean().await;
}

#[tokio::test]
async fn a_guesser_does_not_lock_the_owner_out() {
    let market = Market::builder()
        .config(|config| {
            config.gateway.rate_limit.enabled = true;
            config.gateway.rate_limit.auth_burst = NonZeroU32::MAX;
            config.gateway.trusted_proxies = vec!["127.0.0.1".parse().unwrap()];
        })
        .start()
        .await;
    let cleo = market.buyer("Cleo").await;
    let wrong = json!({"email": cleo.email, "password": "wrong password"});
    let guesser = market.client.with("x-forwarded-for", "203.0.113.7");
    let mut refused = false;
    for _ in 0..200 {
        refused |= guesser.post("/auth/login", &wrong).await.status == 429;
    }
    assert!(refused);
    let owner = market.client.with("x-forwarded-for", "198.51.100.1");
    owner.post("/auth/login", &json!({"email": cleo.email, "password": PASSWORD})).await.ok();
    market.ends_clean().await;
}
