//! What besides the words decides the order.

use futures::future::join_all;
use sea_orm::{ConnectionTrait, Statement};
use souk_tests::Market;

use super::finds;

#[tokio::test]
async fn what_sells_and_can_be_had_comes_first() {
    let market = Market::start().await;
    let seller = market.seller("Tea House").await;
    seller.lists("Mug white", 900, 0).await;
    let popular = seller.lists("Mug brown", 900, 50).await;
    seller.lists("Mug black", 900, 50).await;
    market.buyer("Cleo").await.buys(&popular, 20).await;
    market.settles().await;
    finds(&market, "q=mug", &["Mug brown", "Mug black", "Mug white"]).await;
    finds(&market, "q=mug&sort=popular&limit=1", &["Mug brown"]).await;
    market.ends_clean().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sales_that_come_together_all_count() {
    let market = Market::start().await;
    let seller = market.seller("Tea House").await;
    let brown = seller.lists("Mug brown", 900, 24).await;
    let black = seller.lists("Mug black", 900, 50).await;
    let names = ["Abel", "Bea", "Carl", "Dora", "Emil", "Fay", "Gus", "Hedy"];
    let buyers = join_all(names.map(|name| market.buyer(name))).await;
    join_all(buyers.iter().map(async |buyer| {
        buyer.buys(&brown, 3).await;
        buyer.buys(&black, 1).await;
    }))
    .await;
    market.settles().await;
    // The brown one is popular, and sold out.
    finds(&market, "q=mug&sort=popular", &["Mug brown", "Mug black"]).await;
    finds(&market, "q=mug&in_stock=true", &["Mug black"]).await;
    let db = market.databases().search();
    let sql = "SELECT popularity FROM documents ORDER BY popularity";
    let query = Statement::from_string(db.reader().get_database_backend(), sql);
    let rows = db.reader().query_all_raw(query).await.unwrap();
    let sold: Vec<i64> = rows.iter().map(|row| row.try_get("", "popularity").unwrap()).collect();
    assert_eq!(sold, [8, 24]);
    market.ends_clean().await;
}

#[tokio::test]
async fn reviews_count_and_can_be_filtered_by() {
    let market = Market::start().await;
    let seller = market.seller("Tea House").await;
    let good = seller.lists("Mug good", 900, 5).await;
    let plain = seller.lists("Mug plain", 900, 5).await;
    let buyer = market.buyer("Cleo").await;
    let order = buyer.buys(&good, 1).await;
    seller.ships(&order).await;
    seller.delivers(&order).await;
    let review = serde_json::json!({"rating": 5, "title": "Good", "body": "Holds tea."});
    buyer.client.post(&format!("/products/{}/reviews", good.id()), &review).await.created();
    market.settles().await;
    let answer = finds(&market, "q=mug&rating_min=4", &["Mug good"]).await;
    assert_eq!(answer["hits"][0]["rating"], serde_json::json!({"average": 5.0, "count": 1}));
    finds(&market, "q=mug&sort=rating", &["Mug good", plain.text("title")]).await;
    market.ends_clean().await;
}
