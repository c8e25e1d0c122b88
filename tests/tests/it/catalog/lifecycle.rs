//! Drafts, moderation, archiving.

use serde_json::json;
use souk_tests::Market;

#[tokio::test]
async fn a_draft_is_seen_by_its_seller_only() {
    let market = Market::start().await;
    let (seller, rival) = (market.seller("Tea House").await, market.seller("Coffee House").await);
    let mut teapot = seller.product("Teapot", 2500, 5);
    teapot["status"] = json!("draft");
    let teapot = seller.lists_as(&teapot).await;
    assert_eq!(teapot["status"], "draft");
    let path = format!("/products/{}", teapot.id());
    for stranger in [&market.client, &rival.client, &market.buyer("Cleo").await.client] {
        stranger.get(&path).await.not_found();
        assert!(stranger.get("/products").await.rows().is_empty());
        assert!(stranger.get("/products?status=draft").await.rows().is_empty());
    }
    assert_eq!(seller.client.get(&path).await.ok()["status"], "draft");
    assert_eq!(seller.client.get("/products?status=draft").await.rows().len(), 1);
    market.guest().tries_to_add(teapot.sku(), 1).await.is(409);
    seller.client.put(&path, &json!({"status": "active"})).await.ok();
    market.client.get(&path).await.ok();
    market.guest().adds(&teapot, 1).await;
    market.ends_clean().await;
}

#[tokio::test]
async fn an_archived_product_is_gone_for_the_public_and_archived_for_its_seller() {
    let market = Market::start().await;
    let seller = market.seller("Tea House").await;
    let teapot = seller.lists("Teapot", 2500, 5).await;
    let path = format!("/products/{}", teapot.id());
    market.client.get(&path).await.ok();
    let deleted = seller.client.delete(&path).await;
    assert!([200, 204].contains(&deleted.status.as_u16()), "{deleted}");
    market.client.get(&path).await.not_found();
    market.client.get("/products/teapot").await.not_found();
    assert!(market.client.get("/products").await.rows().is_empty());
    assert_eq!(seller.client.get(&path).await.ok()["status"], "archived");
    assert_eq!(seller.client.get("/products?status=archived").await.rows().len(), 1);
    market.guest().tries_to_add(teapot.sku(), 1).await.is(409);
    seller.client.put(&path, &json!({"price": 1})).await.is(409);
    market.ends_clean().await;
}

#[tokio::test]
async fn where_products_are_moderated_they_wait_for_the_operator() {
    let market = Market::builder().config(|config| config.catalog.moderation = true).start().await;
    let seller = market.seller("Tea House").await;
    let teapot = seller.lists("Teapot", 2500, 5).await;
    assert_eq!(teapot["status"], "pending");
    let path = format!("/products/{}", teapot.id());
    market.client.get(&path).await.not_found();
    seller.client.put(&path, &json!({"status": "active"})).await;
    market.client.get(&path).await.not_found();
    let waiting = market.admin.client.get("/admin/products?status=pending").await.rows();
    assert_eq!(waiting.iter().map(|product| product.id()).collect::<Vec<_>>(), [teapot.id()]);
    seller.client.post(&format!("/admin/products/{}/approve", teapot.id()), &json!({})).await.is(403);
    market.admin.client.post(&format!("/admin/products/{}/approve", teapot.id()), &json!({})).await.ok();
    market.client.get(&path).await.ok();
    market.ends_clean().await;
}

#[tokio::test]
async fn the_operator_sees_and_archives_every_product() {
    let market = Market::start().await;
    let (tea, coffee) = (market.seller("Tea House").await, market.seller("Coffee House").await);
    let teapot = tea.lists("Teapot", 2500, 5).await;
    coffee.lists("Mug", 900, 5).await;
    assert_eq!(market.admin.client.get("/admin/products").await.rows().len(), 2);
    tea.client.get("/admin/products").await.is(403);
    market.admin.client.post(&format!("/admin/products/{}/archive", teapot.id()), &json!({})).await.ok();
    market.client.get(&format!("/products/{}", teapot.id())).await.not_found();
    let archived = market.admin.client.get("/admin/products?status=archived").await.rows();
    assert_eq!(archived.len(), 1);
    assert_eq!(market.admin.client.get("/admin/products?status=active").await.rows().len(), 1);
    market.ends_clean().await;
}

#[tokio::test]
async fn products_of_a_suspended_seller_cannot_be_bought_and_come_back() {
    let market = Market::start().await;
    let seller = market.seller("Tea House").await;
    let teapot = seller.lists("Teapot", 2500, 5).await;
    let cleo = market.buyer("Cleo").await;
    cleo.adds(&teapot, 1).await;
    market.admin.suspends(&seller.id).await;
    market.settles().await;
    assert!(market.client.get("/products?in_stock=true").await.rows().is_empty());
    cleo.tries_to_add(teapot.sku(), 1).await.is(409);
    cleo.tries_to_order(&cleo.order_form()).await.is(409);
    market.admin.approves(&seller.id).await;
    market.settles().await;
    assert_eq!(market.client.get("/products?in_stock=true").await.rows().len(), 1);
    cleo.places_order().await;
    market.ends_clean().await;
}
