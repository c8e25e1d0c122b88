//! What sellers earn.

use std::time::Duration;

use serde_json::json;
use souk_tests::Market;

#[tokio::test]
async fn a_sale_is_pending_until_the_return_window_is_over() {
    let market = Market::start().await;
    let seller = market.seller("Tea House").await;
    let teapot = seller.lists("Teapot", 2500, 5).await;
    let cleo = market.buyer("Cleo").await;
    let order = cleo.orders(&teapot, 2).await;
    assert_eq!(seller.balance().await, (0, 0, 0));
    cleo.pays(&order).await;
    cleo.sees(&order, "confirmed").await;
    assert_eq!(seller.balance().await, (4500, 0, 0));
    market.passes(Duration::from_hours(20 * 24)).await;
    assert_eq!(seller.balance().await, (4500, 0, 0), "nothing was delivered yet");
    seller.ships(&order).await;
    seller.delivers(&order).await;
    market.passes(Duration::from_hours(13 * 24)).await;
    assert_eq!(seller.balance().await, (4500, 0, 0));
    market.passes(Duration::from_hours(2 * 24)).await;
    assert_eq!(seller.balance().await, (0, 4500, 0));
    market.ends_clean().await;
}

#[tokio::test]
async fn shipping_goes_to_the_seller_and_tax_to_the_platform() {
    let market = Market::builder()
        .config(|config| {
            config.orders.tax_basis_points = 2000;
            config.orders.shipping_methods[0].price = 500;
        })
        .start()
        .await;
    let seller = market.seller("Tea House").await;
    let teapot = seller.lists("Teapot", 2500, 5).await;
    let order = market.buyer("Cleo").await.buys(&teapot, 1).await;
    market.settles().await;
    assert_eq!(order.number("total"), 2500 + 500 + 600);
    // Goods less 10 % commission, and all of the shipping; nothing of the tax.
    assert_eq!(seller.balance().await, (2250 + 500, 0, 0));
    market.ends_clean().await;
}

#[tokio::test]
async fn entries_explain_the_balance_to_the_last_cent() {
    let market = Market::start().await;
    let (seller, rival) = (market.seller("Tea House").await, market.seller("Coffee House").await);
    let (teapot, mug) = (seller.lists("Teapot", 999, 50).await, rival.lists("Mug", 777, 50).await);
    let cleo = market.buyer("Cleo").await;
    for quantity in 1..=4 {
        cleo.buys(&teapot, quantity).await;
    }
    cleo.buys(&mug, 1).await;
    let cancelled = cleo.buys(&teapot, 3).await;
    cleo.cancels(&cancelled).await.ok();
    cleo.sees(&cancelled, "refunded").await;
    market.settles().await;
    let balance = seller.client.get("/seller/balance?limit=100").await;
    assert!(balance.page().number("total") >= 5);
    let balance = balance.ok();
    let sum: i64 = balance.list("entries").iter().map(|entry| entry["amount"].as_i64().unwrap()).sum();
    assert_eq!(sum, balance.number("pending") + balance.number("available"));
    // 10 lines of 9.99 less 10 % each, rounded half to even per line.
    let net = |amount: i64| amount - (amount * 1000 + 5000) / 10_000;
    let expected: i64 = (1..=4).map(|quantity| net(999 * quantity)).sum();
    assert!((balance.number("pending") - expected).abs() <= 2, "{} and not {expected}", balance.number("pending"));
    assert!(!balance.to_string().contains(mug.id()));
    market.ends_clean().await;
}

#[tokio::test]
async fn only_the_seller_sees_its_balance() {
    let market = Market::start().await;
    let (tea, coffee) = (market.seller("Tea House").await, market.seller("Coffee House").await);
    let teapot = tea.lists("Teapot", 2500, 5).await;
    market.buyer("Cleo").await.buys(&teapot, 1).await;
    market.settles().await;
    assert_eq!(coffee.balance().await, (0, 0, 0));
    let ben = market.buyer("Ben").await;
    for path in ["/seller/balance", "/seller/payouts"] {
        market.client.get(path).await.is(401);
        ben.client.get(path).await.is(403);
    }
    market.ends_clean().await;
}

#[tokio::test]
async fn payouts_are_taken_from_what_is_available() {
    let market = Market::start().await;
    let seller = market.seller("Tea House").await;
    let teapot = seller.lists("Teapot", 2500, 5).await;
    let order = market.buyer("Cleo").await.buys(&teapot, 2).await;
    let admin = &market.admin.client;
    let wanted = json!({"seller_id": seller.id, "amount": 1000, "note": "SEPA 42"});
    admin.post("/admin/payouts", &wanted).await.is(409);
    seller.ships(&order).await;
    seller.delivers(&order).await;
    market.passes(Duration::from_hours(15 * 24)).await;
    let payout = admin.post("/admin/payouts", &wanted).key("payout-1").await.created();
    assert!(payout.id().starts_with("po_"));
    assert_eq!(admin.post("/admin/payouts", &wanted).key("payout-1").await.created().id(), payout.id());
    assert_eq!(seller.balance().await, (0, 3500, 1000));
    admin.post("/admin/payouts", &json!({"seller_id": seller.id, "amount": 3501})).await.is(409);
    admin.post("/admin/payouts", &json!({"seller_id": seller.id})).await.created();
    assert_eq!(seller.balance().await, (0, 0, 4500));
    assert_eq!(seller.client.get("/seller/payouts").await.rows().len(), 2);
    seller.client.post("/admin/payouts", &wanted).await.is(403);
    // A refund of what was paid out already leaves a debt.
    let refunds = format!("/payments/{}/refunds", order.text("payment_id"));
    admin.post(&refunds, &json!({"amount": 1000, "reason": "broke after all"})).await.created();
    market.settles().await;
    let (pending, available, _) = seller.balance().await;
    assert_eq!(pending + available, -900);
    market.ends_clean().await;
}
