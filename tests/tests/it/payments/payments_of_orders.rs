//! Payments, as buyers see and open them.

use serde_json::json;
use souk_tests::Market;

#[tokio::test]
async fn a_payment_is_seen_by_its_buyer_and_the_operator() {
    let market = Market::start().await;
    let seller = market.seller("Tea House").await;
    let teapot = seller.lists("Teapot", 2500, 5).await;
    let (cleo, ben) = (market.buyer("Cleo").await, market.buyer("Ben").await);
    let order = cleo.orders(&teapot, 2).await;
    let path = format!("/payments/{}", order.text("payment_id"));
    let payment = cleo.client.get(&path).await.ok();
    assert_eq!((payment.id(), &payment["order_id"]), (order.text("payment_id"), &order["id"]));
    assert_eq!((payment.text("provider"), payment.text("status")), ("sandbox", "pending"));
    assert_eq!(
        (payment.number("amount"), payment.text("currency"), payment.number("refunded_amount")),
        (5000, "EUR", 0)
    );
    assert_eq!(payment["redirect"], order["redirect"]);
    assert!(payment["created_at"].is_string());
    market.admin.client.get(&path).await.ok();
    ben.client.get(&path).await.not_found();
    seller.client.get(&path).await.not_found();
    market.client.get(&path).await.is(401);
    market.client.get(&path).header("x-order-token", "x").await.not_found();
    cleo.client.get("/payments/pay_01h455vb4pex5vsknk084sn02q").await.not_found();
    cleo.pays(&order).await;
    cleo.sees(&order, "confirmed").await;
    assert_eq!(cleo.client.get(&path).await.ok()["status"], "completed");
    market.ends_clean().await;
}

#[tokio::test]
async fn after_a_decline_another_payment_is_opened() {
    let market = Market::start().await;
    let seller = market.seller("Tea House").await;
    let teapot = seller.lists("Teapot", 2500, 5).await;
    let cleo = market.buyer("Cleo").await;
    let order = cleo.orders(&teapot, 1).await;
    cleo.declines(&order).await;
    let failed = cleo.sees(&order, "payment_failed").await;
    assert_eq!(failed["payment_status"], "failed");
    let retry = cleo.client.post("/payments", &json!({"order_id": order.id()})).await.created();
    assert_ne!(retry.id(), order.text("payment_id"));
    assert_eq!((retry.text("status"), retry.number("amount")), ("pending", 2500));
    let again = cleo.order(&order).await;
    assert_eq!((again.text("status"), &again["payment_id"]), ("pending_payment", &retry["id"]));
    cleo.pays(&again).await;
    cleo.sees(&order, "confirmed").await;
    assert_eq!(seller.stock(&teapot).await, (4, 0, 4));
    market.ends_clean().await;
}

#[tokio::test]
async fn an_open_payment_is_given_again() {
    let market = Market::start().await;
    let seller = market.seller("Tea House").await;
    let teapot = seller.lists("Teapot", 2500, 5).await;
    let cleo = market.buyer("Cleo").await;
    let order = cleo.orders(&teapot, 1).await;
    let open = cleo.client.post("/payments", &json!({"order_id": order.id()})).await.created();
    assert_eq!(open["id"], order["payment_id"]);
    let asks = (0..10).map(|_| {
        let (client, body) = (cleo.client.clone(), json!({"order_id": order.id()}));
        async move { client.post("/payments", &body).await.created().id().to_owned() }
    });
    assert!(futures::future::join_all(asks).await.iter().all(|id| id == order.text("payment_id")));
    market.ends_clean().await;
}

#[tokio::test]
async fn another_provider_may_be_chosen() {
    let market = Market::start().await;
    let seller = market.seller("Tea House").await;
    let teapot = seller.lists("Teapot", 2500, 5).await;
    let cleo = market.buyer("Cleo").await;
    let order = cleo.orders(&teapot, 1).await;
    let by_bank = json!({"order_id": order.id(), "provider": "manual"});
    let transfer = cleo.client.post("/payments", &by_bank).await.created();
    assert_eq!(transfer.text("provider"), "manual");
    assert_ne!(transfer["id"], order["payment_id"]);
    cleo.client.post("/payments", &json!({"order_id": order.id(), "provider": "bitcoin"})).await;
    // The first page is still open in a tab: paying there as well is given back, one of the two counts.
    cleo.pays(&order).await;
    cleo.sees(&order, "confirmed").await;
    market.ends_clean().await;
}

#[tokio::test]
async fn what_cannot_be_paid_opens_no_payment() {
    let market = Market::start().await;
    let seller = market.seller("Tea House").await;
    let teapot = seller.lists("Teapot", 2500, 50).await;
    let cleo = market.buyer("Cleo").await;
    let paid = cleo.buys(&teapot, 1).await;
    let cancelled = cleo.orders(&teapot, 1).await;
    cleo.cancels(&cancelled).await.ok();
    for order in [&paid, &cancelled] {
        cleo.client.post("/payments", &json!({"order_id": order.id()})).await.is(409);
    }
    cleo.client.post("/payments", &json!({"order_id": "ord_01h455vb4pex5vsknk084sn02q"})).await.not_found();
    cleo.client.post("/payments", &json!({})).await.invalid(&["order_id"]);
    market.client.post("/payments", &json!({"order_id": paid.id()})).await.is(401);
    market.ends_clean().await;
}

#[tokio::test]
async fn paying_two_attempts_is_charged_once() {
    let market = Market::start().await;
    let seller = market.seller("Tea House").await;
    let teapot = seller.lists("Teapot", 2500, 5).await;
    let cleo = market.buyer("Cleo").await;
    let first = cleo.orders(&teapot, 1).await;
    cleo.declines(&first).await;
    cleo.sees(&first, "payment_failed").await;
    cleo.client.post("/payments", &json!({"order_id": first.id()})).await.created();
    let second = cleo.order(&first).await;
    cleo.pays(&second).await;
    cleo.sees(&first, "confirmed").await;
    // The bank thinks again about the first one: it comes after all, and goes back.
    cleo.pays(&first).await;
    market.settles().await;
    let payment = async |order: &souk_tests::Thing| {
        cleo.client.get(&format!("/payments/{}", order.text("payment_id"))).await.ok()
    };
    assert_eq!(payment(&first).await["status"], "refunded");
    assert_eq!(payment(&second).await["status"], "completed");
    let order = cleo.order(&first).await;
    assert_eq!((order.text("status"), order.text("payment_status")), ("confirmed", "completed"));
    assert_eq!(seller.balance().await, (2250, 0, 0));
    assert_eq!(seller.stock(&teapot).await, (4, 0, 4));
    market.ends_clean().await;
}

#[tokio::test]
async fn a_payment_that_the_operator_gave_up_can_be_tried_again() {
    let market = Market::start().await;
    let seller = market.seller("Tea House").await;
    let teapot = seller.lists("Teapot", 2500, 5).await;
    let cleo = market.buyer("Cleo").await;
    let order = cleo.orders(&teapot, 1).await;
    let path = format!("/admin/payments/{}/cancel", order.text("payment_id"));
    seller.client.post(&path, &json!({})).await.is(403);
    assert_eq!(market.admin.client.post(&path, &json!({})).await.ok()["status"], "cancelled");
    cleo.sees(&order, "payment_failed").await;
    cleo.client.post("/payments", &json!({"order_id": order.id()})).await.created();
    cleo.pays(&cleo.order(&order).await).await;
    cleo.sees(&order, "confirmed").await;
    market.ends_clean().await;
}
