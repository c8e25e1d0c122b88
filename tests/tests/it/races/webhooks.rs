//! Webhooks in any order, any number of times, all at once.

use futures::future::join_all;
use souk_tests::{Market, Webhook};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn completed_and_failed_in_any_order_end_completed() {
    let market = Market::start().await;
    let seller = market.seller("Tea House").await;
    let teapot = seller.lists("Teapot", 2500, 50).await;
    let cleo = market.buyer("Cleo").await;
    let provider = market.provider();
    for _ in 0..6 {
        let order = cleo.orders(&teapot, 1).await;
        let storm: Vec<Webhook> = (0..12)
            .map(|number| match number % 3 {
                0 => provider.failed(&order),
                1 => provider.completed(&order).with("amount", 1),
                _ => provider.completed(&order),
            })
            .collect();
        for answer in join_all(storm.iter().map(|webhook| provider.sends(webhook))).await {
            answer.is(200);
        }
        cleo.sees(&order, "confirmed").await;
        market.settles().await;
        assert_eq!(cleo.order(&order).await["payment_status"], "completed");
    }
    assert_eq!(seller.stock(&teapot).await, (44, 0, 44));
    assert_eq!(seller.balance().await, (6 * 2250, 0, 0));
    market.ends_clean().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_event_sent_a_hundred_times_at_once_is_stored_once() {
    let market = Market::start().await;
    let seller = market.seller("Tea House").await;
    let teapot = seller.lists("Teapot", 2500, 50).await;
    let cleo = market.buyer("Cleo").await;
    let provider = market.provider();
    let order = cleo.orders(&teapot, 1).await;
    let webhook = provider.completed(&order);
    for answer in join_all((0..100).map(|_| provider.sends(&webhook))).await {
        answer.is(200);
    }
    cleo.sees(&order, "confirmed").await;
    let file = market.admin.client.get(&format!("/admin/payments/{}", order.text("payment_id"))).await.ok();
    assert_eq!(file.list("webhooks").len(), 1);
    market.ends_clean().await;
}
