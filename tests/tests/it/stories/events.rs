//! Events that could not be delivered, for the operator.

use std::time::Duration;

use serde_json::json;
use souk_contracts::events::PaymentCompleted;
use souk_tests::{Market, eventually};

#[tokio::test]
async fn the_operator_sees_that_nothing_was_given_up() {
    let market = Market::start().await;
    let seller = market.seller("Tea House").await;
    let teapot = seller.lists("Teapot", 2500, 5).await;
    let cleo = market.buyer("Cleo").await;
    cleo.buys(&teapot, 1).await;
    market.settles().await;
    assert!(market.admin.client.get("/admin/events").await.rows().is_empty());
    cleo.client.get("/admin/events").await.is(403);
    seller.client.get("/admin/events").await.is(403);
    market.client.get("/admin/events").await.is(401);
    market.ends_clean().await;
}

#[tokio::test]
async fn what_cannot_be_delivered_is_kept_with_its_error_and_can_be_replayed() {
    let market = Market::start().await;
    let seller = market.seller("Tea House").await;
    let order_id = souk_kernel::OrderId::new();
    let payments = market.databases().payments();
    let nobodys = PaymentCompleted {
        payment_id: souk_kernel::PaymentId::new(),
        order_id,
        amount: 100,
        currency: souk_kernel::Currency::EUR,
        completed_at: market.clock.now(),
    };
    let publish = async move |tx: souk_platform::db::Tx| {
        tx.publish(nobodys);
        Ok::<_, sea_orm::DbErr>(())
    };
    payments.transaction(publish).await.unwrap();
    let admin = &market.admin.client;
    let letter = eventually("it is given up", async || {
        market.passes(Duration::from_mins(1)).await;
        admin.get("/admin/events").await.rows().pop()
    })
    .await;
    let keeper = if market.has_broker() { "orders" } else { "payments" };
    assert_eq!(
        (letter.text("type"), letter.text("source"), letter.text("consumer")),
        ("payment.completed", keeper, "orders")
    );
    assert!(!letter.text("error").is_empty() && letter.number("attempts") > 3);
    assert_eq!(letter["data"]["order_id"], order_id.to_string());
    let path = format!("/admin/events/{}", letter.id());
    seller.client.post(&format!("{path}/replay"), &json!({})).await.is(403);
    admin.get(&path).await.is(200);
    admin.post(&format!("{path}/replay"), &json!({})).await.ok();
    assert!(admin.get("/admin/events").await.rows().is_empty());
    // It is tried again, in vain.
    eventually("it is given up again", async || {
        market.passes(Duration::from_mins(1)).await;
        admin.get("/admin/events").await.rows().pop()
    })
    .await;
    admin.post("/admin/events/evt_01h455vb4pex5vsknk084sn02q/replay", &json!({})).await.not_found();
    market.ends_with_dead_letters(1).await;
}

#[tokio::test]
async fn verify_names_every_rule_and_counts_what_it_looked_at() {
    let market = Market::start().await;
    let seller = market.seller("Tea House").await;
    let teapot = seller.lists("Teapot", 2500, 5).await;
    market.buyer("Cleo").await.buys(&teapot, 1).await;
    market.settles().await;
    let report = market.verify().await;
    assert!(report.is_clean(), "{report}");
    let text = report.to_string();
    for part in ["inventory", "orders", "payments", "between services", "clean"] {
        assert!(text.contains(part), "{part} in {text}");
    }
    let checked: u64 = report.rules.values().flatten().map(|rule| rule.checked).sum();
    assert!(checked > 0);
    market.ends_clean().await;
}
