//! Many buyers for few units.

use futures::future::join_all;
use souk_tests::{Answer, Buyer, Market, Thing};

/// What became of an order, once it is no longer queued.
async fn outcome(buyer: &Buyer, answer: Answer) -> Option<Thing> {
    if answer.status == 409 {
        answer.refused(409, "out_of_stock");
        return None;
    }
    let placed = answer.data();
    let order = souk_tests::eventually("the order is placed or rejected", async || {
        let order = buyer.order(&placed).await;
        (order.text("status") != "queued").then_some(order)
    })
    .await;
    (order.text("status") != "rejected").then_some(order)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn four_hundred_buyers_get_a_hundred_units_and_not_one_more() {
    let market = Market::builder().config(|config| config.orders.queue.permits = 8).start().await;
    let seller = market.seller("Tea House").await;
    let teapot = seller.lists("Teapot", 2500, 100).await;
    let rush = join_all((0..400).map(|number| {
        let guest = market.guest().another_guest(&format!("guest{number}@example.com"));
        let form = guest.order_form_for(&teapot, 1);
        async move {
            let answer = guest.tries_to_order(&form).await;
            (guest, answer)
        }
    }))
    .await;
    let mut lucky = Vec::new();
    for (guest, answer) in rush {
        if let Some(order) = outcome(&guest, answer).await {
            lucky.push((guest, order));
        }
    }
    assert_eq!(lucky.len(), 100);
    join_all(lucky.iter().map(|(guest, order)| guest.pays(order))).await;
    market.settles().await;
    for (guest, order) in &lucky {
        guest.sees(order, "confirmed").await;
    }
    assert_eq!(seller.stock(&teapot).await, (0, 0, 0));
    assert_eq!(seller.balance().await, (100 * 2250, 0, 0));
    market.ends_clean().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn carts_that_share_skus_in_opposite_order_do_not_lock_each_other_out() {
    let market = Market::start().await;
    let seller = market.seller("Tea House").await;
    let mut products = Vec::new();
    for number in 0..8 {
        products.push(seller.lists(&format!("Thing {number}"), 100, 20).await);
    }
    let buyers = (0..40_usize).map(|number| {
        let guest = market.guest().another_guest(&format!("guest{number}@example.com"));
        // Every cart holds four of the eight, half of them from the other end.
        let mut skus: Vec<&str> = (0..4).map(|offset| products[(number + offset) % 8].sku()).collect();
        if number % 2 == 1 {
            skus.reverse();
        }
        let items: Vec<_> = skus.iter().map(|sku| serde_json::json!({"sku_id": sku, "quantity": 1})).collect();
        let mut form = guest.order_form();
        form["items"] = items.into();
        async move {
            let answer = guest.tries_to_order(&form).await;
            let order = outcome(&guest, answer).await.expect("there is enough for everybody");
            guest.pays(&order).await;
            guest.sees(&order, "confirmed").await;
        }
    });
    join_all(buyers).await;
    market.settles().await;
    for product in &products {
        assert_eq!(seller.stock(product).await, (0, 0, 0));
    }
    market.ends_clean().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn carts_that_want_more_than_there_is_get_all_of_their_lines_or_none() {
    let market = Market::start().await;
    let seller = market.seller("Tea House").await;
    let (teapot, cup) = (seller.lists("Teapot", 2500, 10).await, seller.lists("Cup", 900, 7).await);
    let buyers = (0..30).map(|number| {
        let guest = market.guest().another_guest(&format!("guest{number}@example.com"));
        let mut form = guest.order_form();
        form["items"] =
            serde_json::json!([{"sku_id": teapot.sku(), "quantity": 1}, {"sku_id": cup.sku(), "quantity": 1}]);
        async move {
            let answer = guest.tries_to_order(&form).await;
            outcome(&guest, answer).await.is_some()
        }
    });
    let placed = join_all(buyers).await.into_iter().filter(|placed| *placed).count();
    assert_eq!(placed, 7);
    assert_eq!((seller.stock(&teapot).await, seller.stock(&cup).await), ((10, 7, 3), (7, 7, 0)));
    market.ends_clean().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_seller_that_counts_while_buyers_order_never_undercuts_what_is_held() {
    let market = Market::start().await;
    let seller = market.seller("Tea House").await;
    let teapot = seller.lists("Teapot", 2500, 20).await;
    let buyers = (0..30).map(|number| {
        let guest = market.guest().another_guest(&format!("guest{number}@example.com"));
        let form = guest.order_form_for(&teapot, 1);
        async move {
            let answer = guest.tries_to_order(&form).await;
            outcome(&guest, answer).await.is_some()
        }
    });
    let counts = (0..30).map(|number| seller.counts(teapot.sku(), 5 + number % 20));
    let (placed, counts) = tokio::join!(join_all(buyers), join_all(counts));
    assert!(counts.iter().all(|answer| [200, 409].contains(&answer.status.as_u16())));
    let held = i64::try_from(placed.into_iter().filter(|placed| *placed).count()).unwrap();
    let (on_hand, reserved, available) = seller.stock(&teapot).await;
    assert_eq!((reserved, available), (held, on_hand - reserved));
    assert!(available >= 0);
    market.ends_clean().await;
}
