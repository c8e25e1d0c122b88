//! More checkouts at once than may run.

use futures::future::join_all;
use souk_tests::{Answer, Buyer, Market, Thing};

async fn rush(market: &Market, product: &Thing, buyers: usize) -> Vec<(Buyer, Answer)> {
    let rush = (0..buyers).map(|number| {
        let guest = market.guest().another_guest(&format!("guest{number}@example.com"));
        let product = product.clone();
        async move {
            let answer = guest.tries_to_order(&guest.order_form_for(&product, 1)).await;
            (guest, answer)
        }
    });
    join_all(rush).await
}

#[tokio::test]
async fn without_a_permit_an_order_is_queued_and_placed_in_its_turn() {
    let market = Market::builder().config(|config| config.orders.queue.permits = 1).start().await;
    let seller = market.seller("Tea House").await;
    let teapot = seller.lists("Teapot", 2500, 100).await;
    let rush = rush(&market, &teapot, 40).await;
    let queued = rush.iter().filter(|(_, answer)| answer.status == 202).count();
    assert!(queued > 0, "40 at once and one permit: some wait");
    for (guest, answer) in rush {
        let order = answer.data();
        if answer.status == 202 {
            assert_eq!(order["status"], "queued");
            assert!(answer.text_header("location").contains(order.id()), "{answer}");
        }
        let order = guest.sees(&order, "pending_payment").await;
        guest.pays(&order).await;
        guest.sees(&order, "confirmed").await;
    }
    assert_eq!(seller.stock(&teapot).await, (60, 0, 60));
    market.ends_clean().await;
}

#[tokio::test]
async fn past_the_limit_buyers_are_asked_to_come_back() {
    let market = Market::builder()
        .config(|config| (config.orders.queue.permits, config.orders.queue.limit) = (1, 2))
        .start()
        .await;
    let seller = market.seller("Tea House").await;
    let teapot = seller.lists("Teapot", 2500, 100).await;
    let rush = rush(&market, &teapot, 40).await;
    let refused: Vec<_> = rush.iter().filter(|(_, answer)| answer.status == 503).collect();
    assert!(!refused.is_empty(), "40 at once, one permit and two places: some are refused");
    for (guest, answer) in rush {
        if answer.status == 503 {
            assert!(answer.text_header("retry-after").parse::<u64>().unwrap() >= 1);
        } else {
            guest.sees(&answer.data(), "pending_payment").await;
        }
    }
    market.ends_clean().await;
}

#[tokio::test]
async fn a_queued_order_that_cannot_be_placed_is_rejected_with_its_reason() {
    let market = Market::builder().config(|config| config.orders.queue.permits = 1).start().await;
    let seller = market.seller("Tea House").await;
    let teapot = seller.lists("Teapot", 2500, 3).await;
    let rush = rush(&market, &teapot, 30).await;
    let (mut placed, mut rejected) = (0, 0);
    market.settles().await;
    for (guest, answer) in rush {
        if answer.status == 409 {
            answer.refused(409, "out_of_stock");
            rejected += 1;
            continue;
        }
        let order = souk_tests::eventually("the order is placed or rejected", async || {
            let order = guest.order(&answer.data()).await;
            (order.text("status") != "queued").then_some(order)
        })
        .await;
        if order.text("status") == "rejected" {
            assert!(order.text("reason").contains("out_of_stock"), "{order:?}");
            rejected += 1;
        } else {
            assert_eq!(order.text("status"), "pending_payment");
            placed += 1;
        }
    }
    assert_eq!((placed, rejected), (3, 27));
    assert_eq!(seller.stock(&teapot).await, (3, 3, 0));
    market.ends_clean().await;
}
