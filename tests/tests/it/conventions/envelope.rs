//! The frame around every answer, and the request's name. (That every answer in every test has it is checked by the
//! harness.)

use serde_json::json;
use souk_tests::Market;

#[tokio::test]
async fn a_success_has_status_data_and_meta() {
    let market = Market::start().await;
    let answer = market.client.get("/categories").await.is(200);
    let mut keys: Vec<_> = answer.json.as_object().unwrap().keys().cloned().collect();
    keys.sort_unstable();
    assert_eq!(keys, ["data", "meta", "status"]);
    assert_eq!(answer.json["status"], "success");
    assert!(answer.json["meta"]["timestamp"].as_str().unwrap().ends_with('Z'));
    assert!(answer.text_header("content-type").starts_with("application/json"));
    market.ends_clean().await;
}

#[tokio::test]
async fn an_error_has_status_error_and_meta() {
    let market = Market::start().await;
    let answer = market.client.post("/auth/login", &json!({"email": 5})).await.is(400);
    let mut keys: Vec<_> = answer.json.as_object().unwrap().keys().cloned().collect();
    keys.sort_unstable();
    assert_eq!(keys, ["error", "meta", "status"]);
    let mut keys: Vec<_> = answer.json["error"].as_object().unwrap().keys().cloned().collect();
    keys.sort_unstable();
    assert_eq!(keys, ["code", "details", "message"]);
    market.ends_clean().await;
}

#[tokio::test]
async fn a_valid_request_id_is_taken_and_any_other_replaced() {
    let market = Market::start().await;
    for given in ["abc", "A.b_c:d-1", &"x".repeat(128)] {
        let answer = market.client.get("/categories").header("x-request-id", given).await;
        assert_eq!(answer.text_header("x-request-id"), given);
        assert_eq!(answer.json["meta"]["request_id"], given);
    }
    for given in ["", " ", "a b", "a/b", "\"", "é", &"x".repeat(129)] {
        let answer = market.client.get("/categories").header("x-request-id", given).await;
        assert!(answer.text_header("x-request-id").starts_with("req_"), "{given:?}: {answer}");
    }
    let made = market.client.get("/categories").await;
    let another = market.client.get("/categories").await;
    assert_ne!(made.text_header("x-request-id"), another.text_header("x-request-id"));
    market.ends_clean().await;
}

#[tokio::test]
async fn what_is_not_json_is_400_and_what_does_not_say_so_415() {
    let market = Market::start().await;
    let post = || market.client.post_empty("/auth/login");
    for body in [
        "",
        "{",
        "nonsense",
        "{\"email\":\"a\",}",
        "{} {}",
        "[]",
        "null",
        "\"text\"",
        "7",
        "\u{feff}{}",
        "{'email':'a'}",
    ] {
        post().bytes("application/json", body).await.is(400);
    }
    post().bytes("application/json", vec![0xff, 0xfe, b'{', b'}']).await.is(400);
    post().bytes("text/plain", "{\"email\":\"a\",\"password\":\"b\"}").await.refused(415, "unsupported_type");
    post().bytes("application/x-www-form-urlencoded", "email=a&password=b").await.refused(415, "unsupported_type");
    market.ends_clean().await;
}

#[tokio::test]
async fn a_wrong_type_an_unknown_field_and_a_duplicate_key_are_400_and_named() {
    let market = Market::start().await;
    let post = |body: &'static str| market.client.post_empty("/auth/login").bytes("application/json", body);
    post(r#"{"email":5,"password":["x"]}"#).await.malformed(&["email", "password"]);
    post(r#"{"email":"a@b","password":"b","remember":true}"#).await.malformed(&["remember"]);
    post(r#"{"email":"a@b","password":"b","email":"c@d"}"#).await.malformed(&["email"]);
    post(r#"{"email":null,"password":"b"}"#).await.malformed(&["email"]);
    market.ends_clean().await;
}

#[tokio::test]
async fn texts_hold_no_nul() {
    let market = Market::start().await;
    let body = json!({"email": "a@b", "password": PASSWORD_WITH_NUL, "name": "a\0b"});
    let answer = market.client.post("/auth/register", &body).await.is(422);
    assert!(answer.fields().contains(&"name") && answer.fields().contains(&"password"), "{answer}");
    market.ends_clean().await;
}

const PASSWORD_WITH_NUL: &str = "a long enough pass\0word";
