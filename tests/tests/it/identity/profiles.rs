//! Profiles, and leaving.

use serde_json::json;
use souk_tests::{Market, PASSWORD, address};

#[tokio::test]
async fn a_profile_keeps_what_is_put() {
    let market = Market::start().await;
    let cleo = market.buyer("Cleo").await;
    let profile = json!({
        "name": "Cleo the Great", "phone": "+44 113 496 0000", "locale": "en-GB",
        "preferences": {"theme": "dark"}, "addresses": [address()],
    });
    let user = cleo.client.put("/users/me", &profile).await.ok();
    for field in ["name", "phone", "locale", "preferences", "addresses"] {
        assert_eq!(user[field], profile[field], "{field}");
    }
    assert_eq!(cleo.client.get("/users/me").await.ok(), user);
    market.ends_clean().await;
}

#[tokio::test]
async fn put_and_patch_replace_the_named_fields_only() {
    let market = Market::start().await;
    let cleo = market.buyer("Cleo").await;
    cleo.client.put("/users/me", &json!({"phone": "+44 113 496 0000", "locale": "de"})).await.ok();
    let user = cleo.client.patch("/users/me", &json!({"name": "Other"})).await.ok();
    assert_eq!(
        (&user["name"], &user["phone"], &user["locale"]),
        (&json!("Other"), &json!("+44 113 496 0000"), &json!("de"))
    );
    let path = format!("/users/{}", cleo.user_id.as_deref().unwrap());
    let user = cleo.client.put(&path, &json!({"phone": null})).await.ok();
    assert_eq!((&user["name"], &user["phone"]), (&json!("Other"), &json!(null)));
    let user = cleo.client.patch(&path, &json!({"locale": "fr"})).await.ok();
    assert_eq!(user["locale"], "fr");
    market.ends_clean().await;
}

#[tokio::test]
async fn a_bad_profile_names_every_field() {
    let market = Market::start().await;
    let cleo = market.buyer("Cleo").await;
    let mut nowhere = address();
    nowhere["country"] = json!("Atlantis");
    nowhere["line1"] = json!("");
    let profile = json!({"name": "", "phone": "call me", "locale": "english", "addresses": [address(), nowhere]});
    let answer = cleo.client.put("/users/me", &profile).await;
    answer.invalid(&["name", "phone", "locale", "addresses[1].country", "addresses[1].line1"]);
    market.ends_clean().await;
}

#[tokio::test]
async fn a_lost_race_for_a_profile_is_412() {
    let market = Market::start().await;
    let cleo = market.buyer("Cleo").await;
    let seen = cleo.client.get("/users/me").await.is(200);
    let etag = seen.text_header("etag").to_owned();
    assert!(!etag.is_empty());
    cleo.client.put("/users/me", &json!({"name": "First"})).if_match(&etag).await.ok();
    cleo.client.put("/users/me", &json!({"name": "Second"})).if_match(&etag).await.refused(412, "version_lost");
    assert_eq!(cleo.client.get("/users/me").await.ok()["name"], "First");
    cleo.client.put("/users/me", &json!({"name": "Third"})).if_match("yesterday").await.is(400);
    market.ends_clean().await;
}

#[tokio::test]
async fn accounts_are_seen_by_their_owner_and_the_operator_only() {
    let market = Market::start().await;
    let (cleo, mallory) = (market.buyer("Cleo").await, market.buyer("Mallory").await);
    let path = format!("/users/{}", cleo.user_id.as_deref().unwrap());
    cleo.client.get(&path).await.ok();
    market.admin.client.get(&path).await.ok();
    market.client.get(&path).await.is(401);
    mallory.client.get(&path).await.not_found();
    mallory.client.put(&path, &json!({"name": "Mallory was here"})).await.not_found();
    mallory.client.delete(&path).await.not_found();
    assert_eq!(cleo.client.get(&path).await.ok()["name"], "Cleo");
    market.ends_clean().await;
}

#[tokio::test]
async fn a_deleted_account_is_gone_and_its_orders_stay() {
    let market = Market::start().await;
    let seller = market.seller("Tea House").await;
    let teapot = seller.lists("Teapot", 2500, 5).await;
    let cleo = market.buyer("Cleo").await;
    let order = cleo.buys(&teapot, 1).await;
    let path = format!("/users/{}", cleo.user_id.as_deref().unwrap());
    cleo.client.delete(&path).await.is(204);
    market.client.post("/auth/login", &json!({"email": cleo.email, "password": PASSWORD})).await.is(401);
    cleo.client.get("/users/me").await.is(401);
    market.settles().await;
    assert_eq!(seller.part(&order).await["status"], "confirmed", "the seller still has to ship it");
    let kept = market.admin.client.get(&format!("/orders/{}", order.id())).await.ok();
    assert_eq!(kept["total"], order["total"]);
    // The address is free again.
    market.buyer("Cleo").await;
    market.ends_clean().await;
}

#[tokio::test]
async fn somebody_sees_and_ends_their_sessions() {
    let market = Market::start().await;
    let cleo = market.buyer("Cleo").await;
    let phone = market.client.post("/auth/login", &json!({"email": cleo.email, "password": PASSWORD})).await.ok();
    let sessions = cleo.client.get("/users/me/sessions").await.rows();
    assert_eq!(sessions.len(), 2);
    let other = sessions.iter().find(|session| session["current"] == false).unwrap();
    cleo.client.delete(&format!("/users/me/sessions/{}", other.id())).await.no_content();
    let refresh = json!({"refresh_token": phone.text("refresh_token")});
    market.client.post("/auth/refresh", &refresh).await.is(401);
    market.ends_clean().await;
}
