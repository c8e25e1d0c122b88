//! Making accounts.

use serde_json::json;
use souk_tests::{Market, PASSWORD};

fn form(email: &str) -> serde_json::Value {
    json!({"email": email, "password": PASSWORD, "name": "Cleo"})
}

#[tokio::test]
async fn registering_logs_in() {
    let market = Market::start().await;
    let session = market.client.post("/auth/register", &form("Cleo@Example.com")).await.created();
    assert_eq!(session["token_type"], "Bearer");
    assert!(session.number("expires_in") > 0);
    let user = &session["user"];
    assert!(user["id"].as_str().unwrap().starts_with("user_"));
    assert_eq!((&user["email"], &user["name"]), (&json!("Cleo@Example.com"), &json!("Cleo")));
    assert_eq!(user["roles"], json!(["buyer"]));
    assert!(!session.to_string().contains("argon2") && !session.to_string().contains(PASSWORD));
    let me = market.client.with_token(session.text("access_token")).get("/users/me").await.ok();
    assert_eq!(me["id"], user["id"]);
    market.ends_clean().await;
}

#[tokio::test]
async fn making_an_account_answers_with_the_bare_user() {
    let market = Market::start().await;
    let user = market.client.post("/users", &form("cleo@example.com")).await.created();
    assert!(user.id().starts_with("user_"));
    assert!(user.get("access_token").is_none() && user.get("refresh_token").is_none());
    market.client.post("/auth/login", &json!({"email": "cleo@example.com", "password": PASSWORD})).await.ok();
    market.ends_clean().await;
}

#[tokio::test]
async fn addresses_are_one_whatever_their_case() {
    let market = Market::start().await;
    market.client.post("/auth/register", &form("Cleo@Example.com")).await.created();
    for path in ["/auth/register", "/users"] {
        market.client.post(path, &form("cLEO@exaMPLE.com")).await.refused(409, "email_taken");
    }
    let login = json!({"email": "CLEO@EXAMPLE.COM", "password": PASSWORD});
    market.client.post("/auth/login", &login).await.ok();
    market.ends_clean().await;
}

#[tokio::test]
async fn every_bad_field_is_named_at_once() {
    let market = Market::start().await;
    for path in ["/auth/register", "/users"] {
        let bad = json!({"email": "not an address", "password": "123456789", "name": " "});
        market.client.post(path, &bad).await.invalid(&["email", "password", "name"]);
        market.client.post(path, &json!({})).await.invalid(&["email", "password", "name"]);
    }
    market.ends_clean().await;
}

#[tokio::test]
async fn passwords_have_10_to_128_characters() {
    let market = Market::start().await;
    let tries = [(9, 422), (10, 201), (128, 201), (129, 422)];
    for (length, status) in tries {
        let mut form = form(&format!("user{length}@example.com"));
        form["password"] = json!("ä".repeat(length));
        market.client.post("/auth/register", &form).await.is(status);
    }
    market.ends_clean().await;
}

#[tokio::test]
async fn nobody_gives_themselves_a_role() {
    let market = Market::start().await;
    let mut form = form("cleo@example.com");
    form["roles"] = json!(["admin"]);
    for path in ["/auth/register", "/users"] {
        market.client.post(path, &form).await.malformed(&["roles"]);
    }
    let cleo = market.buyer("Cleo").await;
    cleo.client.put("/users/me", &json!({"roles": ["admin"]})).await.malformed(&["roles"]);
    market.ends_clean().await;
}

#[tokio::test]
async fn one_address_registered_twenty_times_at_once_makes_one_account() {
    let market = Market::start().await;
    let tries = (0..20).map(|_| {
        let client = market.client.clone();
        async move { client.post("/auth/register", &form("cleo@example.com")).await.status.as_u16() }
    });
    let mut statuses = futures::future::join_all(tries).await;
    statuses.sort_unstable();
    assert_eq!((statuses[0], &statuses[1..]), (201, &[409; 19][..]));
    let found = market.admin.client.get("/admin/users?email=cleo%40example.com").await.rows();
    assert_eq!(found.len(), 1);
    market.ends_clean().await;
}
