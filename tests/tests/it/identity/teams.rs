//! Teams of sellers: owner, manager, staff.

use serde_json::json;
use souk_tests::{Buyer, Market, Seller};

async fn joins(seller: &Seller, buyer: &Buyer, role: &str) {
    let member = json!({"email": buyer.email, "role": role});
    seller.client.post(&format!("/sellers/{}/members", seller.id), &member).await.created();
}

#[tokio::test]
async fn a_member_works_for_the_seller_at_once() {
    let market = Market::start().await;
    let (seller, ben) = (market.seller("Tea House").await, market.buyer("Ben").await);
    ben.client.post("/products", &seller.product("Teapot", 2500, 5)).await.is(403);
    joins(&seller, &ben, "staff").await;
    let teapot = ben.client.post("/products", &seller.product("Teapot", 2500, 5)).await.created();
    assert_eq!(teapot["seller"]["id"], *seller.id);
    let members = seller.client.get(&format!("/sellers/{}/members", seller.id)).await.rows();
    assert_eq!(members.len(), 2);
    let member = format!("/sellers/{}/members/{}", seller.id, ben.user_id.as_deref().unwrap());
    seller.client.delete(&member).await.no_content();
    // A standing may be remembered for two seconds.
    market.passes(std::time::Duration::from_secs(3)).await;
    ben.client.post("/products", &seller.product("Cup", 900, 5)).await.is(403);
    market.ends_clean().await;
}

#[tokio::test]
async fn each_role_may_do_what_its_row_in_the_table_says() {
    let market = Market::start().await;
    let seller = market.seller("Tea House").await;
    let (manager, staff) = (market.buyer("Mia").await, market.buyer("Stan").await);
    joins(&seller, &manager, "manager").await;
    joins(&seller, &staff, "staff").await;
    let profile = format!("/sellers/{}", seller.id);
    let members = format!("/sellers/{}/members", seller.id);
    let newcomer = market.buyer("Nina").await;
    let invitation = json!({"email": newcomer.email, "role": "staff"});
    manager.client.put(&profile, &json!({"description": "By the manager."})).await.ok();
    manager.client.get("/seller/balance").await.ok();
    manager.client.post(&members, &invitation).await.is(403);
    staff.client.put(&profile, &json!({"description": "By the staff."})).await.is(403);
    staff.client.get("/seller/balance").await.is(403);
    staff.client.post(&members, &invitation).await.is(403);
    staff.client.get("/seller/orders").await.rows();
    seller.client.post(&members, &invitation).await.created();
    market.ends_clean().await;
}

#[tokio::test]
async fn a_team_keeps_an_owner() {
    let market = Market::start().await;
    let (seller, ben) = (market.seller("Tea House").await, market.buyer("Ben").await);
    let owner = format!("/sellers/{}/members/{}", seller.id, seller.user_id);
    seller.client.delete(&owner).await.refused(409, "last_owner");
    seller.client.put(&owner, &json!({"role": "staff"})).await.refused(409, "last_owner");
    joins(&seller, &ben, "owner").await;
    seller.client.delete(&owner).await.no_content();
    market.ends_clean().await;
}

#[tokio::test]
async fn nobody_belongs_to_two_teams() {
    let market = Market::start().await;
    let (seller, rival) = (market.seller("Tea House").await, market.seller("Coffee House").await);
    let raid = json!({"email": rival.email, "role": "staff"});
    seller.client.post(&format!("/sellers/{}/members", seller.id), &raid).await.refused(409, "already_in_team");
    let outsider = market.buyer("Ben").await;
    let path = format!("/sellers/{}/members", seller.id);
    outsider.client.get(&path).await.is(403);
    rival.client.post(&path, &json!({"email": outsider.email, "role": "owner"})).await.is(403);
    market.ends_clean().await;
}
