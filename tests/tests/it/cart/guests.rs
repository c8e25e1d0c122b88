//! Carts without an account.

use souk_tests::Market;

#[tokio::test]
async fn a_guest_gets_a_token_on_first_use_and_keeps_the_cart_by_it() {
    let market = Market::start().await;
    let seller = market.seller("Tea House").await;
    let teapot = seller.lists("Teapot", 2500, 5).await;
    let first = market.client.get("/cart").await.is(200);
    let token = first.text_header("x-cart-token").to_owned();
    assert!(token.len() >= 32);
    let holder = market.client.with("x-cart-token", &token);
    let body = serde_json::json!({"sku_id": teapot.sku(), "quantity": 2});
    holder.post("/cart/items", &body).await.ok();
    let again = holder.get("/cart").await.is(200);
    assert_eq!(again.data()["subtotal"], 5000);
    assert_eq!(again.data()["id"], first.data()["id"]);
    market.ends_clean().await;
}

#[tokio::test]
async fn guests_do_not_see_each_others_carts() {
    let market = Market::start().await;
    let seller = market.seller("Tea House").await;
    let teapot = seller.lists("Teapot", 2500, 5).await;
    let (ann, ben) = (market.guest(), market.guest());
    ann.adds(&teapot, 1).await;
    ben.adds(&teapot, 2).await;
    assert_ne!(ann.cart_token(), ben.cart_token());
    assert_ne!(ann.cart().await["id"], ben.cart().await["id"]);
    // A made-up token opens nobody's cart, and is not one that others could guess.
    for made_up in ["1", "cart", &"A".repeat(43), &"x".repeat(5000), "\u{e9}"] {
        let answer = market.client.get("/cart").header("x-cart-token", made_up).await;
        if answer.status == 200 {
            assert!(answer.data().list("items").is_empty());
        }
    }
    market.ends_clean().await;
}

#[tokio::test]
async fn a_cart_begins_anew_after_its_order_was_paid() {
    let market = Market::start().await;
    let seller = market.seller("Tea House").await;
    let teapot = seller.lists("Teapot", 2500, 5).await;
    for buyer in [market.guest(), market.buyer("Cleo").await] {
        buyer.adds(&teapot, 1).await;
        let order = buyer.places_order().await;
        buyer.tries_to_add(teapot.sku(), 1).await.refused(409, "cart_frozen");
        buyer.pays(&order).await;
        buyer.sees(&order, "confirmed").await;
        market.settles().await;
        assert!(buyer.cart().await.list("items").is_empty());
        buyer.adds(&teapot, 1).await;
        assert_eq!(buyer.cart().await.list("items").len(), 1);
    }
    market.ends_clean().await;
}

#[tokio::test]
async fn a_cancelled_order_gives_its_cart_back() {
    let market = Market::start().await;
    let seller = market.seller("Tea House").await;
    let teapot = seller.lists("Teapot", 2500, 5).await;
    let cleo = market.buyer("Cleo").await;
    cleo.adds(&teapot, 2).await;
    let order = cleo.places_order().await;
    let frozen = cleo.tries_to_add(teapot.sku(), 1).await.refused(409, "cart_frozen");
    assert!(frozen.to_string().contains(order.id()), "it names the order: {frozen}");
    cleo.cancels(&order).await.ok();
    market.settles().await;
    let cart = cleo.cart().await;
    assert_eq!(cart["items"][0]["quantity"], 2);
    cleo.adds(&teapot, 1).await;
    let again = cleo.places_order().await;
    assert_eq!(again.number("total"), 7500);
    market.ends_clean().await;
}
