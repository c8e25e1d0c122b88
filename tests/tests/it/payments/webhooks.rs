//! What the provider sends, and what only pretends to come from there.

use std::time::Duration;

use serde_json::{Value, json};
use souk_tests::{Market, sign};

#[tokio::test]
async fn a_signed_webhook_completes_the_payment() {
    let market = Market::start().await;
    let seller = market.seller("Tea House").await;
    let teapot = seller.lists("Teapot", 2500, 5).await;
    let cleo = market.buyer("Cleo").await;
    let provider = market.provider();
    let order = cleo.orders(&teapot, 1).await;
    provider.sends(&provider.completed(&order)).await.is(200);
    cleo.sees(&order, "confirmed").await;
    // By the provider's own path too.
    let order = cleo.orders(&teapot, 1).await;
    let body = provider.completed(&order).body.to_string();
    let path = "/payments/webhooks/sandbox";
    let call = market.client.post_empty(path).header("souk-signature", provider.signature(&body, 0));
    call.bytes("application/json", body).await.is(200);
    cleo.sees(&order, "confirmed").await;
    market.ends_clean().await;
}

#[tokio::test]
async fn an_unsigned_forged_or_old_webhook_is_401_and_changes_nothing() {
    let market = Market::start().await;
    let seller = market.seller("Tea House").await;
    let teapot = seller.lists("Teapot", 2500, 5).await;
    let cleo = market.buyer("Cleo").await;
    let provider = market.provider();
    let order = cleo.orders(&teapot, 1).await;
    let webhook = provider.completed(&order);
    let (path, body) = (format!("/payments/{}/webhook", webhook.payment_id), webhook.body.to_string());
    let now = market.clock.now().timestamp();
    let good = provider.signature(&body, 0);
    let bad = [
        String::new(),
        "t=1".to_owned(),
        format!("t={now},v1="),
        format!("t={now},v1={}", sign("another secret", now, &body)),
        format!("t={now},v1={}", "0".repeat(64)),
        good.replace("v1=", "v0="),
        good.replace(&now.to_string(), &(now + 1).to_string()),
        format!("t={now},t={},v1={}", now - 1000, sign("another secret", now, &body)),
        "x".repeat(5000),
    ];
    for signature in bad {
        let call = market
            .client
            .post_empty(&path)
            .header("souk-signature", &signature)
            .bytes("application/json", body.clone());
        call.await.is(401);
    }
    market.client.post_empty(&path).bytes("application/json", body.clone()).await.is(401);
    // The right signature of another body.
    let tampered = webhook.clone().with("amount", 1).body.to_string();
    market.client.post_empty(&path).header("souk-signature", &good).bytes("application/json", tampered).await.is(401);
    provider.sends_late(&webhook, Duration::from_secs(310)).await.is(401);
    provider.sends_early(&webhook, Duration::from_secs(310)).await.is(401);
    market.settles().await;
    assert_eq!(cleo.order(&order).await["status"], "pending_payment");
    provider.sends_late(&webhook, Duration::from_secs(290)).await.is(200);
    cleo.sees(&order, "confirmed").await;
    market.ends_clean().await;
}

#[tokio::test]
async fn a_webhook_about_an_unknown_or_another_payment_is_refused() {
    let market = Market::start().await;
    let seller = market.seller("Tea House").await;
    let teapot = seller.lists("Teapot", 2500, 5).await;
    let cleo = market.buyer("Cleo").await;
    let provider = market.provider();
    let (order, other) = (cleo.orders(&teapot, 1).await, cleo.orders(&teapot, 1).await);
    let mut elsewhere = provider.completed(&order);
    elsewhere.payment_id = other.text("payment_id").to_owned();
    let answer = provider.sends(&elsewhere).await;
    assert!([404, 422].contains(&answer.status.as_u16()), "{answer}");
    let mut unknown = provider.completed(&order).with("payment_id", "pay_01h455vb4pex5vsknk084sn02q");
    unknown.payment_id = "pay_01h455vb4pex5vsknk084sn02q".to_owned();
    let answer = provider.sends(&unknown).await;
    assert!([404, 422].contains(&answer.status.as_u16()), "{answer}");
    market.settles().await;
    for order in [&order, &other] {
        assert_eq!(cleo.order(order).await["status"], "pending_payment");
    }
    market.client.post("/payments/webhooks/unknown", &json!({})).await.not_found();
    market.client.post("/payments/webhooks/manual", &json!({})).await.is(404);
    market.ends_clean().await;
}

#[tokio::test]
async fn a_wrong_amount_or_currency_is_stored_flagged_and_confirms_nothing() {
    let market = Market::start().await;
    let seller = market.seller("Tea House").await;
    let teapot = seller.lists("Teapot", 2500, 50).await;
    let cleo = market.buyer("Cleo").await;
    let provider = market.provider();
    let wrong: [(&str, Value); 5] = [
        ("amount", json!(2499)),
        ("amount", json!(2501)),
        ("amount", json!(-2500)),
        ("currency", json!("USD")),
        ("currency", json!("eur")),
    ];
    for (field, value) in wrong {
        let order = cleo.orders(&teapot, 1).await;
        provider.sends(&provider.completed(&order).with(field, value.clone())).await.is(200);
        market.settles().await;
        assert_eq!(cleo.order(&order).await["status"], "pending_payment", "{field} = {value}");
        let file = market.admin.client.get(&format!("/admin/payments/{}", order.text("payment_id"))).await.ok();
        assert!(file["flag"].is_string(), "{file:?}");
        assert_eq!(file.list("webhooks").len(), 1);
        // The right message afterwards still counts.
        provider.sends(&provider.completed(&order)).await.is(200);
        cleo.sees(&order, "confirmed").await;
    }
    let flagged = market.admin.client.get("/admin/payments?flagged=true").await.rows();
    assert_eq!(flagged.len(), 5);
    market.ends_clean().await;
}

#[tokio::test]
async fn the_same_webhook_sent_often_counts_once() {
    let market = Market::start().await;
    let seller = market.seller("Tea House").await;
    let teapot = seller.lists("Teapot", 2500, 5).await;
    let cleo = market.buyer("Cleo").await;
    let provider = market.provider();
    let order = cleo.orders(&teapot, 1).await;
    let webhook = provider.completed(&order);
    for _ in 0..5 {
        provider.sends(&webhook).await.is(200);
    }
    cleo.sees(&order, "confirmed").await;
    // Repeated by the provider under new event ids, and long afterwards.
    for _ in 0..5 {
        provider.sends(&provider.completed(&order)).await.is(200);
    }
    market.passes(Duration::from_hours(24)).await;
    provider.sends(&provider.completed(&order)).await.is(200);
    market.settles().await;
    assert_eq!(seller.stock(&teapot).await, (4, 0, 4));
    assert_eq!(seller.balance().await, (2250, 0, 0));
    assert_eq!(
        seller.client.get("/seller/balance").await.ok().list("entries").len(),
        entries_of_one_sale(&market, &seller).await
    );
    market.ends_clean().await;
}

/// How many entries one sale of another product makes.
async fn entries_of_one_sale(market: &Market, known: &souk_tests::Seller) -> usize {
    let seller = market.seller("Coffee House").await;
    assert_ne!(seller.id, known.id);
    let mug = seller.lists("Mug", 2500, 5).await;
    market.buyer("Ben").await.buys(&mug, 1).await;
    market.settles().await;
    seller.client.get("/seller/balance").await.ok().list("entries").len()
}

#[tokio::test]
async fn failed_after_completed_changes_nothing_and_before_it_neither() {
    let market = Market::start().await;
    let seller = market.seller("Tea House").await;
    let teapot = seller.lists("Teapot", 2500, 5).await;
    let cleo = market.buyer("Cleo").await;
    let provider = market.provider();
    let order = cleo.orders(&teapot, 1).await;
    let late = provider.failed(&order);
    provider.sends(&provider.completed(&order)).await.is(200);
    cleo.sees(&order, "confirmed").await;
    provider.sends(&late).await.is(200);
    market.settles().await;
    let seen = cleo.order(&order).await;
    assert_eq!((seen.text("status"), seen.text("payment_status")), ("confirmed", "completed"));
    // The two in the wrong order.
    let order = cleo.orders(&teapot, 1).await;
    provider.sends(&provider.failed(&order)).await.is(200);
    cleo.sees(&order, "payment_failed").await;
    provider.sends(&provider.completed(&order)).await.is(200);
    cleo.sees(&order, "confirmed").await;
    assert_eq!(seller.stock(&teapot).await, (3, 0, 3));
    market.ends_clean().await;
}

#[tokio::test]
async fn a_signed_message_that_says_nonsense_is_a_client_error() {
    let market = Market::start().await;
    let seller = market.seller("Tea House").await;
    let teapot = seller.lists("Teapot", 2500, 5).await;
    let cleo = market.buyer("Cleo").await;
    let provider = market.provider();
    let order = cleo.orders(&teapot, 1).await;
    let path = format!("/payments/{}/webhook", order.text("payment_id"));
    let good = provider.completed(&order).body;
    let with = |field: &str, value: Value| {
        let mut body = good.clone();
        body[field] = value;
        body.to_string()
    };
    let bodies = [
        String::new(),
        "nonsense".to_owned(),
        "[]".to_owned(),
        "{}".to_owned(),
        with("amount", json!("2500")),
        with("amount", json!(25.5)),
        with("amount", json!(1e30)),
        with("payment_id", json!(5)),
        with("payment_id", json!("x\u{0}")),
        with("id", json!("")),
        with("id", json!("x".repeat(10_000))),
        format!("{{\"a\":{}}}", "[".repeat(5000)),
    ];
    for body in bodies {
        let call = market.client.post_empty(&path).header("souk-signature", provider.signature(&body, 0));
        let answer = call.bytes("application/json", body.clone()).await;
        assert!(answer.status.is_client_error(), "{body:.100}: {answer}");
    }
    // What is signed and of a type that we don't know is stored and ignored.
    let body = with("type", json!("payment.disputed"));
    let call = market.client.post_empty(&path).header("souk-signature", provider.signature(&body, 0));
    let answer = call.bytes("application/json", body).await;
    assert!([200, 422].contains(&answer.status.as_u16()), "{answer}");
    market.settles().await;
    assert_eq!(cleo.order(&order).await["status"], "pending_payment");
    market.ends_clean().await;
}
