use axum::http::Method;
use serde_json::json;

use super::Market;

#[tokio::test]
async fn the_tree_counts_products_and_describes_them() {
    let market = Market::open().await;
    let (shop, admin) = (market.shop("A"), market.admin());
    let computers = json!({"name": "Computers", "attributes": [
        {"key": "ram", "label": "Memory", "type": "number", "unit": "GB", "required": true, "filterable": true},
    ]});
    let computers = market.post(admin, "/categories", computers).await.data(201);
    let laptops = json!({"name": "Laptops", "parent_id": "computers", "attributes": [
        {"key": "size", "type": "enum", "options": ["13", "15"]},
    ]});
    let laptops = market.post(admin, "/categories", laptops).await.data(201);
    assert_eq!(laptops["path"], json!(["Computers", "Laptops"]));
    let body = |attributes| json!({"title": "T", "category_id": "laptops", "price": 1, "attributes": attributes});
    let bad = market.post(shop.person, "/products", body(json!({"size": "14"}))).await;
    assert_eq!(bad.error(422).1, ["attributes.size", "attributes.ram"]);
    let made =
        market.post(shop.person, "/products", body(json!({"size": "15", "ram": 16, "free": "x"}))).await.data(201);
    assert_eq!(made["attributes"], json!({"size": "15", "ram": 16, "free": "x"}));
    let tree = market.get("/categories").await;
    assert_eq!(tree.json["meta"]["page"]["total"], 1);
    let tree = tree.data(200);
    assert_eq!((&tree[0]["id"], &tree[0]["product_count"]), (&computers["id"], &json!(1)));
    assert_eq!(
        (&tree[0]["children"][0]["slug"], &tree[0]["children"][0]["product_count"]),
        (&json!("laptops"), &json!(1))
    );
    assert_eq!(market.get("/products?category=computers&attr.ram_min=16").await.json["meta"]["page"]["total"], 1);
    market.delete(shop.person, &format!("/products/{}", made["id"].as_str().unwrap())).await;
    assert_eq!(market.get("/categories/computers").await.data(200)["product_count"], 0);
    for bad in ["limit=", "limit=0", "limit=101", "offset=", "offset=-1"] {
        assert_eq!(market.get(&format!("/categories?{bad}")).await.status, 400, "{bad}");
    }
}

#[tokio::test]
async fn categories_are_moved_but_never_below_themselves_and_emptied_before_they_go() {
    let market = Market::open().await;
    let (shop, admin) = (market.shop("A"), market.admin());
    let (a, b) = (market.category("A").await, market.category("B").await);
    let path = |id: &str| format!("/categories/{id}");
    assert_eq!(market.put(market.buyer(), &path(&a), json!({"name": "X"})).await.status, 403);
    assert_eq!(market.put(admin, &path(&b), json!({"parent_id": a})).await.data(200)["version"], 2);
    assert_eq!(market.put(admin, &path(&a), json!({"parent_id": b})).await.error(422).1, ["parent_id"]);
    assert_eq!(market.put(admin, &path(&b), json!({"name": "B", "version": 1})).await.status, 412);
    assert_eq!(market.put(admin, &path(&b), json!({"parent_id": null})).await.data(200)["parent_id"], json!(null));
    assert_eq!(market.post(admin, "/categories", json!({"name": "A"})).await.data(201)["slug"], "a-2");
    assert_eq!(market.post(admin, "/categories", json!({"name": "A", "slug": "a"})).await.error(409).0, "slug_taken");
    let made = market.product(shop, &b, "Thing", 1, 1).await;
    assert_eq!(market.delete(admin, &path(&b)).await.error(409).0, "category_in_use");
    assert_eq!(market.delete(admin, &format!("{}?move_to={b}", path(&b))).await.status, 422);
    assert_eq!(market.delete(admin, &format!("{}?move_to=a", path(&b))).await.status, 204);
    let moved = market.get(&format!("/products/{}", made["id"].as_str().unwrap())).await.data(200);
    assert_eq!(moved["category"]["slug"], "a");
    assert_eq!(market.get(&path(&b)).await.status, 404);
    let bad = json!({"name": "", "slug": "Not A Slug", "parent_id": "x", "attributes": [
        {"key": "", "type": "colour"}, {"key": "k", "type": "enum"}, {"key": "k", "type": "text", "options": ["x"]},
    ]});
    let (_, fields) = market.send(Some(admin), Method::POST, "/categories", Some(bad)).await.error(422);
    assert!(fields.len() >= 7, "{fields:?}");
    market.verify().await;
}
