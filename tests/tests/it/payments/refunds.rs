//! Refunds by the operator and by sellers.

use serde_json::json;
use souk_tests::{Buyer, Market, Seller, Thing};

struct Sale {
    market: Market,
    tea: Seller,
    coffee: Seller,
    cleo: Buyer,
    order: Thing,
    refunds: String,
}

/// Cleo bought a teapot for 25.00 and two mugs for 20.00 from two sellers and paid.
async fn sale() -> Sale {
    let market = Market::start().await;
    let (tea, coffee) = (market.seller("Tea House").await, market.seller("Coffee House").await);
    let (teapot, mug) = (tea.lists("Teapot", 2500, 5).await, coffee.lists("Mug", 1000, 5).await);
    let cleo = market.buyer("Cleo").await;
    cleo.adds(&teapot, 1).await;
    cleo.adds(&mug, 2).await;
    let order = cleo.places_order().await;
    cleo.pays(&order).await;
    cleo.sees(&order, "confirmed").await;
    market.settles().await;
    let refunds = format!("/payments/{}/refunds", order.text("payment_id"));
    Sale { market, tea, coffee, cleo, order, refunds }
}

impl Sale {
    async fn payment(&self) -> Thing {
        self.market.settles().await;
        self.cleo.client.get(&format!("/payments/{}", self.order.text("payment_id"))).await.ok()
    }
}

#[tokio::test]
async fn the_operator_refunds_a_part_and_then_what_is_left() {
    let sale = sale().await;
    let admin = &sale.market.admin.client;
    let refund = admin.post(&sale.refunds, &json!({"amount": 900, "reason": "scratched"})).await.created();
    assert!(refund.id().starts_with("ref_"));
    assert_eq!((refund["payment_id"].as_str(), refund.number("amount")), (sale.order["payment_id"].as_str(), 900));
    assert_eq!(refund["reason"], "scratched");
    let payment = sale.payment().await;
    assert_eq!((payment.text("status"), payment.number("refunded_amount")), ("partially_refunded", 900));
    // In proportion: 25/45 of 9.00 by the tea house, 20/45 by the coffee house; commission comes back too.
    assert_eq!(sale.tea.balance().await.0, 2250 - 450);
    assert_eq!(sale.coffee.balance().await.0, 1800 - 360);
    admin.post(&sale.refunds, &json!({"amount": 3601, "reason": "too much"})).await.is(409);
    let rest = admin.post(&sale.refunds, &json!({"reason": "all of it"})).await.created();
    assert_eq!(rest.number("amount"), 3600);
    let payment = sale.payment().await;
    assert_eq!((payment.text("status"), payment.number("refunded_amount")), ("refunded", 4500));
    assert_eq!((sale.tea.balance().await, sale.coffee.balance().await), ((0, 0, 0), (0, 0, 0)));
    admin.post(&sale.refunds, &json!({"reason": "once more"})).await.is(409);
    sale.market.ends_clean().await;
}

#[tokio::test]
async fn a_seller_refunds_up_to_its_part() {
    let sale = sale().await;
    sale.coffee.client.post(&sale.refunds, &json!({"amount": 2001, "reason": "chipped"})).await.is(409);
    sale.coffee.client.post(&sale.refunds, &json!({"amount": 500, "reason": "chipped"})).await.created();
    sale.market.settles().await;
    assert_eq!(sale.coffee.balance().await.0, 1800 - 450);
    assert_eq!(sale.tea.balance().await.0, 2250, "the other seller pays nothing");
    let rest = sale.coffee.client.post(&sale.refunds, &json!({"reason": "all broken"})).await.created();
    assert_eq!(rest.number("amount"), 1500);
    assert_eq!(sale.payment().await["status"], "partially_refunded");
    sale.coffee.client.post(&sale.refunds, &json!({"amount": 1, "reason": "more"})).await.is(409);
    sale.market.ends_clean().await;
}

#[tokio::test]
async fn nobody_else_refunds() {
    let sale = sale().await;
    let body = json!({"amount": 100, "reason": "please"});
    sale.cleo.client.post(&sale.refunds, &body).await.is(403);
    sale.market.client.post(&sale.refunds, &body).await.is(401);
    sale.market.buyer("Ben").await.client.post(&sale.refunds, &body).await.not_found();
    sale.market.seller("Book House").await.client.post(&sale.refunds, &body).await.not_found();
    assert_eq!(sale.payment().await["refunded_amount"], 0);
    sale.market.ends_clean().await;
}

#[tokio::test]
async fn a_bad_or_early_refund_is_refused() {
    let sale = sale().await;
    let admin = &sale.market.admin.client;
    admin.post(&sale.refunds, &json!({})).await.invalid(&["reason"]);
    for amount in [0, -1, i64::MIN, i64::MAX] {
        admin.post(&sale.refunds, &json!({"amount": amount, "reason": "x"})).await.invalid(&["amount"]);
    }
    admin.post(&sale.refunds, &json!({"amount": "100", "reason": "x"})).await.malformed(&["amount"]);
    let teapot = sale.tea.lists("Other", 100, 5).await;
    let unpaid = sale.cleo.orders(&teapot, 1).await;
    let path = format!("/payments/{}/refunds", unpaid.text("payment_id"));
    admin.post(&path, &json!({"reason": "not paid yet"})).await.is(409);
    admin.post("/payments/pay_01h455vb4pex5vsknk084sn02q/refunds", &json!({"reason": "x"})).await.not_found();
    sale.market.ends_clean().await;
}

#[tokio::test]
async fn a_repeated_refund_request_refunds_once() {
    let sale = sale().await;
    let admin = &sale.market.admin.client;
    let body = json!({"amount": 700, "reason": "scratched"});
    let tries = (0..20).map(|_| {
        let (client, path, body) = (admin.clone(), sale.refunds.clone(), body.clone());
        async move { client.post(&path, &body).key("one-refund").await.created().id().to_owned() }
    });
    let mut ids = futures::future::join_all(tries).await;
    ids.dedup();
    assert_eq!(ids.len(), 1);
    assert_eq!(sale.payment().await["refunded_amount"], 700);
    let other = json!({"amount": 800, "reason": "scratched"});
    admin.post(&sale.refunds, &other).key("one-refund").await.refused(422, "idempotency_key_reused");
    sale.market.ends_clean().await;
}

#[tokio::test]
async fn refunds_that_meet_never_exceed_the_payment() {
    let sale = sale().await;
    let tries = (0..12).map(|_| {
        let (client, path) = (sale.market.admin.client.clone(), sale.refunds.clone());
        async move { client.post(&path, &json!({"amount": 1000, "reason": "rush"})).await.status.as_u16() }
    });
    let statuses = futures::future::join_all(tries).await;
    assert_eq!(statuses.iter().filter(|status| **status == 201).count(), 4, "{statuses:?}");
    assert!(statuses.iter().all(|status| [201, 409].contains(status)), "{statuses:?}");
    assert_eq!(sale.payment().await["refunded_amount"], 4000);
    sale.market.ends_clean().await;
}

#[tokio::test]
async fn a_refund_before_shipping_and_the_orders_cancellation_give_back_no_more_than_was_paid() {
    let sale = sale().await;
    sale.market.admin.client.post(&sale.refunds, &json!({"amount": 1500, "reason": "late"})).await.created();
    sale.cleo.cancels(&sale.order).await.ok();
    sale.cleo.sees(&sale.order, "refunded").await;
    assert_eq!(sale.payment().await["refunded_amount"], 4500);
    sale.market.ends_clean().await;
}
