//! Orders that nobody pays in time, and payments that come late.

use std::time::Duration;

use souk_tests::{Buyer, Market, Thing};

/// A little more than orders are held.
const TOO_LONG: Duration = Duration::from_mins(16);

async fn lets_expire(market: &Market, buyer: &Buyer, product: &Thing, quantity: i64) -> Thing {
    let order = buyer.orders(product, quantity).await;
    market.passes(TOO_LONG).await;
    buyer.sees(&order, "expired").await;
    order
}

#[tokio::test]
async fn an_unpaid_order_expires_and_its_units_are_free() {
    let market = Market::start().await;
    let seller = market.seller("Tea House").await;
    let teapot = seller.lists("Teapot", 2500, 5).await;
    let guest = market.guest();
    guest.adds(&teapot, 2).await;
    let order = guest.places_order().await;
    market.passes(Duration::from_mins(10)).await;
    assert_eq!(guest.order(&order).await["status"], "pending_payment", "it is held for 15 minutes");
    market.passes(Duration::from_mins(6)).await;
    let expired = guest.sees(&order, "expired").await;
    assert!(expired["redirect"].is_null());
    market.settles().await;
    assert_eq!(seller.stock(&teapot).await, (5, 0, 5));
    // The cart is the guest's again.
    guest.adds(&teapot, 1).await;
    assert_eq!(guest.cart().await["items"][0]["quantity"], 3);
    market.ends_clean().await;
}

#[tokio::test]
async fn how_long_orders_are_held_is_configured() {
    let market =
        Market::builder().config(|config| config.orders.reservation_ttl = Duration::from_mins(1)).start().await;
    let seller = market.seller("Tea House").await;
    let teapot = seller.lists("Teapot", 2500, 5).await;
    let cleo = market.buyer("Cleo").await;
    let order = cleo.orders(&teapot, 2).await;
    market.passes(Duration::from_secs(61)).await;
    cleo.sees(&order, "expired").await;
    assert_eq!(seller.stock(&teapot).await, (5, 0, 5));
    market.ends_clean().await;
}

#[tokio::test]
async fn a_late_payment_confirms_the_order_if_the_units_are_there() {
    let market = Market::start().await;
    let seller = market.seller("Tea House").await;
    let teapot = seller.lists("Teapot", 2500, 5).await;
    let guest = market.guest();
    let order = lets_expire(&market, &guest, &teapot, 2).await;
    guest.pays(&order).await;
    let confirmed = guest.sees(&order, "confirmed").await;
    assert_eq!(confirmed["payment_status"], "completed");
    assert_eq!(seller.stock(&teapot).await, (3, 0, 3));
    assert_eq!(seller.balance().await, (4500, 0, 0));
    seller.ships(&order).await;
    market.ends_clean().await;
}

#[tokio::test]
async fn a_late_payment_goes_back_if_the_units_are_gone() {
    let market = Market::start().await;
    let seller = market.seller("Tea House").await;
    let teapot = seller.lists("Teapot", 2500, 2).await;
    let (slow, fast) = (market.guest(), market.guest());
    let order = lets_expire(&market, &slow, &teapot, 2).await;
    let bought = fast.buys(&teapot, 1).await;
    slow.pays(&order).await;
    let refunded = slow.sees(&order, "refunded").await;
    assert_eq!(refunded["payment_status"], "refunded");
    market.settles().await;
    assert_eq!(seller.stock(&teapot).await, (1, 0, 1));
    assert_eq!(seller.balance().await, (2250, 0, 0));
    assert_eq!(fast.order(&bought).await["status"], "confirmed");
    market.ends_clean().await;
}

#[tokio::test]
async fn a_payment_and_the_timer_that_meet_leave_the_order_paid() {
    let market = Market::start().await;
    let seller = market.seller("Tea House").await;
    let teapot = seller.lists("Teapot", 2500, 50).await;
    for _ in 0..5 {
        let guest = market.guest();
        let order = guest.orders(&teapot, 1).await;
        // The timer falls due in the same moment in which the buyer pays.
        let (paid, ()) = tokio::join!(guest.presses("pay", &order), market.passes(TOO_LONG));
        paid.is(303);
        guest.sees(&order, "confirmed").await;
    }
    market.settles().await;
    assert_eq!(seller.stock(&teapot).await, (45, 0, 45));
    market.ends_clean().await;
}

#[tokio::test]
async fn after_a_declined_payment_the_units_stay_held_until_the_order_expires() {
    let market = Market::start().await;
    let seller = market.seller("Tea House").await;
    let teapot = seller.lists("Teapot", 2500, 5).await;
    let guest = market.guest();
    let order = guest.orders(&teapot, 2).await;
    guest.declines(&order).await;
    guest.sees(&order, "payment_failed").await;
    assert_eq!(seller.stock(&teapot).await, (5, 2, 3));
    market.passes(TOO_LONG).await;
    guest.sees(&order, "expired").await;
    assert_eq!(seller.stock(&teapot).await, (5, 0, 5));
    market.ends_clean().await;
}

#[tokio::test]
async fn a_late_payment_goes_back_if_the_product_is_no_longer_sold() {
    let market = Market::start().await;
    let seller = market.seller("Tea House").await;
    let teapot = seller.lists("Teapot", 2500, 5).await;
    let guest = market.guest();
    let order = lets_expire(&market, &guest, &teapot, 2).await;
    seller.client.delete(&format!("/products/{}", teapot.id())).await.is(204);
    market.settles().await;
    guest.pays(&order).await;
    guest.sees(&order, "refunded").await;
    market.settles().await;
    assert_eq!(seller.stock(&teapot).await, (5, 0, 5));
    market.ends_clean().await;
}

#[tokio::test]
async fn the_cart_of_an_order_that_a_late_payment_revived_is_not_bought_twice() {
    let market = Market::start().await;
    let seller = market.seller("Tea House").await;
    let teapot = seller.lists("Teapot", 2500, 5).await;
    let guest = market.guest();
    guest.adds(&teapot, 1).await;
    let order = guest.places_order().await;
    market.passes(TOO_LONG).await;
    guest.sees(&order, "expired").await;
    // The cart was given back, filled further and ordered; then the first payment comes after all.
    guest.adds(&teapot, 1).await;
    let second = guest.places_order().await;
    guest.pays(&order).await;
    guest.sees(&order, "confirmed").await;
    guest.pays(&second).await;
    guest.sees(&second, "confirmed").await;
    assert_eq!(seller.stock(&teapot).await, (2, 0, 2));
    market.ends_clean().await;
}
