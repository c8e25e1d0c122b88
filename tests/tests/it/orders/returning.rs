//! Returns.

use serde_json::json;
use souk_tests::{Buyer, Market, Seller, Thing};

async fn receives(seller: &Seller, buyer: &Buyer, product: &Thing, quantity: i64) -> Thing {
    let order = buyer.buys(product, quantity).await;
    seller.ships(&order).await;
    seller.delivers(&order).await;
    order
}

async fn decides(seller: &Seller, wanted: &Thing, decision: &str) -> Thing {
    seller.client.post(&format!("/seller/returns/{}/{decision}", wanted.id()), &json!({})).await.ok()
}

#[tokio::test]
async fn an_approved_return_gives_back_money_and_stock() {
    let market = Market::start().await;
    let seller = market.seller("Tea House").await;
    let teapot = seller.lists("Teapot", 2500, 5).await;
    let cleo = market.buyer("Cleo").await;
    let order = receives(&seller, &cleo, &teapot, 3).await;
    let wanted = cleo.returns(&order, teapot.sku(), 1).await.created();
    assert!(wanted.id().starts_with("ret_"));
    assert_eq!((wanted.text("status"), wanted.number("amount")), ("requested", 2500));
    assert_eq!(cleo.order(&order).await.part_of(&seller.id)["status"], "return_requested");
    assert_eq!(seller.client.get("/seller/returns").await.rows().len(), 1);
    assert_eq!(decides(&seller, &wanted, "approve").await["status"], "approved");
    market.settles().await;
    assert_eq!(seller.stock(&teapot).await, (3, 0, 3));
    let payment = cleo.client.get(&format!("/payments/{}", order.text("payment_id"))).await.ok();
    assert_eq!((payment.text("status"), payment.number("refunded_amount")), ("partially_refunded", 2500));
    assert_eq!(seller.balance().await, (4500, 0, 0), "the commission was given back in proportion");
    // The rest can come back too; then all is refunded.
    let rest = cleo.returns(&order, teapot.sku(), 2).await.created();
    decides(&seller, &rest, "approve").await;
    market.settles().await;
    assert_eq!(seller.stock(&teapot).await, (5, 0, 5));
    assert_eq!(seller.balance().await, (0, 0, 0));
    let order = cleo.order(&order).await;
    assert_eq!((order.part_of(&seller.id).text("status"), order.text("payment_status")), ("returned", "refunded"));
    market.ends_clean().await;
}

#[tokio::test]
async fn a_rejected_return_changes_nothing() {
    let market = Market::start().await;
    let seller = market.seller("Tea House").await;
    let teapot = seller.lists("Teapot", 2500, 5).await;
    let cleo = market.buyer("Cleo").await;
    let order = receives(&seller, &cleo, &teapot, 1).await;
    let wanted = cleo.returns(&order, teapot.sku(), 1).await.created();
    assert_eq!(decides(&seller, &wanted, "reject").await["status"], "rejected");
    market.settles().await;
    assert_eq!(seller.stock(&teapot).await, (4, 0, 4));
    let order = cleo.order(&order).await;
    assert_eq!((order.part_of(&seller.id).text("status"), order.text("payment_status")), ("delivered", "completed"));
    seller.client.post(&format!("/seller/returns/{}/approve", wanted.id()), &json!({})).await.is(409);
    market.ends_clean().await;
}

#[tokio::test]
async fn only_what_was_delivered_and_is_not_back_yet_is_returned() {
    let market = Market::start().await;
    let (seller, rival) = (market.seller("Tea House").await, market.seller("Coffee House").await);
    let (teapot, mug) = (seller.lists("Teapot", 2500, 5).await, rival.lists("Mug", 900, 5).await);
    let cleo = market.buyer("Cleo").await;
    let order = cleo.buys(&teapot, 2).await;
    cleo.returns(&order, teapot.sku(), 1).await.is(409);
    seller.ships(&order).await;
    cleo.returns(&order, teapot.sku(), 1).await.is(409);
    seller.delivers(&order).await;
    for (sku, quantity) in [(teapot.sku(), 3), (mug.sku(), 1)] {
        let answer = cleo.returns(&order, sku, quantity).await;
        assert!([404, 409, 422].contains(&answer.status.as_u16()), "{answer}");
    }
    cleo.returns(&order, teapot.sku(), 0).await.invalid(&["items[0].quantity"]);
    let path = format!("/orders/{}/returns", order.id());
    cleo.client.post(&path, &json!({"items": [], "reason": ""})).await.invalid(&["items", "reason"]);
    cleo.returns(&order, teapot.sku(), 2).await.created();
    let answer = cleo.returns(&order, teapot.sku(), 1).await;
    assert!([409, 422].contains(&answer.status.as_u16()), "{answer}");
    market.ends_clean().await;
}

#[tokio::test]
async fn only_the_parts_seller_decides() {
    let market = Market::start().await;
    let (seller, rival) = (market.seller("Tea House").await, market.seller("Coffee House").await);
    let teapot = seller.lists("Teapot", 2500, 5).await;
    let cleo = market.buyer("Cleo").await;
    let order = receives(&seller, &cleo, &teapot, 1).await;
    let wanted = cleo.returns(&order, teapot.sku(), 1).await.created();
    let path = format!("/seller/returns/{}/approve", wanted.id());
    rival.client.post(&path, &json!({})).await.not_found();
    cleo.client.post(&path, &json!({})).await.is(403);
    assert!(rival.client.get("/seller/returns").await.rows().is_empty());
    market.settles().await;
    assert_eq!(cleo.order(&order).await["payment_status"], "completed");
    market.ends_clean().await;
}

#[tokio::test]
async fn a_return_approved_ten_times_at_once_refunds_once() {
    let market = Market::start().await;
    let seller = market.seller("Tea House").await;
    let teapot = seller.lists("Teapot", 2500, 5).await;
    let cleo = market.buyer("Cleo").await;
    let order = receives(&seller, &cleo, &teapot, 2).await;
    let wanted = cleo.returns(&order, teapot.sku(), 1).await.created();
    let path = format!("/seller/returns/{}/approve", wanted.id());
    let approvals = (0..10).map(|_| {
        let (client, path) = (seller.client.clone(), path.clone());
        async move { client.post(&path, &json!({})).await.status.as_u16() }
    });
    let statuses = futures::future::join_all(approvals).await;
    assert!(statuses.iter().all(|status| [200, 409].contains(status)) && statuses.contains(&200), "{statuses:?}");
    market.settles().await;
    let payment = cleo.client.get(&format!("/payments/{}", order.text("payment_id"))).await.ok();
    assert_eq!(payment.number("refunded_amount"), 2500);
    assert_eq!(seller.stock(&teapot).await, (4, 0, 4));
    market.ends_clean().await;
}

#[tokio::test]
async fn a_return_after_refunds_gives_back_no_more_than_is_left() {
    let market = Market::start().await;
    let seller = market.seller("Tea House").await;
    let teapot = seller.lists("Teapot", 2500, 50).await;
    let cleo = market.buyer("Cleo").await;
    for refunded in [2000, 2500] {
        let order = receives(&seller, &cleo, &teapot, 1).await;
        let refunds = format!("/payments/{}/refunds", order.text("payment_id"));
        market.admin.client.post(&refunds, &json!({"amount": refunded, "reason": "sorry"})).await.created();
        market.settles().await;
        let wanted = cleo.returns(&order, teapot.sku(), 1).await;
        if wanted.status == 201 {
            let path = format!("/seller/returns/{}/approve", wanted.data().id());
            let approved = seller.client.post(&path, &json!({})).await;
            assert!([200, 409].contains(&approved.status.as_u16()), "{approved}");
        }
        market.settles().await;
        let payment = cleo.client.get(&format!("/payments/{}", order.text("payment_id"))).await.ok();
        assert!(payment.number("refunded_amount") <= 2500);
    }
    market.ends_clean().await;
}

#[tokio::test]
async fn a_key_of_the_buyer_tells_strangers_nothing_about_the_return() {
    let market = Market::start().await;
    let seller = market.seller("Tea House").await;
    let teapot = seller.lists("Teapot", 2500, 50).await;
    let (cleo, mallory) = (market.buyer("Cleo").await, market.buyer("Mallory").await);
    let order = receives(&seller, &cleo, &teapot, 1).await;
    let (path, form) = (
        format!("/orders/{}/returns", order.id()),
        json!({"items": [{"sku_id": teapot.sku(), "quantity": 1}], "reason": "does not fit"}),
    );
    let first = cleo.client.post(&path, &form).key("1").await.created();
    assert_eq!(cleo.client.post(&path, &form).key("1").await.created(), first);
    mallory.client.post(&path, &form).key("1").await.not_found();
    market.client.post(&path, &form).key("1").await.is(401);
    market.ends_clean().await;
}
