//! Forgotten and changed passwords.

use std::time::Duration;

use serde_json::{Value, json};
use souk_tests::{Buyer, Market, PASSWORD};

const NEW: &str = "an entirely new password";

/// Asks for a reset and takes the token out of the mail's link.
async fn forgets(market: &Market, buyer: &Buyer) -> String {
    market.client.post("/auth/password/forgot", &json!({"email": buyer.email})).await.is(202);
    let mails = market.mail_to(&buyer.email).await;
    let text = mails[0].text("text");
    let (_, rest) = text.split_once("?token=").unwrap_or_else(|| panic!("no link with ?token= in {text}"));
    rest.chars().take_while(|letter| letter.is_ascii_alphanumeric() || "-_".contains(*letter)).collect()
}

fn login(buyer: &Buyer, password: &str) -> Value {
    json!({"email": buyer.email, "password": password})
}

#[tokio::test]
async fn a_forgotten_password_is_reset_by_the_mail() {
    let market = Market::start().await;
    let cleo = market.buyer("Cleo").await;
    let session = market.client.post("/auth/login", &login(&cleo, PASSWORD)).await.ok();
    let token = forgets(&market, &cleo).await;
    market.client.post("/auth/password/reset", &json!({"token": token, "password": NEW})).await.is(204);
    market.client.post("/auth/login", &login(&cleo, PASSWORD)).await.is(401);
    market.client.post("/auth/login", &login(&cleo, NEW)).await.ok();
    // All sessions have ended.
    let refresh = json!({"refresh_token": session.text("refresh_token")});
    market.client.post("/auth/refresh", &refresh).await.is(401);
    cleo.client.get("/users/me").await.is(401);
    market.ends_clean().await;
}

#[tokio::test]
async fn a_reset_token_is_good_once_and_not_for_long() {
    let market = Market::start().await;
    let cleo = market.buyer("Cleo").await;
    let token = forgets(&market, &cleo).await;
    let reset = json!({"token": token, "password": NEW});
    market
        .client
        .post("/auth/password/reset", &json!({"token": token, "password": "short"}))
        .await
        .invalid(&["password"]);
    market.client.post("/auth/password/reset", &reset).await.is(204);
    market.client.post("/auth/password/reset", &reset).await.invalid(&["token"]);
    let late = forgets(&market, &cleo).await;
    market.passes(Duration::from_hours(25)).await;
    market.client.post("/auth/password/reset", &json!({"token": late, "password": PASSWORD})).await.invalid(&["token"]);
    market.client.post("/auth/password/reset", &json!({"token": "x", "password": NEW})).await.invalid(&["token"]);
    market.ends_clean().await;
}

#[tokio::test]
async fn asking_for_a_reset_does_not_tell_who_has_an_account() {
    let market = Market::start().await;
    let cleo = market.buyer("Cleo").await;
    let known = market.client.post("/auth/password/forgot", &json!({"email": cleo.email})).await.is(202);
    let unknown = market.client.post("/auth/password/forgot", &json!({"email": "nobody@example.com"})).await.is(202);
    assert_eq!(known.json["data"], unknown.json["data"]);
    assert!(market.mail_to("nobody@example.com").await.is_empty());
    market.ends_clean().await;
}

#[tokio::test]
async fn changing_a_password_takes_the_current_one() {
    let market = Market::start().await;
    let cleo = market.buyer("Cleo").await;
    let wrong = json!({"current_password": "wrong password", "new_password": NEW});
    let answer = cleo.client.post("/auth/password/change", &wrong).await;
    assert!([401, 403, 422].contains(&answer.status.as_u16()), "{answer}");
    let right = json!({"current_password": PASSWORD, "new_password": NEW});
    cleo.client.post("/auth/password/change", &right).await.no_content();
    market.client.post("/auth/login", &login(&cleo, PASSWORD)).await.is(401);
    market.client.post("/auth/login", &login(&cleo, NEW)).await.ok();
    market.ends_clean().await;
}
