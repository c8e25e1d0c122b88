//! Reviews by who bought and received.

use serde_json::{Value, json};
use souk_tests::{Buyer, Market, Seller, Thing, eventually};

fn review(rating: i64) -> Value {
    json!({"rating": rating, "title": "Fine", "body": "Pours well."})
}

async fn receives(seller: &Seller, buyer: &Buyer, product: &Thing) {
    let order = buyer.buys(product, 1).await;
    seller.ships(&order).await;
    seller.delivers(&order).await;
}

#[tokio::test]
async fn only_who_received_it_reviews_it_and_only_once() {
    let market = Market::start().await;
    let seller = market.seller("Tea House").await;
    let teapot = seller.lists("Teapot", 2500, 5).await;
    let path = format!("/products/{}/reviews", teapot.id());
    let (cleo, ben) = (market.buyer("Cleo Patra").await, market.buyer("Ben").await);
    let order = cleo.buys(&teapot, 1).await;
    cleo.client.post(&path, &review(5)).await.is(403);
    seller.ships(&order).await;
    cleo.client.post(&path, &review(5)).await.is(403);
    seller.delivers(&order).await;
    let posted = cleo.client.post(&path, &review(5)).await.created();
    assert!(posted.id().starts_with("rev_"));
    cleo.client.post(&path, &review(1)).await.is(409);
    ben.client.post(&path, &review(1)).await.is(403);
    market.client.post(&path, &review(1)).await.is(401);
    let reviews = market.client.get(&path).await.rows();
    assert_eq!(reviews.len(), 1);
    assert!(!reviews[0].to_string().contains(&cleo.email) && !reviews[0].to_string().contains("Patra"));
    market.ends_clean().await;
}

#[tokio::test]
async fn ratings_are_averaged_on_the_product_and_its_seller() {
    let market = Market::start().await;
    let seller = market.seller("Tea House").await;
    let teapot = seller.lists("Teapot", 2500, 5).await;
    let path = format!("/products/{}/reviews", teapot.id());
    for (name, rating) in [("Cleo", 5), ("Ben", 2)] {
        let buyer = market.buyer(name).await;
        receives(&seller, &buyer, &teapot).await;
        buyer.client.post(&path, &review(rating)).await.created();
    }
    market.settles().await;
    let shown = market.client.get(&format!("/products/{}", teapot.id())).await.ok();
    assert_eq!((&shown["rating"]["average"], &shown["rating"]["count"]), (&json!(3.5), &json!(2)));
    let rating = &market.client.get(&format!("/sellers/{}", seller.id)).await.ok()["rating"].clone();
    assert_eq!((&rating["average"], &rating["count"]), (&json!(3.5), &json!(2)));
    market.ends_clean().await;
}

#[tokio::test]
async fn a_bad_review_names_its_fields() {
    let market = Market::start().await;
    let seller = market.seller("Tea House").await;
    let teapot = seller.lists("Teapot", 2500, 5).await;
    let path = format!("/products/{}/reviews", teapot.id());
    let cleo = market.buyer("Cleo").await;
    receives(&seller, &cleo, &teapot).await;
    for rating in [0, 6, -1, 1_000_000] {
        cleo.client.post(&path, &review(rating)).await.invalid(&["rating"]);
    }
    cleo.client.post(&path, &json!({"rating": 4.5, "title": "x", "body": "y"})).await.malformed(&["rating"]);
    let long = json!({"rating": 0, "title": "x".repeat(10_000), "body": "y".repeat(100_000)});
    cleo.client.post(&path, &long).await.invalid(&["rating", "title", "body"]);
    market.ends_clean().await;
}

/// Product and seller have so many reviews, also for those who keep copies.
async fn everywhere_rated(market: &Market, seller: &Seller, count: i64) {
    market.settles().await;
    let profile = market.client.get(&format!("/sellers/{}", seller.id)).await.ok();
    assert_eq!(profile["rating"]["count"], count, "identity: {profile:?}");
    eventually("the index has the rating", async || {
        let found = market.client.get("/search?q=teapot").await.ok();
        let hit = &found.list("hits")[0];
        (hit["rating"]["count"] == count && hit["seller"]["rating"]["count"] == count).then_some(())
    })
    .await;
}

#[tokio::test]
async fn the_operator_hides_a_review_and_the_rating_follows() {
    let market = Market::start().await;
    let seller = market.seller("Tea House").await;
    let teapot = seller.lists("Teapot", 2500, 5).await;
    let path = format!("/products/{}/reviews", teapot.id());
    let cleo = market.buyer("Cleo").await;
    receives(&seller, &cleo, &teapot).await;
    let posted = cleo.client.post(&path, &review(1)).await.created();
    everywhere_rated(&market, &seller, 1).await;
    seller.client.post(&format!("/admin/reviews/{}/hide", posted.id()), &json!({})).await.is(403);
    market.admin.client.post(&format!("/admin/reviews/{}/hide", posted.id()), &json!({})).await.data();
    assert!(market.client.get(&path).await.rows().is_empty());
    let shown = market.client.get(&format!("/products/{}", teapot.id())).await.ok();
    assert_eq!(shown["rating"]["count"], 0);
    assert_eq!(market.admin.client.get("/admin/reviews").await.rows().len(), 1);
    everywhere_rated(&market, &seller, 0).await;
    for _ in 0..2 {
        market.admin.client.post(&format!("/admin/reviews/{}/show", posted.id()), &json!({})).await.data();
        everywhere_rated(&market, &seller, 1).await;
    }
    market.ends_clean().await;
}

#[tokio::test]
async fn one_review_posted_twenty_times_at_once_is_one() {
    let market = Market::start().await;
    let seller = market.seller("Tea House").await;
    let teapot = seller.lists("Teapot", 2500, 5).await;
    let path = format!("/products/{}/reviews", teapot.id());
    let cleo = market.buyer("Cleo").await;
    receives(&seller, &cleo, &teapot).await;
    let posts = (0..20).map(|_| {
        let (client, path) = (cleo.client.clone(), path.clone());
        async move { client.post(&path, &review(5)).await.status.as_u16() }
    });
    let mut statuses = futures::future::join_all(posts).await;
    statuses.sort_unstable();
    assert_eq!((statuses[0], &statuses[1..]), (201, &[409; 19][..]));
    let shown = market.client.get(&format!("/products/{}", teapot.id())).await.ok();
    assert_eq!(shown["rating"]["count"], 1);
    market.ends_clean().await;
}
