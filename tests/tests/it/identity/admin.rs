//! What the operator does with accounts.

use serde_json::json;
use souk_tests::{Market, PASSWORD};

#[tokio::test]
async fn accounts_are_listed_and_filtered() {
    let market = Market::start().await;
    let cleo = market.buyer("Cleo Patra").await;
    for name in ["Ben", "Dora", "Emil"] {
        market.buyer(name).await;
    }
    let all = market.admin.client.get("/admin/users?limit=2").await;
    assert_eq!(all.page()["total"], 5);
    assert_eq!(all.rows().len(), 2);
    let found = market.admin.client.get("/admin/users?q=patra").await.rows();
    assert_eq!(found.iter().map(|user| user.text("email")).collect::<Vec<_>>(), [cleo.email.as_str()]);
    let admins = market.admin.client.get("/admin/users?role=admin").await.rows();
    assert_eq!(admins.len(), 1);
    market.admin.client.get("/admin/users?role=king").await.malformed(&["role"]);
    market.ends_clean().await;
}

#[tokio::test]
async fn roles_are_granted_and_taken_while_tokens_live() {
    let market = Market::start().await;
    let cleo = market.buyer("Cleo").await;
    let path = format!("/admin/users/{}/roles", cleo.user_id.as_deref().unwrap());
    cleo.client.get("/admin/users").await.is(403);
    cleo.client.put(&path, &json!({"roles": ["admin"]})).await.is(403);
    market.admin.client.put(&path, &json!({"roles": ["admin"]})).await.ok();
    cleo.client.get("/admin/users").await.rows();
    market.admin.client.put(&path, &json!({"roles": []})).await.ok();
    market.passes(std::time::Duration::from_secs(3)).await;
    cleo.client.get("/admin/users").await.is(403);
    market.admin.client.put(&path, &json!({"roles": ["seller"]})).await.invalid(&["roles"]);
    market.ends_clean().await;
}

#[tokio::test]
async fn a_suspended_account_is_locked_out_until_it_is_activated() {
    let market = Market::start().await;
    let cleo = market.buyer("Cleo").await;
    let path = format!("/admin/users/{}", cleo.user_id.as_deref().unwrap());
    market.admin.client.post(&format!("{path}/suspend"), &json!({})).await.data();
    market.passes(std::time::Duration::from_secs(3)).await;
    let login = json!({"email": cleo.email, "password": PASSWORD});
    market.client.post("/auth/login", &login).await.refused(403, "account_suspended");
    cleo.client.get("/users/me").await.is(401);
    market.admin.client.post(&format!("{path}/activate"), &json!({})).await.data();
    market.client.post("/auth/login", &login).await.ok();
    market.ends_clean().await;
}

#[tokio::test]
async fn sellers_are_listed_by_status() {
    let market = Market::builder().config(|config| config.sellers.auto_approve = false).start().await;
    let (tea, coffee) = (market.seller("Tea House").await, market.seller("Coffee House").await);
    market.admin.approves(&tea.id).await;
    let pending = market.admin.client.get("/admin/sellers?status=pending").await.rows();
    assert_eq!(pending.iter().map(|seller| seller.id()).collect::<Vec<_>>(), [coffee.id.as_str()]);
    let found = market.admin.client.get("/admin/sellers?q=tea").await.rows();
    assert_eq!(found.len(), 1);
    // The public doesn't see who only applied.
    let public = market.client.get("/sellers").await.rows();
    assert_eq!(public.iter().map(|seller| seller.id()).collect::<Vec<_>>(), [tea.id.as_str()]);
    market.client.get(&format!("/sellers/{}", coffee.id)).await.not_found();
    market.ends_clean().await;
}

#[tokio::test]
async fn support_sees_what_the_operator_sees_and_decides_nothing() {
    let market = Market::start().await;
    let seller = market.seller("Tea House").await;
    let teapot = seller.lists("Teapot", 2500, 5).await;
    let order = market.buyer("Cleo").await.buys(&teapot, 1).await;
    let sam = market.buyer("Sam").await;
    let roles = format!("/admin/users/{}/roles", sam.user_id.as_deref().unwrap());
    market.admin.client.put(&roles, &json!({"roles": ["support"]})).await.ok();
    for path in ["users", "sellers", "orders", "payments", "products", "reviews", "commission-rules"] {
        sam.client.get(&format!("/admin/{path}")).await.rows();
    }
    sam.client.get(&format!("/orders/{}", order.id())).await.ok();
    // Mails hold secret links.
    sam.client.get("/admin/mail").await.is(403);
    let refunds = format!("/payments/{}/refunds", order.text("payment_id"));
    for (path, body) in [
        (format!("/admin/sellers/{}/suspend", seller.id), json!({})),
        (format!("/admin/products/{}/archive", teapot.id()), json!({})),
        ("/admin/commission-rules".to_owned(), json!({"seller_id": seller.id, "basis_points": 0})),
        ("/categories".to_owned(), json!({"name": "Mine"})),
    ] {
        sam.client.post(&path, &body).await.is(403);
    }
    sam.client.put(&roles, &json!({"roles": ["admin"]})).await.is(403);
    sam.client.put(&format!("/orders/{}/cancel", order.id()), &json!({})).await.is(403);
    let refund = sam.client.post(&refunds, &json!({"reason": "please"})).await;
    assert!([403, 404].contains(&refund.status.as_u16()), "{refund}");
    market.ends_clean().await;
}

#[tokio::test]
async fn the_keys_that_verify_tokens_are_public_and_hold_nothing_private() {
    let market = Market::start().await;
    let keys = market.client.at_root().get("/.well-known/jwks.json").await.is(200).json;
    let key = &keys["keys"][0];
    assert_eq!((&key["kty"], &key["crv"]), (&json!("OKP"), &json!("Ed25519")));
    assert!(key["kid"].is_string() && key["x"].is_string() && key.get("d").is_none());
    market.ends_clean().await;
}
