//! Whole purchases from the first click to the last cent.

use std::time::Duration;

use serde_json::json;
use souk_tests::{Market, PASSWORD};

#[tokio::test]
async fn two_sellers_one_payment_two_parcels_a_review_and_a_return() {
    let market = Market::start().await;
    let (tea, coffee) = (market.seller("Tea House").await, market.seller("Coffee House").await);
    let teapot = tea.lists("Teapot", 2500, 5).await;
    let mug = coffee.lists("Mug", 900, 10).await;

    let cleo = market.buyer("Cleo").await;
    cleo.adds(&teapot, 1).await;
    let cart = cleo.adds(&mug, 4).await;
    assert_eq!(cart.number("subtotal"), 6100);
    let order = cleo.places_order().await;
    cleo.pays(&order).await;
    let order = cleo.sees(&order, "confirmed").await;
    market.settles().await;
    assert_eq!((tea.balance().await.0, coffee.balance().await.0), (2250, 3240));
    assert!(cleo.cart().await.list("items").is_empty());

    tea.ships(&order).await;
    coffee.ships(&order).await;
    tea.delivers(&order).await;
    coffee.delivers(&order).await;
    assert_eq!(cleo.order(&order).await["fulfilment"], "delivered");

    let review = json!({"rating": 4, "title": "Good mugs", "body": "One came chipped."});
    cleo.client.post(&format!("/products/{}/reviews", mug.id()), &review).await.created();
    let wanted = cleo.returns(&order, mug.sku(), 1).await.created();
    coffee.client.post(&format!("/seller/returns/{}/approve", wanted.id()), &json!({})).await.ok();
    market.settles().await;
    assert_eq!((tea.balance().await.0, coffee.balance().await.0), (2250, 3240 - 810));
    assert_eq!(coffee.stock(&mug).await, (7, 0, 7));

    market.passes(Duration::from_hours(15 * 24)).await;
    assert_eq!((tea.balance().await, coffee.balance().await), ((0, 2250, 0), (0, 2430, 0)));
    assert_eq!(cleo.order(&order).await["status"], "completed");
    market.ends_clean().await;
}

#[tokio::test]
async fn a_guest_fills_a_cart_checks_out_and_follows_the_order_by_its_token() {
    let market = Market::start().await;
    let seller = market.seller("Tea House").await;
    let teapot = seller.lists("Teapot", 2500, 5).await;
    let guest = market.guest();
    guest.adds(&teapot, 2).await;
    let order = guest.places_order().await;
    let mut stream = guest.follows(&order).await;
    guest.pays(&order).await;
    stream.until("confirmed").await;
    assert!(!market.mail_to(&guest.email).await.is_empty());
    seller.ships(&order).await;
    assert_eq!(guest.order(&order).await["fulfilment"], "shipped");
    market.ends_clean().await;
}

#[tokio::test]
async fn a_guest_logs_in_halfway_and_buys_what_lay_in_both_carts() {
    let market = Market::start().await;
    let seller = market.seller("Tea House").await;
    let (teapot, cup) = (seller.lists("Teapot", 2500, 5).await, seller.lists("Cup", 900, 5).await);
    let cleo = market.buyer("Cleo").await;
    cleo.adds(&cup, 1).await;
    let guest = market.guest();
    guest.adds(&teapot, 1).await;
    let login = json!({"email": cleo.email, "password": PASSWORD});
    market.client.with("x-cart-token", &guest.cart_token().unwrap()).post("/auth/login", &login).await.ok();
    let order = cleo.places_order().await;
    assert_eq!((order.list("items").len(), order.number("total")), (2, 3400));
    cleo.pays(&order).await;
    cleo.sees(&order, "confirmed").await;
    market.ends_clean().await;
}

#[tokio::test]
async fn declined_then_paid_then_cancelled_leaves_the_books_as_they_were() {
    let market = Market::start().await;
    let seller = market.seller("Tea House").await;
    let teapot = seller.lists("Teapot", 2500, 5).await;
    let cleo = market.buyer("Cleo").await;
    cleo.adds(&teapot, 3).await;
    let order = cleo.places_order().await;
    for _ in 0..3 {
        cleo.declines(&cleo.order(&order).await).await;
        cleo.sees(&order, "payment_failed").await;
        cleo.client.post("/payments", &json!({"order_id": order.id()})).await.created();
    }
    cleo.pays(&cleo.order(&order).await).await;
    cleo.sees(&order, "confirmed").await;
    cleo.cancels(&order).await.ok();
    cleo.sees(&order, "refunded").await;
    market.settles().await;
    assert_eq!(seller.stock(&teapot).await, (5, 0, 5));
    assert_eq!(seller.balance().await, (0, 0, 0));
    let payments = market.admin.client.get(&format!("/admin/payments?order_id={}", order.id())).await.rows();
    let mut statuses: Vec<_> = payments.iter().map(|payment| payment.text("status")).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, ["failed", "failed", "failed", "refunded"]);
    market.ends_clean().await;
}

#[tokio::test]
async fn a_price_that_changes_under_the_checkout_is_told_and_then_accepted() {
    let market = Market::start().await;
    let seller = market.seller("Tea House").await;
    let teapot = seller.lists("Teapot", 2500, 5).await;
    let cleo = market.buyer("Cleo").await;
    let cart = cleo.adds(&teapot, 2).await;
    seller.reprices(&teapot, 2700).await;
    let mut form = cleo.order_form();
    form["expected_total"] = cart["subtotal"].clone();
    cleo.tries_to_order(&form).await.refused(409, "total_changed");
    let cart = cleo.cart().await;
    assert_eq!(cart["items"][0]["price_changed"], true);
    form["expected_total"] = cart["subtotal"].clone();
    let order = cleo.tries_to_order(&form).await.created();
    assert_eq!(order.number("total"), 5400);
    cleo.pays(&order).await;
    cleo.sees(&order, "confirmed").await;
    market.ends_clean().await;
}
