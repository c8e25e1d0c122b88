//! What the operator learns of what people look for.

use serde_json::json;
use souk_tests::Market;

use super::finds;

#[tokio::test]
async fn the_operator_sees_top_queries_failed_ones_and_clicks() {
    let market = Market::start().await;
    let teapot = market.seller("Tea House").await.lists("Teapot", 2500, 5).await;
    finds(&market, "q=teapot", &["Teapot"]).await;
    for _ in 0..3 {
        market.client.get("/search?q=Samovar!").await.ok();
    }
    let click = json!({"q": "Teapot", "product_id": teapot.id()});
    market.client.post("/search/clicks", &click).await.no_content();
    let unknown = json!({"q": "Teapot", "product_id": "prod_7zzzzzzzzzzzzzzzzzzzzzzzzz"});
    market.client.post("/search/clicks", &unknown).await.no_content();
    let failed = market.admin.client.get("/admin/search/queries?ranking=without_results").await.rows();
    let failed = failed.iter().find(|query| query["query"] == "samovar").expect("it failed");
    assert_eq!((&failed["without_results"], &failed["searches"]), (&json!(3), &json!(3)));
    let clicked = market.admin.client.get("/admin/search/queries?ranking=clicked").await.rows();
    assert_eq!((&clicked[0]["query"], &clicked[0]["clicks"]), (&json!("teapot"), &json!(1)));
    let top = market.admin.client.get("/admin/search/queries").await.rows();
    assert!(top.iter().any(|query| query["query"] == "samovar" && query["searches"] == 3));
    let index = market.admin.client.get("/admin/search/index").await.ok();
    assert_eq!((&index["products"], &index["expected"], &index["answers"]), (&json!(1), &json!(1), &json!(true)));
    market.client.get("/admin/search/queries").await.is(401);
    market.buyer("Cleo").await.client.get("/admin/search/queries").await.is(403);
    market.ends_clean().await;
}
