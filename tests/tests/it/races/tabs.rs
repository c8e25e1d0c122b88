//! One cart in several tabs.

use futures::future::join_all;
use souk_tests::Market;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_tabs_that_order_one_cart_at_once_make_one_order() {
    let market = Market::start().await;
    let seller = market.seller("Tea House").await;
    let teapot = seller.lists("Teapot", 2500, 50).await;
    for buyer in [market.buyer("Cleo").await, market.guest()] {
        buyer.adds(&teapot, 2).await;
        let form = buyer.order_form();
        let answers = join_all((0..10).map(|_| buyer.tries_to_order(&form))).await;
        let (placed, refused): (Vec<_>, Vec<_>) = answers.into_iter().partition(|answer| answer.status.is_success());
        assert_eq!(placed.len(), 1);
        for answer in refused {
            answer.refused(409, "cart_frozen");
        }
        let order = placed[0].data();
        buyer.pays(&order).await;
        buyer.sees(&order, "confirmed").await;
    }
    assert_eq!(seller.stock(&teapot).await, (46, 0, 46));
    market.ends_clean().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tabs_that_add_at_once_lose_nothing() {
    let market = Market::start().await;
    let seller = market.seller("Tea House").await;
    let (teapot, cup) = (seller.lists("Teapot", 2500, 500).await, seller.lists("Cup", 900, 500).await);
    for buyer in [market.buyer("Cleo").await, market.guest()] {
        buyer.cart().await;
        let adds = (0..40).map(|number| buyer.tries_to_add(if number % 2 == 0 { teapot.sku() } else { cup.sku() }, 1));
        for answer in join_all(adds).await {
            answer.ok();
        }
        let cart = buyer.cart().await;
        assert_eq!(cart.number("subtotal"), 20 * 2500 + 20 * 900);
    }
    market.ends_clean().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn adding_while_ordering_is_in_the_order_or_refused() {
    let market = Market::start().await;
    let seller = market.seller("Tea House").await;
    let (teapot, cup) = (seller.lists("Teapot", 2500, 50).await, seller.lists("Cup", 900, 50).await);
    for _ in 0..6 {
        let guest = market.guest();
        guest.adds(&teapot, 1).await;
        let form = guest.order_form();
        let (order, added) = tokio::join!(guest.tries_to_order(&form), guest.tries_to_add(cup.sku(), 1));
        let order = order.created();
        let expected = if added.status == 200 { 3400 } else { 2500 };
        assert_eq!(order.number("total"), expected, "{added}");
    }
    market.ends_clean().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn logins_that_merge_at_once_add_a_guests_cart_once() {
    let market = Market::start().await;
    let seller = market.seller("Tea House").await;
    let teapot = seller.lists("Teapot", 2500, 500).await;
    let (cleo, guest) = (market.buyer("Cleo").await, market.guest());
    guest.adds(&teapot, 3).await;
    let client = market.client.with("x-cart-token", &guest.cart_token().unwrap());
    let login = serde_json::json!({"email": cleo.email, "password": souk_tests::PASSWORD});
    for answer in join_all((0..10).map(|_| async { client.post("/auth/login", &login).await })).await {
        answer.ok();
    }
    assert_eq!(cleo.cart().await["items"][0]["quantity"], 3);
    market.ends_clean().await;
}
