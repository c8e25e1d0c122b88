//! Calling orders off.

use serde_json::json;
use souk_tests::Market;

#[tokio::test]
async fn an_unpaid_order_is_cancelled_and_its_units_are_free() {
    let market = Market::start().await;
    let seller = market.seller("Tea House").await;
    let teapot = seller.lists("Teapot", 2500, 5).await;
    let cleo = market.buyer("Cleo").await;
    let order = cleo.orders(&teapot, 2).await;
    assert_eq!(cleo.cancels(&order).await.ok()["status"], "cancelled");
    market.settles().await;
    assert_eq!(seller.stock(&teapot).await, (5, 0, 5));
    let payment = cleo.client.get(&format!("/payments/{}", order.text("payment_id"))).await.ok();
    assert_eq!(payment["status"], "cancelled");
    assert_eq!(cleo.order(&order).await["status"], "cancelled");
    market.ends_clean().await;
}

#[tokio::test]
async fn a_paid_order_is_cancelled_at_once_and_refunded_when_the_provider_confirmed() {
    let market = Market::start().await;
    let seller = market.seller("Tea House").await;
    let teapot = seller.lists("Teapot", 2500, 5).await;
    let cleo = market.buyer("Cleo").await;
    let order = cleo.buys(&teapot, 2).await;
    assert_eq!(seller.balance().await, (4500, 0, 0));
    let cancelled = cleo.cancels(&order).await.ok();
    assert!(["cancelled", "refunded"].contains(&cancelled.text("status")));
    let refunded = cleo.sees(&order, "refunded").await;
    assert_eq!(refunded["payment_status"], "refunded");
    market.settles().await;
    assert_eq!(seller.stock(&teapot).await, (5, 0, 5));
    assert_eq!(seller.balance().await, (0, 0, 0));
    let payment = cleo.client.get(&format!("/payments/{}", order.text("payment_id"))).await.ok();
    assert_eq!((payment.text("status"), payment.number("refunded_amount")), ("refunded", 5000));
    market.ends_clean().await;
}

#[tokio::test]
async fn nothing_is_cancelled_once_a_part_is_shipped() {
    let market = Market::start().await;
    let (tea, coffee) = (market.seller("Tea House").await, market.seller("Coffee House").await);
    let (teapot, mug) = (tea.lists("Teapot", 2500, 5).await, coffee.lists("Mug", 1000, 5).await);
    let cleo = market.buyer("Cleo").await;
    cleo.adds(&teapot, 1).await;
    cleo.adds(&mug, 1).await;
    let order = cleo.places_order().await;
    cleo.pays(&order).await;
    cleo.sees(&order, "confirmed").await;
    tea.ships(&order).await;
    cleo.cancels(&order).await.is(409);
    market.admin.client.put(&format!("/orders/{}/cancel", order.id()), &json!({})).await.is(409);
    assert_eq!(cleo.order(&order).await["fulfilment"], "partial");
    market.ends_clean().await;
}

#[tokio::test]
async fn cancelling_twice_refunds_once() {
    let market = Market::start().await;
    let seller = market.seller("Tea House").await;
    let teapot = seller.lists("Teapot", 2500, 5).await;
    let cleo = market.buyer("Cleo").await;
    let order = cleo.buys(&teapot, 1).await;
    cleo.cancels(&order).await.ok();
    let again = cleo.cancels(&order).await;
    assert!([200, 409].contains(&again.status.as_u16()), "{again}");
    cleo.sees(&order, "refunded").await;
    let late = cleo.cancels(&order).await;
    assert!([200, 409].contains(&late.status.as_u16()), "{late}");
    market.settles().await;
    let refunds = cleo.client.get(&format!("/payments/{}/refunds", order.text("payment_id"))).await.rows();
    assert_eq!((refunds.len(), refunds[0].number("amount")), (1, 2500));
    assert_eq!(seller.stock(&teapot).await, (5, 0, 5));
    market.ends_clean().await;
}

#[tokio::test]
async fn the_operator_cancels_too_and_the_tracking_says_so() {
    let market = Market::start().await;
    let seller = market.seller("Tea House").await;
    let teapot = seller.lists("Teapot", 2500, 5).await;
    let cleo = market.buyer("Cleo").await;
    let order = cleo.buys(&teapot, 1).await;
    market.admin.client.put(&format!("/orders/{}/cancel", order.id()), &json!({})).await.ok();
    let order = cleo.sees(&order, "refunded").await;
    let by_admin = order.list("tracking").iter().any(|entry| entry["by"].as_str().unwrap().starts_with("admin"));
    assert!(by_admin, "{order:?}");
    market.ends_clean().await;
}

#[tokio::test]
async fn a_payment_that_comes_after_the_cancellation_goes_back() {
    let market = Market::start().await;
    let seller = market.seller("Tea House").await;
    let teapot = seller.lists("Teapot", 2500, 5).await;
    let cleo = market.buyer("Cleo").await;
    let order = cleo.orders(&teapot, 1).await;
    cleo.cancels(&order).await.ok();
    market.settles().await;
    cleo.pays(&order).await;
    cleo.sees(&order, "refunded").await;
    market.settles().await;
    assert_eq!(seller.stock(&teapot).await, (5, 0, 5));
    assert_eq!(seller.balance().await, (0, 0, 0));
    market.ends_clean().await;
}
