//! A provider that is down, slow or wrong.

use std::time::Duration;

use serde_json::{Value, json};
use souk_tests::{Buyer, Market, Seller, Thing};

struct Shop {
    market: Market,
    seller: Seller,
    cleo: Buyer,
    teapot: Thing,
}

async fn shop() -> Shop {
    shop_in(Market::start().await).await
}

/// One that soon gives up waiting for the provider.
async fn impatient_shop() -> Shop {
    let impatient = |config: &mut souk::Config| config.payments.provider_timeout = Duration::from_secs(2);
    shop_in(Market::builder().config(impatient).start().await).await
}

async fn shop_in(market: Market) -> Shop {
    let seller = market.seller("Tea House").await;
    let teapot = seller.lists("Teapot", 2500, 50).await;
    let cleo = market.buyer("Cleo").await;
    Shop { market, seller, cleo, teapot }
}

impl Shop {
    async fn provider(&self, faults: Value) {
        self.market.admin.client.put("/admin/sandbox/faults", &faults).await.ok();
    }

    /// Pays an order whose payment could not be opened at once, as soon as that has been made up for.
    async fn pays_when_possible(&self, order: &Thing) {
        // Long enough for the checkout to be taken up again, short enough for the order not to expire.
        self.market.clock.advance(chrono::TimeDelta::seconds(60));
        let order = souk_tests::eventually("the payment is opened in the background", async || {
            let order = self.cleo.order(order).await;
            order["redirect"].is_string().then_some(order)
        })
        .await;
        self.cleo.pays(&order).await;
        self.cleo.sees(&order, "confirmed").await;
    }
}

#[tokio::test]
async fn while_the_provider_is_down_orders_are_kept_and_paid_later() {
    let shop = shop().await;
    shop.provider(json!({"create": "down"})).await;
    let answer = shop.cleo.tries_to_order(&shop.cleo.order_form_for(&shop.teapot, 2)).await;
    assert!([201, 202].contains(&answer.status.as_u16()), "the order is kept: {answer}");
    let order = answer.data();
    assert_eq!(shop.seller.stock(&shop.teapot).await, (50, 2, 48));
    shop.provider(json!({})).await;
    shop.pays_when_possible(&order).await;
    shop.market.ends_clean().await;
}

#[tokio::test]
async fn a_payment_whose_answer_was_lost_is_opened_once() {
    let shop = impatient_shop().await;
    shop.provider(json!({"create": "lose_answer"})).await;
    let answer = shop.cleo.tries_to_order(&shop.cleo.order_form_for(&shop.teapot, 1)).await;
    assert!([201, 202].contains(&answer.status.as_u16()), "{answer}");
    shop.provider(json!({})).await;
    let order = answer.data();
    shop.pays_when_possible(&order).await;
    let payments = shop.market.admin.client.get(&format!("/admin/payments?order_id={}", order.id())).await.rows();
    assert_eq!(payments.len(), 1);
    shop.market.ends_clean().await;
}

#[tokio::test]
async fn a_lost_webhook_is_found_when_the_buyer_returns() {
    let shop = shop().await;
    shop.provider(json!({"webhook": "drop"})).await;
    let order = shop.cleo.orders(&shop.teapot, 1).await;
    let back = shop.cleo.presses("pay", &order).await.is(303);
    shop.market.settles().await;
    assert_eq!(shop.cleo.order(&order).await["status"], "pending_payment");
    assert!(back.text_header("location").contains(order.id()));
    let seen = shop.cleo.client.get(&format!("/orders/{}?paid=1", order.id())).await.ok();
    assert_eq!(seen["status"], "confirmed");
    shop.market.ends_clean().await;
}

#[tokio::test]
async fn a_lost_webhook_is_found_by_the_timer_at_the_latest() {
    let shop = shop().await;
    shop.provider(json!({"webhook": "drop"})).await;
    let order = shop.cleo.orders(&shop.teapot, 1).await;
    shop.cleo.presses("pay", &order).await.is(303);
    shop.market.passes(Duration::from_mins(16)).await;
    shop.cleo.sees(&order, "confirmed").await;
    assert_eq!(shop.seller.stock(&shop.teapot).await, (49, 0, 49));
    shop.market.ends_clean().await;
}

#[tokio::test]
async fn whatever_a_provider_does_to_its_webhooks_the_order_is_paid_once() {
    let shop = shop().await;
    for fault in ["duplicate", "repeat", "failed_first", "failed_after"] {
        shop.provider(json!({"webhook": fault})).await;
        let order = shop.cleo.buys(&shop.teapot, 1).await;
        shop.market.settles().await;
        assert_eq!(shop.cleo.order(&order).await["status"], "confirmed", "{fault}");
    }
    for fault in ["wrong_amount", "wrong_currency", "bad_signature"] {
        shop.provider(json!({"webhook": fault})).await;
        let order = shop.cleo.orders(&shop.teapot, 1).await;
        shop.cleo.presses("pay", &order).await.is(303);
        shop.market.settles().await;
        assert_eq!(shop.cleo.order(&order).await["status"], "pending_payment", "{fault}");
        shop.cleo.cancels(&order).await.data();
    }
    shop.market.ends_clean().await;
}

#[tokio::test]
async fn a_refund_that_the_provider_fails_or_loses_comes_in_the_end_and_once() {
    let shop = impatient_shop().await;
    for fault in ["down", "lose_answer"] {
        let order = shop.cleo.buys(&shop.teapot, 1).await;
        shop.provider(json!({"refund": fault})).await;
        shop.cleo.cancels(&order).await.ok();
        shop.market.settles().await;
        assert_eq!(shop.cleo.order(&order).await["status"], "cancelled", "{fault}");
        shop.provider(json!({})).await;
        souk_tests::eventually("the refund comes", async || {
            shop.market.clock.advance(chrono::TimeDelta::seconds(5));
            (shop.cleo.order(&order).await["status"] == "refunded").then_some(())
        })
        .await;
        let payment = shop.cleo.client.get(&format!("/payments/{}", order.text("payment_id"))).await.ok();
        assert_eq!(payment.number("refunded_amount"), 2500, "{fault}");
    }
    shop.market.settles().await;
    assert_eq!(shop.seller.stock(&shop.teapot).await, (50, 0, 50));
    assert_eq!(shop.seller.balance().await, (0, 0, 0));
    shop.market.ends_clean().await;
}

#[tokio::test]
async fn a_refund_that_the_provider_gives_later_is_asked_about_until_it_is_there() {
    let mut shop = shop().await;
    let order = shop.cleo.buys(&shop.teapot, 1).await;
    shop.provider(json!({"refund": "wait"})).await;
    shop.cleo.cancels(&order).await.ok();
    shop.market.settles().await;
    assert_eq!(shop.cleo.order(&order).await["status"], "cancelled");
    // Faults are forgotten and jobs run at once where a process starts anew.
    shop.market.clock.advance(chrono::TimeDelta::minutes(10));
    shop.market.restarts().await;
    shop.cleo.client = shop.market.moved(&shop.cleo.client);
    shop.cleo.sees(&order, "refunded").await;
    shop.market.ends_clean().await;
}

#[tokio::test]
async fn while_the_provider_cannot_cancel_an_order_is_cancelled_all_the_same() {
    let shop = shop().await;
    let order = shop.cleo.orders(&shop.teapot, 1).await;
    shop.provider(json!({"cancel": "down"})).await;
    assert_eq!(shop.cleo.cancels(&order).await.ok()["status"], "cancelled");
    shop.provider(json!({})).await;
    souk_tests::eventually("the units are free", async || {
        shop.market.clock.advance(chrono::TimeDelta::seconds(60));
        (shop.seller.stock(&shop.teapot).await == (50, 0, 50)).then_some(())
    })
    .await;
    shop.market.ends_clean().await;
}

#[tokio::test]
async fn only_the_operator_breaks_the_sandbox() {
    let shop = shop().await;
    for client in [&shop.cleo.client, &shop.seller.client] {
        client.put("/admin/sandbox/faults", &json!({"create": "down"})).await.is(403);
    }
    shop.market.client.get("/admin/sandbox/faults").await.is(401);
    shop.market.admin.client.put("/admin/sandbox/faults", &json!({"create": "burn"})).await.invalid(&["create"]);
    shop.market.ends_clean().await;
}

#[tokio::test]
async fn while_one_provider_is_down_another_can_be_chosen() {
    let shop = shop().await;
    shop.provider(json!({"create": "down"})).await;
    let mut kept = Vec::new();
    for _ in 0..8 {
        let answer = shop.cleo.tries_to_order(&shop.cleo.order_form_for(&shop.teapot, 1)).await;
        assert_eq!(answer.status.as_u16(), 202, "the order is kept: {answer}");
        kept.push(answer.data());
    }
    // It need not wait for the provider to come back.
    let again = async |provider: &str| {
        shop.cleo.client.post("/payments", &json!({"order_id": kept[0].id(), "provider": provider})).await
    };
    again("sandbox").await.refused(503, "provider_unavailable");
    let payment = again("manual").await.created();
    assert_eq!(payment["provider"], "manual");
    shop.cleo.sees(&kept[0], "pending_payment").await;
    shop.market.admin.client.post(&format!("/admin/payments/{}/capture", payment.id()), &json!({})).await.ok();
    shop.cleo.sees(&kept[0], "confirmed").await;
    // Who pays by bank transfer notices nothing of it.
    let mut form = shop.cleo.order_form_for(&shop.teapot, 1);
    form["payment_provider"] = json!("manual");
    let order = shop.cleo.tries_to_order(&form).await.created();
    assert_eq!(order["status"], "pending_payment");
    shop.market
        .admin
        .client
        .post(&format!("/admin/payments/{}/capture", order.text("payment_id")), &json!({}))
        .await
        .ok();
    shop.cleo.sees(&order, "confirmed").await;
    shop.provider(json!({})).await;
    shop.market.ends_clean().await;
}

#[tokio::test]
async fn an_outage_of_the_provider_keeps_neither_cart_nor_units_of_a_cancelled_order() {
    let shop = shop().await;
    shop.cleo.adds(&shop.teapot, 2).await;
    let order = shop.cleo.places_order().await;
    let paid = shop.cleo.buys(&shop.teapot, 1).await;
    shop.provider(json!({"cancel": "down", "refund": "down"})).await;
    for order in [&order, &paid] {
        assert_eq!(shop.cleo.cancels(order).await.ok()["status"], "cancelled");
    }
    for _ in 0..10 {
        shop.market.passes(Duration::from_mins(1)).await;
    }
    assert_eq!(shop.seller.stock(&shop.teapot).await, (50, 0, 50));
    shop.cleo.adds(&shop.teapot, 1).await;
    assert_eq!(shop.cleo.cart().await["items"][0]["quantity"], 3);
    shop.provider(json!({})).await;
    shop.market.recovers().await;
    shop.market.ends_clean().await;
}

#[tokio::test]
async fn a_refund_that_the_provider_refuses_waits_for_the_operator() {
    let shop = shop().await;
    let order = shop.cleo.buys(&shop.teapot, 1).await;
    shop.provider(json!({"refund": "refuse"})).await;
    shop.cleo.cancels(&order).await.ok();
    shop.market.settles().await;
    assert_eq!(shop.cleo.order(&order).await["status"], "cancelled");
    let admin = &shop.market.admin.client;
    let refused = admin.get("/admin/refunds?status=failed").await.rows();
    assert_eq!((refused.len(), refused[0].number("amount")), (1, 2500));
    let flagged = admin.get("/admin/payments?flagged=true").await.rows();
    assert_eq!(flagged.iter().map(|payment| payment.id()).collect::<Vec<_>>(), [order.text("payment_id")]);
    shop.provider(json!({})).await;
    let refunds = format!("/payments/{}/refunds", order.text("payment_id"));
    admin.post(&refunds, &json!({"reason": "once more"})).await.created();
    shop.cleo.sees(&order, "refunded").await;
    shop.market.ends_clean().await;
}
