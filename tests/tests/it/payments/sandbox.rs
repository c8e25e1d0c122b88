//! The sandbox's hosted page.

use souk_tests::Market;

#[tokio::test]
async fn the_page_shows_the_amount_and_two_buttons() {
    let market = Market::start().await;
    let seller = market.seller("Tea House").await;
    let teapot = seller.lists("Teapot", 2500, 5).await;
    let cleo = market.buyer("Cleo").await;
    let order = cleo.orders(&teapot, 1).await;
    let path = format!("/sandbox/payments/{}", order.text("payment_id"));
    let page = market.client.at_root().get(&path).await.is(200);
    assert!(page.text_header("content-type").starts_with("text/html"));
    assert!(page.text_header("content-security-policy").contains("default-src"));
    let html = String::from_utf8(page.bytes).unwrap();
    for part in ["25.00", "EUR", "/pay", "/decline", "viewport"] {
        assert!(html.contains(part), "{part} is missing");
    }
    market.client.at_root().get("/sandbox/payments/pay_01h455vb4pex5vsknk084sn02q").await.is(404);
    market.client.at_root().get("/sandbox/payments/x").await.is(404);
    market.ends_clean().await;
}

#[tokio::test]
async fn buttons_lead_back_to_the_order_also_when_repeated() {
    let market = Market::start().await;
    let seller = market.seller("Tea House").await;
    let teapot = seller.lists("Teapot", 2500, 5).await;
    let cleo = market.buyer("Cleo").await;
    let order = cleo.orders(&teapot, 1).await;
    for button in ["decline", "pay", "pay", "decline", "pay"] {
        let answer = cleo.presses(button, &order).await.is(303);
        assert!(answer.text_header("location").contains(order.id()), "{answer}");
    }
    let order = cleo.sees(&order, "confirmed").await;
    assert_eq!(order["payment_status"], "completed");
    market.settles().await;
    assert_eq!(seller.balance().await, (2250, 0, 0));
    market.ends_clean().await;
}

#[tokio::test]
async fn buttons_still_work_after_the_order_was_cancelled() {
    let market = Market::start().await;
    let seller = market.seller("Tea House").await;
    let teapot = seller.lists("Teapot", 2500, 5).await;
    let cleo = market.buyer("Cleo").await;
    let order = cleo.orders(&teapot, 1).await;
    cleo.cancels(&order).await.ok();
    market.settles().await;
    cleo.presses("pay", &order).await.is(303);
    cleo.sees(&order, "refunded").await;
    cleo.presses("pay", &order).await.is(303);
    cleo.presses("decline", &order).await.is(303);
    market.settles().await;
    assert_eq!(cleo.order(&order).await["status"], "refunded");
    market.ends_clean().await;
}

#[tokio::test]
async fn a_delayed_payment_comes_later() {
    let market = Market::start().await;
    let seller = market.seller("Tea House").await;
    let teapot = seller.lists("Teapot", 2500, 5).await;
    let cleo = market.buyer("Cleo").await;
    let order = cleo.orders(&teapot, 1).await;
    cleo.presses("delay", &order).await.is(303);
    market.settles().await;
    assert_eq!(cleo.order(&order).await["status"], "pending_payment");
    market.passes(std::time::Duration::from_mins(1)).await;
    cleo.sees(&order, "confirmed").await;
    market.ends_clean().await;
}
