use axum::http::Method;
use serde_json::json;

use super::Market;

#[tokio::test]
async fn who_received_a_product_reviews_it_once() {
    let market = Market::open().await;
    let (shop, category) = (market.shop("A"), market.category("C").await);
    let made = market.product(shop, &category, "Thing", 5, 1).await;
    let (id, buyer, other) = (made["id"].as_str().unwrap(), market.buyer(), market.buyer());
    let path = format!("/products/{id}/reviews");
    assert_eq!(market.send(None, Method::POST, &path, Some(json!({"rating": 5}))).await.status, 401);
    assert_eq!(market.post(buyer, &path, json!({"rating": 5})).await.error(403).0, "not_received");
    market.neighbours.deliver(buyer, id);
    market.neighbours.deliver(other, id);
    let bad = json!({"rating": 6, "title": "x".repeat(201), "body": "x".repeat(5_001)});
    assert_eq!(market.post(buyer, &path, bad).await.error(422).1, ["rating", "title", "body"]);
    let review = market.post(buyer, &path, json!({"rating": 5, "title": "Good", "body": "Very"})).await.data(201);
    assert_eq!(review["author"], "Ada");
    assert_eq!(market.post(buyer, &path, json!({"rating": 1})).await.error(409).0, "already_reviewed");
    market.post(other, &path, json!({"rating": 2})).await.data(201);
    let product = market.get(&format!("/products/{id}")).await.data(200);
    assert_eq!((&product["rating"], &product["version"]), (&json!({"average": 3.5, "count": 2}), &json!(1)));
    assert_eq!(product["seller"]["rating"]["count"], 2);
    let listed = market.get(&format!("{path}?limit=1")).await;
    assert_eq!((&listed.json["meta"]["page"]["total"], &listed.json["data"][0]["rating"]), (&json!(2), &json!(2)));
    let cursor = listed.json["meta"]["page"]["next_cursor"].as_str().unwrap();
    assert_eq!(market.get(&format!("{path}?cursor={cursor}")).await.data(200)[0]["rating"], 5);

    let action = |word: &str| format!("/admin/reviews/{}/{word}", review["id"].as_str().unwrap());
    let hidden = market.send(Some(market.admin()), Method::POST, &action("hide"), None).await.data(200);
    assert_eq!(hidden["hidden"], true);
    assert_eq!(market.get(&path).await.json["meta"]["page"]["total"], 1);
    assert_eq!(market.get(&format!("/products/{id}")).await.data(200)["rating"], json!({"average": 2.0, "count": 1}));
    market.verify().await;
    market.send(Some(market.admin()), Method::POST, &action("show"), Some(json!({}))).await.data(200);
    let all = market.get_as(market.admin(), &format!("/admin/reviews?hidden=false&product_id={id}")).await;
    assert_eq!(all.json["meta"]["page"]["total"], 2);
    market.verify().await;
}
