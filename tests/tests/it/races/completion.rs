//! One order, many triggers at once.

use std::time::{Duration, Instant};

use futures::future::join_all;
use serde_json::json;
use souk_tests::{Market, PATIENCE};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn webhooks_the_buyers_return_and_the_timer_confirm_an_order_once() {
    let market = Market::start().await;
    let seller = market.seller("Tea House").await;
    let teapot = seller.lists("Teapot", 2500, 50).await;
    let cleo = market.buyer("Cleo").await;
    let provider = market.provider();
    for round in 0..6 {
        let order = cleo.orders(&teapot, 1).await;
        let webhook = provider.completed(&order);
        let copies = join_all((0..10).map(|_| provider.sends(&webhook)));
        let path = format!("/orders/{}?paid=1", order.id());
        let returns = join_all((0..5).map(|_| async { cleo.client.get(&path).await }));
        let time = async {
            if round % 2 == 1 {
                market.passes(Duration::from_mins(16)).await;
            }
        };
        let (copies, returns, presses, ()) =
            tokio::join!(copies, returns, join_all((0..3).map(|_| cleo.presses("pay", &order))), time);
        assert!(copies.iter().all(|answer| answer.status == 200 || answer.status == 401), "{copies:?}");
        assert!(returns.iter().all(|answer| answer.status == 200));
        assert!(presses.iter().all(|answer| answer.status == 303));
        cleo.sees(&order, "confirmed").await;
    }
    market.settles().await;
    assert_eq!(seller.stock(&teapot).await, (44, 0, 44));
    assert_eq!(seller.balance().await, (6 * 2250, 0, 0));
    let mails = market.mail_to(&cleo.email).await;
    assert_eq!(mails.iter().filter(|mail| mail.text("template").contains("confirmed")).count(), 6);
    market.ends_clean().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cancelling_and_paying_at_once_ends_confirmed_or_refunded_and_never_in_between() {
    let market = Market::start().await;
    let seller = market.seller("Tea House").await;
    let teapot = seller.lists("Teapot", 2500, 50).await;
    let cleo = market.buyer("Cleo").await;
    for _ in 0..8 {
        let order = cleo.orders(&teapot, 1).await;
        let (paid, cancelled) = tokio::join!(cleo.presses("pay", &order), cleo.cancels(&order));
        paid.is(303);
        cancelled.is(200);
        // Cancelled before or after the payment: either way the money is back in the end.
        cleo.sees(&order, "refunded").await;
    }
    market.settles().await;
    assert_eq!(seller.stock(&teapot).await, (50, 0, 50));
    assert_eq!(seller.balance().await, (0, 0, 0));
    market.ends_clean().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn shipping_and_cancelling_at_once_have_one_winner() {
    let market = Market::start().await;
    let seller = market.seller("Tea House").await;
    let teapot = seller.lists("Teapot", 2500, 50).await;
    let cleo = market.buyer("Cleo").await;
    let mut shipped = 0;
    for _ in 0..8 {
        let order = cleo.buys(&teapot, 1).await;
        let part = seller.part(&order).await;
        let parcel = json!({"carrier": "DHL", "tracking_number": "1"});
        let path = format!("/seller/orders/{}/ship", part.id());
        let (ship, cancel) = tokio::join!(async { seller.client.put(&path, &parcel).await }, cleo.cancels(&order));
        let statuses = (ship.status.as_u16(), cancel.status.as_u16());
        assert!([(200, 409), (409, 200)].contains(&statuses), "{statuses:?}");
        if statuses.0 == 200 {
            shipped += 1;
            assert_eq!(cleo.order(&order).await["status"], "confirmed");
        } else {
            cleo.sees(&order, "refunded").await;
        }
    }
    market.settles().await;
    assert_eq!(seller.stock(&teapot).await, (50 - shipped, 0, 50 - shipped));
    market.ends_clean().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_buyer_that_hangs_up_during_checkout_finds_one_whole_order_on_asking_again() {
    const ROUNDS: u64 = 40;
    let market = Market::start().await;
    let seller = market.seller("Tea House").await;
    let teapot = seller.lists("Teapot", 2500, 50).await;
    let cleo = market.buyer("Cleo").await;
    let form = cleo.order_form_for(&teapot, 1);
    let mut hung_up = 0;
    for number in 0..ROUNDS {
        let request = cleo.client.post("/orders", &form).key(&format!("key-{number}")).attempt();
        // Dropping the request closes its connection. Every round waits a little longer before it does.
        let patience = Duration::from_micros(300 * number);
        hung_up += u32::from(tokio::time::timeout(patience, request).await.is_err());
    }
    assert!(hung_up > 0, "nobody hung up in time");
    let began = Instant::now();
    for number in 0..ROUNDS {
        let again = cleo.client.post("/orders", &form).key(&format!("key-{number}")).await;
        let order = again.data();
        cleo.pays(&cleo.sees(&order, "pending_payment").await).await;
    }
    assert!(began.elapsed() < PATIENCE * 3, "a key stays taken by a request that nobody serves: {:?}", began.elapsed());
    market.settles().await;
    assert_eq!(cleo.client.get("/orders?limit=100&status=confirmed").await.page()["total"], ROUNDS);
    assert_eq!(seller.stock(&teapot).await, (10, 0, 10));
    market.ends_clean().await;
}
