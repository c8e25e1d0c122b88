//! Shops and accounts over time.

use std::time::Duration;

use serde_json::json;
use souk_tests::{Market, PASSWORD};

#[tokio::test]
async fn a_seller_applies_is_approved_sells_is_suspended_and_comes_back() {
    let market = Market::builder().config(|config| config.sellers.auto_approve = false).start().await;
    let seller = market.seller("Tea House").await;
    seller.client.post("/products", &seller.product("Teapot", 2500, 5)).await.is(403);
    market.admin.approves(&seller.id).await;
    let teapot = seller.lists("Teapot", 2500, 5).await;
    let cleo = market.buyer("Cleo").await;
    let bought = cleo.buys(&teapot, 1).await;
    let pending = cleo.orders(&teapot, 1).await;
    market.admin.suspends(&seller.id).await;
    market.settles().await;
    cleo.pays(&pending).await;
    cleo.sees(&pending, "refunded").await;
    seller.ships(&bought).await;
    market.admin.approves(&seller.id).await;
    market.settles().await;
    market.passes(Duration::from_secs(3)).await;
    cleo.buys(&teapot, 1).await;
    assert_eq!(seller.stock(&teapot).await, (3, 0, 3));
    market.ends_clean().await;
}

#[tokio::test]
async fn a_forgotten_password_is_reset_from_the_mail_and_the_cart_is_still_there() {
    let market = Market::start().await;
    let seller = market.seller("Tea House").await;
    let teapot = seller.lists("Teapot", 2500, 5).await;
    let cleo = market.buyer("Cleo").await;
    cleo.adds(&teapot, 2).await;
    market.client.post("/auth/password/forgot", &json!({"email": cleo.email})).await.is(202);
    let mail = &market.mail_to(&cleo.email).await[0];
    let (_, rest) = mail.text("text").split_once("?token=").unwrap();
    let token: String =
        rest.chars().take_while(|letter| letter.is_ascii_alphanumeric() || "-_".contains(*letter)).collect();
    let new = "another long password";
    market.client.post("/auth/password/reset", &json!({"token": token, "password": new})).await.is(204);
    market.client.post("/auth/login", &json!({"email": cleo.email, "password": PASSWORD})).await.is(401);
    let session = market.client.post("/auth/login", &json!({"email": cleo.email, "password": new})).await.ok();
    let cart = market.client.with_token(session.text("access_token")).get("/cart").await.ok();
    assert_eq!(cart.number("subtotal"), 5000);
    market.ends_clean().await;
}

#[tokio::test]
async fn a_shop_of_one_seller_is_the_same_system() {
    let market = Market::start().await;
    let seller = market.seller("The Shop").await;
    for number in 0..10 {
        seller.lists(&format!("Thing {number}"), 100 * (number + 1), 5).await;
    }
    let things = market.client.get("/products?sort=price_desc&limit=3").await.rows();
    let cleo = market.buyer("Cleo").await;
    for thing in &things {
        cleo.adds(thing, 1).await;
    }
    let order = cleo.places_order().await;
    assert_eq!((order.list("seller_orders").len(), order.number("total")), (1, 2700));
    cleo.pays(&order).await;
    cleo.sees(&order, "confirmed").await;
    market.ends_clean().await;
}

#[tokio::test]
async fn buyers_leave_and_their_orders_are_still_served() {
    let market = Market::start().await;
    let seller = market.seller("Tea House").await;
    let teapot = seller.lists("Teapot", 2500, 5).await;
    let cleo = market.buyer("Cleo").await;
    let (paid, unpaid) = (cleo.buys(&teapot, 1).await, cleo.orders(&teapot, 2).await);
    cleo.client.delete("/users/me").await.is(204);
    market.settles().await;
    cleo.client.get("/orders").await;
    seller.ships(&paid).await;
    seller.delivers(&paid).await;
    market.passes(Duration::from_hours(30 * 24)).await;
    assert_eq!(seller.stock(&teapot).await, (4, 0, 4), "what the unpaid order held is free");
    let kept = market.admin.client.get(&format!("/admin/orders/{}", unpaid.id())).await.ok();
    assert!(["expired", "cancelled"].contains(&kept.text("status")));
    assert_eq!(seller.balance().await, (0, 2250, 0));
    market.ends_clean().await;
}
