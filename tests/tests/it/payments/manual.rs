//! Bank transfers: the operator says when the money came.

use serde_json::json;
use souk_tests::Market;

#[tokio::test]
async fn a_bank_transfer_is_confirmed_and_refunded_by_hand() {
    let market = Market::start().await;
    let seller = market.seller("Tea House").await;
    let teapot = seller.lists("Teapot", 2500, 5).await;
    let cleo = market.buyer("Cleo").await;
    let mut form = cleo.order_form_for(&teapot, 1);
    form["payment_provider"] = json!("manual");
    let order = cleo.tries_to_order(&form).await.created();
    assert_eq!(order["status"], "pending_payment");
    let path = format!("/admin/payments/{}/capture", order.text("payment_id"));
    seller.client.post(&path, &json!({})).await.is(403);
    cleo.client.post(&path, &json!({})).await.is(403);
    for _ in 0..2 {
        market.admin.client.post(&path, &json!({})).await;
    }
    cleo.sees(&order, "confirmed").await;
    market.settles().await;
    assert_eq!(seller.balance().await, (2250, 0, 0));
    cleo.cancels(&order).await.ok();
    market.settles().await;
    assert_eq!(cleo.order(&order).await["status"], "cancelled", "until somebody sent the money back");
    let waiting = market.admin.client.get("/admin/refunds?status=pending").await.rows();
    assert_eq!(waiting.len(), 1);
    market.admin.client.post(&format!("/admin/refunds/{}/complete", waiting[0].id()), &json!({})).await.ok();
    cleo.sees(&order, "refunded").await;
    assert_eq!(seller.stock(&teapot).await, (5, 0, 5));
    market.ends_clean().await;
}

#[tokio::test]
async fn only_bank_transfers_are_captured_by_hand() {
    let market = Market::start().await;
    let seller = market.seller("Tea House").await;
    let teapot = seller.lists("Teapot", 2500, 5).await;
    let cleo = market.buyer("Cleo").await;
    let order = cleo.orders(&teapot, 1).await;
    let path = format!("/admin/payments/{}/capture", order.text("payment_id"));
    market.admin.client.post(&path, &json!({})).await.is(409);
    assert_eq!(cleo.order(&order).await["status"], "pending_payment");
    market.ends_clean().await;
}
