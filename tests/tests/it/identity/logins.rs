//! Sessions: logging in, refreshing, logging out, asking whether something is valid.

use std::time::Duration;

use serde_json::json;
use souk_tests::{Client, Market, PASSWORD, Thing, eventually};

async fn cleo(market: &Market) -> Thing {
    let form = json!({"email": "cleo@example.com", "password": PASSWORD, "name": "Cleo"});
    market.client.post("/auth/register", &form).await.created()
}

/// A market whose access tokens live as long as they do for operators.
async fn with_short_tokens() -> Market {
    Market::builder().config(|config| config.identity.access_token_ttl = Duration::from_mins(15)).start().await
}

fn holding(market: &Market, session: &Thing) -> Client {
    market.client.with_token(session.text("access_token"))
}

fn refresh_with(session: &Thing) -> serde_json::Value {
    json!({"refresh_token": session.text("refresh_token")})
}

#[tokio::test]
async fn logging_in_gives_a_pair_of_tokens() {
    let market = Market::start().await;
    let registered = cleo(&market).await;
    let session =
        market.client.post("/auth/login", &json!({"email": "cleo@example.com", "password": PASSWORD})).await.ok();
    assert_eq!(session["user"], registered["user"]);
    holding(&market, &session).get("/users/me").await.ok();
    market.ends_clean().await;
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_address_get_the_same_answer() {
    let market = Market::start().await;
    cleo(&market).await;
    let tries = [("cleo@example.com", "wrong password"), ("nobody@example.com", PASSWORD)];
    let mut errors = Vec::new();
    for (email, password) in tries {
        let answer = market.client.post("/auth/login", &json!({"email": email, "password": password})).await.is(401);
        errors.push(answer.json["error"].clone());
    }
    assert_eq!(errors[0], errors[1]);
    market.ends_clean().await;
}

#[tokio::test]
async fn a_refresh_token_is_good_once() {
    let market = Market::start().await;
    let first = cleo(&market).await;
    let second = market.client.post("/auth/refresh", &refresh_with(&first)).await.ok();
    assert_ne!(first.text("refresh_token"), second.text("refresh_token"));
    holding(&market, &second).get("/users/me").await.ok();
    let third = market.client.post("/auth/refresh", &refresh_with(&second)).await.ok();
    holding(&market, &third).get("/users/me").await.ok();
    market.ends_clean().await;
}

#[tokio::test]
async fn showing_a_spent_refresh_token_revokes_the_family() {
    let market = Market::start().await;
    let stolen = cleo(&market).await;
    let other_device =
        market.client.post("/auth/login", &json!({"email": "cleo@example.com", "password": PASSWORD})).await.ok();
    let current = market.client.post("/auth/refresh", &refresh_with(&stolen)).await.ok();
    // The thief, or the robbed: one of the two shows it again, long after a repeated request could have.
    market.passes(Duration::from_mins(2)).await;
    market.client.post("/auth/refresh", &refresh_with(&stolen)).await.is(401);
    market.client.post("/auth/refresh", &refresh_with(&current)).await.is(401);
    market.client.post("/auth/refresh", &refresh_with(&other_device)).await.ok();
    market.ends_clean().await;
}

#[tokio::test]
async fn an_access_token_ends_and_the_refresh_token_goes_on() {
    let market = with_short_tokens().await;
    let session = cleo(&market).await;
    let seconds = u64::try_from(session.number("expires_in")).unwrap();
    market.passes(Duration::from_secs(seconds + 1)).await;
    holding(&market, &session).get("/users/me").await.is(401);
    let fresh = market.client.post("/auth/refresh", &refresh_with(&session)).await.ok();
    holding(&market, &fresh).get("/users/me").await.ok();
    market.passes(Duration::from_hours(31 * 24)).await;
    market.client.post("/auth/refresh", &refresh_with(&fresh)).await.is(401);
    market.ends_clean().await;
}

#[tokio::test]
async fn logging_out_ends_the_session() {
    let market = Market::start().await;
    let session = cleo(&market).await;
    market.client.post("/auth/logout", &refresh_with(&session)).await.is(401);
    let buyer = holding(&market, &session);
    buyer.get("/orders").await.data();
    buyer.post("/auth/logout", &refresh_with(&session)).await.no_content();
    market.client.post("/auth/refresh", &refresh_with(&session)).await.is(401);
    buyer.get("/users/me").await.is(401);
    // Other services hear of it within a second or two.
    eventually("orders refuses the access token", async || (buyer.get("/orders").await.status == 401).then_some(()))
        .await;
    market.ends_clean().await;
}

#[tokio::test]
async fn a_process_that_starts_knows_who_has_logged_out() {
    let mut market = with_short_tokens().await;
    let session = cleo(&market).await;
    let buyer = holding(&market, &session);
    buyer.post("/auth/logout", &refresh_with(&session)).await.no_content();
    market.restarts().await;
    let buyer = holding(&market, &session);
    eventually("orders refuses the access token", async || (buyer.get("/orders").await.status == 401).then_some(()))
        .await;
    market.ends_clean().await;
}

#[tokio::test]
async fn nobody_logs_somebody_else_out() {
    let market = Market::start().await;
    let (session, mallory) = (cleo(&market).await, market.buyer("Mallory").await);
    let answer = mallory.client.post("/auth/logout", &refresh_with(&session)).await;
    assert!([204, 401, 404].contains(&answer.status.as_u16()), "{answer}");
    market.client.post("/auth/refresh", &refresh_with(&session)).await.ok();
    market.ends_clean().await;
}

#[tokio::test]
async fn what_is_no_token_of_ours_is_401() {
    let market = Market::start().await;
    let session = cleo(&market).await;
    let token = session.text("access_token");
    let (head, rest) = token.split_once('.').unwrap();
    let (claims, signature) = rest.split_once('.').unwrap();
    // {"alg":"none"} and the same claims without a signature; another signature.
    let forged = signature.strip_prefix('A').map_or_else(|| format!("A{signature}"), |rest| format!("B{rest}"));
    let bad = [
        format!("Bearer eyJhbGciOiJub25lIn0.{claims}."),
        format!("Bearer {head}.{claims}.{forged}"),
        format!("Bearer {}", session.text("refresh_token")),
        format!("Basic {token}"),
        "Bearer".to_owned(),
        "Bearer ".to_owned(),
        "Bearer a.b.c".to_owned(),
        format!("Bearer {}", "x".repeat(4000)),
    ];
    for value in bad {
        let answer = market.client.get("/users/me").header("authorization", &value).await.is(401);
        assert_eq!(answer.text_header("www-authenticate"), "Bearer", "{value}");
        // Where logging in is optional, a bad token is still told.
        market.client.get("/cart").header("authorization", &value).await.is(401);
    }
    market.ends_clean().await;
}

#[tokio::test]
async fn a_user_authenticates_by_id_with_password_or_refresh_token() {
    let market = Market::start().await;
    let session = cleo(&market).await;
    let path = format!("/users/{}/auth", session["user"]["id"].as_str().unwrap());
    let by_password = market.client.post(&path, &json!({"password": PASSWORD})).await.ok();
    assert!(by_password["access_token"].is_string() && by_password["refresh_token"].is_string());
    market.client.post(&path, &refresh_with(&session)).await.ok();
    market.client.post(&path, &json!({"password": "wrong password"})).await.is(401);
    market.client.post(&path, &json!({})).await.is(422);
    let other = market.buyer("Ben").await;
    let path = format!("/users/{}/auth", other.user_id.unwrap());
    market.client.post(&path, &refresh_with(&by_password)).await.is(401);
    market.ends_clean().await;
}

#[tokio::test]
async fn an_unknown_user_is_refused_like_a_wrong_password() {
    let market = Market::start().await;
    let session = cleo(&market).await;
    let known = session["user"]["id"].as_str().unwrap();
    let wrong = json!({"password": "wrong password"});
    let expected = market.client.post(&format!("/users/{known}/auth"), &wrong).await.is(401);
    for id in ["user_01h455vb4pex5vsknk084sn02q", "nobody", "42"] {
        let answer = market.client.post(&format!("/users/{id}/auth"), &wrong).await.is(401);
        assert_eq!(answer.json["error"], expected.json["error"]);
    }
    market.ends_clean().await;
}

#[tokio::test]
async fn validity_is_true_or_false_and_never_an_error() {
    let market = with_short_tokens().await;
    let (session, ben) = (cleo(&market).await, market.buyer("Ben").await);
    let id = session["user"]["id"].as_str().unwrap();
    let path = format!("/users/{id}/auth-valid");
    let holder = holding(&market, &session);
    let nobody = "/users/user_01h455vb4pex5vsknk084sn02q/auth-valid";
    let asked = [
        (market.client.post(&path, &json!({"password": PASSWORD})), true),
        (market.client.post(&path, &json!({"password": "wrong password"})), false),
        (market.client.post(&path, &json!({})), false),
        (holder.post(&path, &json!({})), true),
        (ben.client.post(&path, &json!({})), false),
        (market.client.with_token("a.b.c").post(&path, &json!({})), false),
        (market.client.post(nobody, &json!({"password": PASSWORD})), false),
        (holder.post(nobody, &json!({})), false),
        (market.client.post("/users/nobody/auth-valid", &json!({"password": PASSWORD})), false),
    ];
    for (call, expected) in asked {
        let answer = call.await;
        assert_eq!(answer.clone().ok().0, json!({"valid": expected}), "{answer}");
    }
    market.passes(Duration::from_hours(1)).await;
    assert_eq!(holder.post(&path, &json!({})).await.ok()["valid"], false, "the token has ended");
    market.ends_clean().await;
}

#[tokio::test]
async fn a_refresh_token_shown_twenty_times_at_once_gives_at_most_one_live_pair() {
    let market = Market::start().await;
    let session = cleo(&market).await;
    let tries = (0..20).map(|_| {
        let (client, body) = (market.client.clone(), refresh_with(&session));
        async move { client.post("/auth/refresh", &body).await }
    });
    let answers = futures::future::join_all(tries).await;
    let given: Vec<_> = answers.into_iter().filter(|answer| answer.status == 200).map(|answer| answer.data()).collect();
    assert!(!given.is_empty(), "somebody is first");
    let mut live = 0;
    for pair in &given {
        live += u32::from(market.client.post("/auth/refresh", &refresh_with(pair)).await.status == 200);
    }
    assert!(live <= 1, "{live} of {} pairs live on", given.len());
    market.ends_clean().await;
}
