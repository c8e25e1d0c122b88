//! What was answered stays true, whatever happens to the process.

use serde_json::json;
use souk_tests::{Buyer, Market, Seller};

fn moved_buyer(market: &Market, mut buyer: Buyer) -> Buyer {
    buyer.client = market.moved(&buyer.client);
    buyer
}

fn moved_seller(market: &Market, mut seller: Seller) -> Seller {
    seller.client = market.moved(&seller.client);
    seller
}

#[tokio::test]
async fn a_restart_keeps_everything() {
    let mut market = Market::start().await;
    let seller = market.seller("Tea House").await;
    let teapot = seller.lists("Teapot", 2500, 5).await;
    let (cleo, guest) = (market.buyer("Cleo").await, market.guest());
    let paid = cleo.buys(&teapot, 1).await;
    let open = guest.orders(&teapot, 1).await;
    cleo.adds(&teapot, 2).await;
    let path = format!("/products/{}", teapot.id());
    market.settles().await;
    let before =
        (cleo.order(&paid).await, cleo.cart().await, seller.balance().await, market.client.get(&path).await.ok());
    market.restarts().await;
    let (cleo, guest, seller) =
        (moved_buyer(&market, cleo), moved_buyer(&market, guest), moved_seller(&market, seller));
    // Tokens of before are good: the key that signs them is kept.
    let after =
        (cleo.order(&paid).await, cleo.cart().await, seller.balance().await, market.client.get(&path).await.ok());
    assert_eq!(before, after);
    assert_eq!(seller.stock(&teapot).await, (4, 1, 3));
    guest.pays(&open).await;
    guest.sees(&open, "confirmed").await;
    let order = cleo.places_order().await;
    cleo.pays(&order).await;
    cleo.sees(&order, "confirmed").await;
    seller.ships(&paid).await;
    market.ends_clean().await;
}

#[tokio::test]
async fn a_paid_order_survives_a_crash_before_its_confirmation() {
    let mut market = Market::start().await;
    let seller = market.seller("Tea House").await;
    let teapot = seller.lists("Teapot", 2500, 50).await;
    let cleo = market.buyer("Cleo").await;
    let mut orders = Vec::new();
    for _ in 0..10 {
        orders.push(cleo.orders(&teapot, 1).await);
    }
    for order in &orders {
        cleo.pays(order).await;
    }
    // The payments are booked; what follows from that is cut off somewhere.
    market.crashes().await;
    let (cleo, seller) = (moved_buyer(&market, cleo), moved_seller(&market, seller));
    for order in &orders {
        cleo.sees(order, "confirmed").await;
    }
    market.settles().await;
    assert_eq!(seller.stock(&teapot).await, (40, 0, 40));
    assert_eq!(seller.balance().await, (22_500, 0, 0));
    assert_eq!(cleo.client.get("/orders").await.rows().len(), 10);
    market.ends_clean().await;
}

#[tokio::test]
async fn checkouts_that_a_crash_cut_off_are_finished_or_undone() {
    let mut market = Market::builder().config(|config| config.orders.queue.permits = 2).start().await;
    let seller = market.seller("Tea House").await;
    let teapot = seller.lists("Teapot", 2500, 50).await;
    let cleo = market.buyer("Cleo").await;
    let rush = (0..30).map(|number| {
        let (client, form) = (cleo.client.clone(), cleo.order_form_for(&teapot, 1));
        tokio::spawn(async move { client.post("/orders", &form).key(&format!("key-{number}")).attempt().await.ok() })
    });
    let rush: Vec<_> = rush.collect();
    // As soon as a few have been answered, the power goes.
    let mut answered = Vec::new();
    for (number, request) in rush.into_iter().enumerate() {
        if number == 5 {
            market.crashes().await;
        }
        answered.push(request.await.unwrap());
    }
    let (cleo, seller) = (moved_buyer(&market, cleo), moved_seller(&market, seller));
    // The keys of requests that died are free again after half a minute.
    market.passes(std::time::Duration::from_secs(31)).await;
    for answer in answered.iter().flatten().filter(|answer| answer.status.is_success()) {
        let order = answer.data();
        let order = souk_tests::eventually("what was answered goes on", async || {
            let order = cleo.order(&order).await;
            (order.text("status") != "queued").then_some(order)
        })
        .await;
        assert_eq!(order.text("status"), "pending_payment");
    }
    // Whoever got no answer sends the request again and gets one order.
    let mut ids = Vec::new();
    for number in 0..30 {
        let form = cleo.order_form_for(&teapot, 1);
        let order = souk_tests::eventually("a repeated request is answered", async || {
            let answer = cleo.client.post("/orders", &form).key(&format!("key-{number}")).await;
            answer.status.is_success().then(|| answer.data())
        })
        .await;
        ids.push(order.id().to_owned());
    }
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 30);
    let all = cleo.client.get("/orders?limit=100").await;
    assert_eq!(all.page()["total"], 30, "no order was made twice");
    for order in all.rows() {
        cleo.pays(&cleo.sees(&order, "pending_payment").await).await;
        cleo.sees(&order, "confirmed").await;
    }
    assert_eq!(seller.stock(&teapot).await, (20, 0, 20));
    market.ends_clean().await;
}

#[tokio::test]
async fn refunds_and_returns_survive_a_crash() {
    let mut market = Market::start().await;
    let seller = market.seller("Tea House").await;
    let teapot = seller.lists("Teapot", 2500, 50).await;
    let cleo = market.buyer("Cleo").await;
    let (cancelled, returned) = (cleo.buys(&teapot, 2).await, cleo.buys(&teapot, 1).await);
    seller.ships(&returned).await;
    seller.delivers(&returned).await;
    let wanted = cleo.returns(&returned, teapot.sku(), 1).await.created();
    cleo.cancels(&cancelled).await.ok();
    seller.client.post(&format!("/seller/returns/{}/approve", wanted.id()), &json!({})).await.ok();
    market.crashes().await;
    let (cleo, seller) = (moved_buyer(&market, cleo), moved_seller(&market, seller));
    cleo.sees(&cancelled, "refunded").await;
    market.settles().await;
    assert_eq!(cleo.order(&returned).await["payment_status"], "refunded");
    assert_eq!(seller.stock(&teapot).await, (50, 0, 50));
    assert_eq!(seller.balance().await, (0, 0, 0));
    market.ends_clean().await;
}
