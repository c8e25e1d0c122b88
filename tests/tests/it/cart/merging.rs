//! A guest's cart becomes the user's at login.

use serde_json::json;
use souk_tests::{Buyer, Market, PASSWORD, Thing};

fn quantities(cart: &Thing) -> Vec<(String, i64)> {
    let read = |line: &serde_json::Value| {
        (line["title"].as_str().expect("a title").to_owned(), line["quantity"].as_i64().expect("a quantity"))
    };
    let mut lines: Vec<_> = cart.list("items").iter().map(read).collect();
    lines.sort_unstable();
    lines
}

fn with_cart_of(guest: &Buyer, market: &Market) -> souk_tests::Client {
    market.client.with("x-cart-token", &guest.cart_token().expect("the guest has a cart"))
}

#[tokio::test]
async fn login_register_and_authentication_merge() {
    let market = Market::start().await;
    let seller = market.seller("Tea House").await;
    let (teapot, cup) = (seller.lists("Teapot", 2500, 100).await, seller.lists("Cup", 900, 100).await);
    let cleo = market.buyer("Cleo").await;
    cleo.adds(&teapot, 1).await;

    let guest = market.guest();
    guest.adds(&teapot, 2).await;
    guest.adds(&cup, 3).await;
    let login = json!({"email": cleo.email, "password": PASSWORD});
    with_cart_of(&guest, &market).post("/auth/login", &login).await.ok();
    assert_eq!(quantities(&cleo.cart().await), [("Cup".to_owned(), 3), ("Teapot".to_owned(), 3)]);
    // Once merged, the guest's cart is empty: logging in again adds nothing.
    with_cart_of(&guest, &market).post("/auth/login", &login).await.ok();
    assert_eq!(quantities(&cleo.cart().await), [("Cup".to_owned(), 3), ("Teapot".to_owned(), 3)]);
    assert!(guest.cart().await.list("items").is_empty());

    let guest = market.guest();
    guest.adds(&cup, 1).await;
    let path = format!("/users/{}/auth", cleo.user_id.as_deref().unwrap());
    with_cart_of(&guest, &market).post(&path, &json!({"password": PASSWORD})).await.ok();
    assert_eq!(quantities(&cleo.cart().await), [("Cup".to_owned(), 4), ("Teapot".to_owned(), 3)]);

    let guest = market.guest();
    guest.adds(&cup, 7).await;
    let form = json!({"email": "ben@example.com", "password": PASSWORD, "name": "Ben"});
    let session = with_cart_of(&guest, &market).post("/auth/register", &form).await.created();
    let ben = market.client.with_token(session.text("access_token"));
    assert_eq!(quantities(&ben.get("/cart").await.ok()), [("Cup".to_owned(), 7)]);
    market.ends_clean().await;
}

#[tokio::test]
async fn quantities_add_up_to_the_stock() {
    let market = Market::start().await;
    let seller = market.seller("Tea House").await;
    let teapot = seller.lists("Teapot", 2500, 5).await;
    let (cleo, guest) = (market.buyer("Cleo").await, market.guest());
    cleo.adds(&teapot, 4).await;
    guest.adds(&teapot, 4).await;
    let login = json!({"email": cleo.email, "password": PASSWORD});
    with_cart_of(&guest, &market).post("/auth/login", &login).await.ok();
    assert_eq!(quantities(&cleo.cart().await), [("Teapot".to_owned(), 5)]);
    market.ends_clean().await;
}

#[tokio::test]
async fn a_bad_cart_token_never_fails_a_login() {
    let market = Market::start().await;
    let cleo = market.buyer("Cleo").await;
    let login = json!({"email": cleo.email, "password": PASSWORD});
    for token in ["nonsense", &"A".repeat(43)] {
        market.client.post("/auth/login", &login).header("x-cart-token", token).await.ok();
    }
    market.ends_clean().await;
}

#[tokio::test]
async fn a_wrong_password_merges_nothing() {
    let market = Market::start().await;
    let seller = market.seller("Tea House").await;
    let teapot = seller.lists("Teapot", 2500, 5).await;
    let (cleo, guest) = (market.buyer("Cleo").await, market.guest());
    guest.adds(&teapot, 2).await;
    let login = json!({"email": cleo.email, "password": "wrong password"});
    with_cart_of(&guest, &market).post("/auth/login", &login).await.is(401);
    assert_eq!(guest.cart().await.list("items").len(), 1);
    assert!(cleo.cart().await.list("items").is_empty());
    market.ends_clean().await;
}

#[tokio::test]
async fn a_frozen_cart_takes_no_merge_and_loses_nothing() {
    let market = Market::start().await;
    let seller = market.seller("Tea House").await;
    let (teapot, cup) = (seller.lists("Teapot", 2500, 5).await, seller.lists("Cup", 900, 5).await);
    let (cleo, guest) = (market.buyer("Cleo").await, market.guest());
    cleo.adds(&teapot, 1).await;
    let order = cleo.places_order().await;
    guest.adds(&cup, 2).await;
    let login = json!({"email": cleo.email, "password": PASSWORD});
    with_cart_of(&guest, &market).post("/auth/login", &login).await.ok();
    cleo.pays(&order).await;
    let order = cleo.sees(&order, "confirmed").await;
    assert_eq!(order.number("total"), 2500, "the order is what was ordered");
    market.settles().await;
    // The cup is in one of the two carts.
    let left = quantities(&cleo.cart().await).len() + quantities(&guest.cart().await).len();
    assert_eq!(left, 1);
    market.ends_clean().await;
}
