//! The in-app inbox and what somebody wants to be told.

use serde_json::json;
use souk_tests::Market;

#[tokio::test]
async fn notifications_are_read_one_by_one_or_all_at_once() {
    let market = Market::start().await;
    let seller = market.seller("Tea House").await;
    let teapot = seller.lists("Teapot", 2500, 5).await;
    let (cleo, ben) = (market.buyer("Cleo").await, market.buyer("Ben").await);
    let order = cleo.buys(&teapot, 1).await;
    seller.ships(&order).await;
    market.settles().await;
    let unread = cleo.client.get("/notifications?unread=true").await.rows();
    assert!(unread.len() >= 2, "{unread:?}");
    assert!(unread.iter().all(|notice| notice.id().starts_with("ntf_") && notice["read"] == false));
    let path = format!("/notifications/{}/read", unread[0].id());
    ben.client.put(&path, &json!({})).await.not_found();
    assert_eq!(cleo.client.put(&path, &json!({})).await.ok()["read"], true);
    assert_eq!(cleo.client.get("/notifications?unread=true").await.rows().len(), unread.len() - 1);
    cleo.client.put("/notifications/read", &json!({})).await.ok();
    assert!(cleo.client.get("/notifications?unread=true").await.rows().is_empty());
    assert_eq!(cleo.client.get("/notifications").await.rows().len(), unread.len());
    assert!(ben.client.get("/notifications").await.rows().iter().all(|notice| !unread.contains(notice)));
    market.client.get("/notifications").await.is(401);
    market.ends_clean().await;
}

#[tokio::test]
async fn who_wants_no_mail_gets_none_and_still_resets_the_password() {
    let market = Market::start().await;
    let seller = market.seller("Tea House").await;
    let teapot = seller.lists("Teapot", 2500, 5).await;
    let cleo = market.buyer("Cleo").await;
    let preferences = cleo.client.get("/notifications/preferences").await.ok();
    assert_eq!(preferences["orders"]["email"], true);
    let none = json!({"orders": {"email": false, "in_app": true}});
    let changed = cleo.client.put("/notifications/preferences", &none).await.ok();
    assert_eq!(changed["orders"], none["orders"]);
    let before = market.mail_to(&cleo.email).await.len();
    cleo.buys(&teapot, 1).await;
    assert_eq!(market.mail_to(&cleo.email).await.len(), before);
    assert!(!cleo.client.get("/notifications").await.rows().is_empty());
    market.client.post("/auth/password/forgot", &json!({"email": cleo.email})).await.is(202);
    assert_eq!(market.mail_to(&cleo.email).await.len(), before + 1);
    cleo.client.put("/notifications/preferences", &json!({"orders": {"pigeon": true}})).await.is(400);
    cleo.client.put("/notifications/preferences", &json!({"spam": {"email": true}})).await.malformed(&["spam"]);
    market.client.put("/notifications/preferences", &none).await.is(401);
    market.ends_clean().await;
}
