//! `Idempotency-Key`, and one order per cart.

use std::time::Duration;

use serde_json::json;
use souk_tests::Market;

#[tokio::test]
async fn the_same_key_and_body_give_the_first_answer_again() {
    let market = Market::start().await;
    let seller = market.seller("Tea House").await;
    let teapot = seller.lists("Teapot", 2500, 50).await;
    let cleo = market.buyer("Cleo").await;
    let form = cleo.order_form_for(&teapot, 1);
    let first = cleo.client.post("/orders", &form).key("key-1").await.is(201);
    let again = cleo.client.post("/orders", &form).key("key-1").await.is(201);
    assert_eq!(first.data(), again.data());
    // Also after the world has moved on.
    cleo.pays(&first.data()).await;
    cleo.sees(&first.data(), "confirmed").await;
    assert_eq!(cleo.client.post("/orders", &form).key("key-1").await.is(201).data(), first.data());
    let other = cleo.client.post("/orders", &form).key("key-2").await.created();
    assert_ne!(other.id(), first.data().id());
    assert_eq!(cleo.client.get("/orders").await.rows().len(), 2);
    market.ends_clean().await;
}

#[tokio::test]
async fn the_same_key_with_another_body_is_422() {
    let market = Market::start().await;
    let seller = market.seller("Tea House").await;
    let teapot = seller.lists("Teapot", 2500, 50).await;
    let cleo = market.buyer("Cleo").await;
    cleo.client.post("/orders", &cleo.order_form_for(&teapot, 1)).key("key").await.created();
    cleo.client
        .post("/orders", &cleo.order_form_for(&teapot, 2))
        .key("key")
        .await
        .refused(422, "idempotency_key_reused");
    assert_eq!(seller.stock(&teapot).await, (50, 1, 49));
    market.ends_clean().await;
}

#[tokio::test]
async fn keys_belong_to_who_sends_them_and_live_a_day() {
    let market = Market::start().await;
    let seller = market.seller("Tea House").await;
    let teapot = seller.lists("Teapot", 2500, 50).await;
    let (cleo, ben, guest) = (market.buyer("Cleo").await, market.buyer("Ben").await, market.guest());
    let form = cleo.order_form_for(&teapot, 1);
    let mine = cleo.client.post("/orders", &form).key("key").await.created();
    let his = ben.client.post("/orders", &form).key("key").await.created();
    guest.cart().await;
    let theirs = guest.at_cart().post("/orders", &guest.order_form_for(&teapot, 1)).key("key").await.created();
    assert!(mine.id() != his.id() && his.id() != theirs.id());
    assert_eq!(his["email"], *ben.email);
    market.passes(Duration::from_hours(25)).await;
    let next_day = cleo.client.post("/orders", &form).key("key").await.created();
    assert_ne!(next_day.id(), mine.id());
    market.ends_clean().await;
}

#[tokio::test]
async fn a_refused_request_leaves_its_key_free() {
    let market = Market::start().await;
    let seller = market.seller("Tea House").await;
    let teapot = seller.lists("Teapot", 2500, 50).await;
    let cleo = market.buyer("Cleo").await;
    let mut wrong = cleo.order_form_for(&teapot, 1);
    wrong["shipping_address"]["country"] = json!("Britain");
    cleo.client.post("/orders", &wrong).key("key").await.is(422);
    cleo.client.post("/orders", &cleo.order_form_for(&teapot, 1)).key("key").await.created();
    market.ends_clean().await;
}

#[tokio::test]
async fn what_is_no_key_is_400() {
    let market = Market::start().await;
    let seller = market.seller("Tea House").await;
    let teapot = seller.lists("Teapot", 2500, 50).await;
    let cleo = market.buyer("Cleo").await;
    let form = cleo.order_form_for(&teapot, 1);
    let long = "k".repeat(256);
    for key in [&b""[..], b"a b", b"\xc3\xa9", b"a\tb", long.as_bytes()] {
        let answer = cleo.client.post("/orders", &form).header("idempotency-key", key).await.is(400);
        assert!(answer.fields()[0].eq_ignore_ascii_case("idempotency-key"), "{answer}");
    }
    cleo.client.post("/orders", &form).key(&"k".repeat(255)).await.created();
    market.ends_clean().await;
}

#[tokio::test]
async fn one_cart_makes_one_order() {
    let market = Market::start().await;
    let seller = market.seller("Tea House").await;
    let teapot = seller.lists("Teapot", 2500, 50).await;
    let cleo = market.buyer("Cleo").await;
    cleo.adds(&teapot, 1).await;
    let order = cleo.places_order().await;
    let again = cleo.tries_to_order(&cleo.order_form()).await.refused(409, "cart_frozen");
    assert!(again.to_string().contains(order.id()), "it names the order: {again}");
    assert_eq!(seller.stock(&teapot).await, (50, 1, 49));
    market.ends_clean().await;
}
