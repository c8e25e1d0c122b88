//! Becoming a seller.

use serde_json::json;
use souk_tests::{Market, Seller};

fn product(seller: &Seller) -> serde_json::Value {
    seller.product("Teapot", 2500, 5)
}

#[tokio::test]
async fn an_application_waits_for_the_operator() {
    let market = Market::builder().config(|config| config.sellers.auto_approve = false).start().await;
    let seller = market.seller("Tea House").await;
    let own = seller.client.get(&format!("/sellers/{}", seller.id)).await.ok();
    assert_eq!(
        (&own["status"], &own["name"], &own["slug"]),
        (&json!("pending"), &json!("Tea House"), &json!("tea-house"))
    );
    assert!(own.id().starts_with("seller_"));
    seller.client.post("/products", &product(&seller)).await.is(403);
    // The old token is enough as soon as the operator agrees.
    market.admin.approves(&seller.id).await;
    seller.client.post("/products", &product(&seller)).await.created();
    let shown = market.client.get(&format!("/sellers/{}", seller.id)).await.ok();
    assert_eq!(shown["status"], "approved");
    let me = seller.client.get("/users/me").await.ok();
    assert_eq!(me["roles"], json!(["buyer", "seller"]));
    market.ends_clean().await;
}

#[tokio::test]
async fn sellers_may_be_approved_at_once() {
    let market = Market::start().await;
    let cleo = market.buyer("Cleo").await;
    let application = json!({"name": "Tea House", "description": "Tea."});
    let seller = cleo.client.post("/sellers", &application).await.created();
    assert_eq!(seller["status"], "approved");
    assert!(seller["rating"].is_object() && seller["slug"] == "tea-house");
    cleo.client.post("/sellers", &application).await.is(409);
    market.client.post("/sellers", &application).await.is(401);
    market.ends_clean().await;
}

#[tokio::test]
async fn approval_and_suspension_are_written_to_the_owner() {
    let market = Market::builder().config(|config| config.sellers.auto_approve = false).start().await;
    let seller = market.seller("Tea House").await;
    market.admin.approves(&seller.id).await;
    let approved = market.mail_to(&seller.email).await;
    assert!(approved.iter().any(|mail| mail.text("template").contains("approved")), "{approved:?}");
    market.admin.suspends(&seller.id).await;
    let suspended = market.mail_to(&seller.email).await;
    assert!(suspended.len() > approved.len(), "{suspended:?}");
    market.ends_clean().await;
}

#[tokio::test]
async fn approving_and_suspending_twice_is_harmless() {
    let market = Market::start().await;
    let seller = market.seller("Tea House").await;
    for _ in 0..2 {
        market.admin.suspends(&seller.id).await;
    }
    let mails = market.mail_to(&seller.email).await.len();
    for _ in 0..2 {
        market.admin.approves(&seller.id).await;
    }
    assert!(market.mail_to(&seller.email).await.len() <= mails + 1);
    let unknown = "/admin/sellers/seller_01h455vb4pex5vsknk084sn02q/approve";
    market.admin.client.post(unknown, &json!({})).await.not_found();
    market.ends_clean().await;
}

#[tokio::test]
async fn only_the_operator_approves_and_suspends() {
    let market = Market::builder().config(|config| config.sellers.auto_approve = false).start().await;
    let seller = market.seller("Tea House").await;
    let cleo = market.buyer("Cleo").await;
    for action in ["approve", "suspend"] {
        let path = format!("/admin/sellers/{}/{action}", seller.id);
        seller.client.post(&path, &json!({})).await.is(403);
        cleo.client.post(&path, &json!({})).await.is(403);
        market.client.post(&path, &json!({})).await.is(401);
    }
    market.admin.approves(&seller.id).await;
    market.ends_clean().await;
}

#[tokio::test]
async fn a_suspended_seller_changes_nothing_and_still_serves_old_orders() {
    let market = Market::start().await;
    let seller = market.seller("Tea House").await;
    let teapot = seller.lists("Teapot", 2500, 5).await;
    let order = market.buyer("Cleo").await.buys(&teapot, 1).await;
    market.admin.suspends(&seller.id).await;
    market.settles().await;
    market.passes(std::time::Duration::from_secs(3)).await;
    seller.client.post("/products", &product(&seller)).await.is(403);
    seller.client.put(&format!("/products/{}", teapot.id()), &json!({"price": 1})).await.is(403);
    seller.ships(&order).await;
    market.ends_clean().await;
}

#[tokio::test]
async fn a_profile_is_public_and_changed_by_its_team_only() {
    let market = Market::start().await;
    let (seller, rival) = (market.seller("Tea House").await, market.seller("Coffee House").await);
    let path = format!("/sellers/{}", seller.id);
    let seen = market.client.get(&path).await.is(200);
    let etag = seen.text_header("etag").to_owned();
    rival.client.put(&path, &json!({"name": "Closed"})).await.is(403);
    market.client.put(&path, &json!({"name": "Closed"})).await.is(401);
    let changed = seller.client.put(&path, &json!({"description": "The best tea."})).if_match(&etag).await.ok();
    assert_eq!((&changed["name"], &changed["description"]), (&json!("Tea House"), &json!("The best tea.")));
    seller.client.patch(&path, &json!({"name": "Other"})).if_match(&etag).await.refused(412, "version_lost");
    seller.client.patch(&path, &json!({"name": "Teas & More"})).await.ok();
    // The slug stays, links point to it.
    assert_eq!(market.client.get("/sellers/tea-house").await.ok()["name"], "Teas & More");
    market.ends_clean().await;
}

#[tokio::test]
async fn a_new_name_of_a_seller_shows_on_its_products() {
    let market = Market::start().await;
    let seller = market.seller("Tea House").await;
    let teapot = seller.lists("Teapot", 2500, 5).await;
    let path = format!("/products/{}", teapot.id());
    assert_eq!(market.client.get(&path).await.ok()["seller"]["name"], "Tea House");
    seller.client.put(&format!("/sellers/{}", seller.id), &json!({"name": "Teas & More"})).await.ok();
    market.settles().await;
    assert_eq!(market.client.get(&path).await.ok()["seller"]["name"], "Teas & More");
    market.ends_clean().await;
}

#[tokio::test]
async fn a_seller_on_holiday_sells_nothing() {
    let market = Market::start().await;
    let seller = market.seller("Tea House").await;
    let teapot = seller.lists("Teapot", 2500, 5).await;
    let path = format!("/sellers/{}", seller.id);
    seller.client.put(&path, &json!({"holiday": true})).await.ok();
    market.settles().await;
    assert_eq!(market.client.get(&path).await.ok()["status"], "holiday");
    let cleo = market.buyer("Cleo").await;
    cleo.tries_to_add(teapot.sku(), 1).await.is(409);
    cleo.tries_to_order(&cleo.order_form_for(&teapot, 1)).await.is(409);
    seller.client.put(&path, &json!({"holiday": false})).await.ok();
    market.settles().await;
    cleo.buys(&teapot, 1).await;
    market.ends_clean().await;
}

#[tokio::test]
async fn a_seller_on_holiday_still_ships_what_was_paid() {
    let market = Market::start().await;
    let seller = market.seller("Tea House").await;
    let teapot = seller.lists("Teapot", 2500, 5).await;
    let order = market.buyer("Cleo").await.buys(&teapot, 1).await;
    seller.client.put(&format!("/sellers/{}", seller.id), &json!({"holiday": true})).await.ok();
    market.settles().await;
    market.passes(std::time::Duration::from_secs(3)).await;
    seller.ships(&order).await;
    seller.delivers(&order).await;
    market.ends_clean().await;
}
