//! One idempotency key, many requests at once.

use futures::future::join_all;
use souk_tests::Market;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_requests_with_one_key_make_one_order_and_get_one_answer() {
    let market = Market::start().await;
    let seller = market.seller("Tea House").await;
    let teapot = seller.lists("Teapot", 2500, 50).await;
    let cleo = market.buyer("Cleo").await;
    let form = cleo.order_form_for(&teapot, 1);
    let answers = join_all((0..50).map(|_| async { cleo.client.post("/orders", &form).key("one-key").await })).await;
    for answer in &answers {
        assert_eq!((answer.status, answer.data()), (answers[0].status, answers[0].data()));
    }
    let orders = cleo.client.get("/orders").await.rows();
    assert_eq!((orders.len(), seller.stock(&teapot).await), (1, (50, 1, 49)));
    market.ends_clean().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_guests_cart_and_key_sent_fifty_times_make_one_order_with_one_token() {
    let market = Market::start().await;
    let seller = market.seller("Tea House").await;
    let teapot = seller.lists("Teapot", 2500, 50).await;
    let guest = market.guest();
    guest.adds(&teapot, 2).await;
    let (client, form) = (guest.at_cart(), guest.order_form());
    let answers = join_all((0..50).map(|_| async { client.post("/orders", &form).key("one-key").await })).await;
    let first = answers[0].data();
    assert!(answers.iter().all(|answer| answer.data()["access_token"] == first["access_token"]));
    assert!(answers.iter().all(|answer| answer.data()["id"] == first["id"]));
    assert_eq!(seller.stock(&teapot).await, (50, 2, 48));
    market.ends_clean().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_key_with_two_bodies_at_once_serves_one_and_refuses_the_other() {
    let market = Market::start().await;
    let seller = market.seller("Tea House").await;
    let teapot = seller.lists("Teapot", 2500, 50).await;
    let cleo = market.buyer("Cleo").await;
    let answers = join_all((0..20).map(|number| {
        let form = cleo.order_form_for(&teapot, 1 + number % 2);
        let client = cleo.client.clone();
        async move { client.post("/orders", &form).key("one-key").await }
    }))
    .await;
    let (placed, refused): (Vec<_>, Vec<_>) = answers.into_iter().partition(|answer| answer.status == 201);
    assert_eq!((placed.len(), refused.len()), (10, 10));
    for answer in refused {
        answer.refused(422, "idempotency_key_reused");
    }
    assert_eq!(cleo.client.get("/orders").await.rows().len(), 1);
    market.ends_clean().await;
}
