use serde_json::json;
use souk_contracts::catalog::{
    AttributeDefinition, EnsureCategoryRequest, FindSkusRequest, ImportProduct, ImportProductsRequest,
};

use super::{Market, Shop};

async fn category(market: &Market, attributes: Vec<AttributeDefinition>) -> String {
    let request = EnsureCategoryRequest { slug: "other".into(), name: "Other".into(), attributes };
    market.catalog.clone().ensure_category(request).await.unwrap().into_inner().category_id
}

fn line(n: usize, category: &str) -> ImportProduct {
    ImportProduct {
        external_id: n.to_string(),
        title: format!("Product {}", n % 100),
        category_id: category.to_owned(),
        price: 100 + i64::try_from(n).unwrap(),
        currency: "GBP".into(),
        stock: 100,
        attributes_json: json!({"colour": "red", "ean": ["1", "2"], "n": n}).to_string(),
        images: vec!["http://images.example/1.jpg".into()],
        ..ImportProduct::default()
    }
}

/// The outcomes, counted: created, updated, unchanged, refused.
async fn import(market: &Market, shop: Shop, products: Vec<ImportProduct>) -> [usize; 4] {
    let request = ImportProductsRequest { seller_id: shop.seller.to_string(), products };
    let results = market.catalog.clone().import_products(request).await.unwrap().into_inner().results;
    ["created", "updated", "unchanged", "refused"]
        .map(|word| results.iter().filter(|result| result.outcome == word).count())
}

#[tokio::test]
async fn an_import_creates_updates_and_leaves_alone() {
    let market = Market::open().await;
    let shop = market.shop("Feed");
    let other = category(&market, Vec::new()).await;
    let lines: Vec<_> = (0..600).map(|n| line(n, &other)).collect();
    assert_eq!(import(&market, shop, lines.clone()).await, [600, 0, 0, 0]);
    assert_eq!(import(&market, shop, lines.clone()).await, [0, 0, 600, 0]);
    let mut changed = lines.clone();
    changed[7].price = 5;
    changed[8].attributes_json = json!({"colour": "blue"}).to_string();
    assert_eq!(import(&market, shop, changed).await, [0, 2, 598, 0]);
    assert_eq!(market.get("/products?price_max=5").await.json["data"][0]["external_id"], "7");
    assert_eq!(market.get("/products?attr.colour=blue").await.json["meta"]["page"]["total"], 1);
    assert_eq!(market.get("/products?external_id=599").await.data(200)[0]["stock"], 100);
    assert_eq!((market.get("/products").await.json["meta"]["page"]["total"]), 600);
    assert_eq!(market.neighbours.opened(), 600);
    let request = FindSkusRequest { seller_id: shop.seller.to_string(), codes: vec!["5".into(), "none".into()] };
    assert_eq!(market.catalog.clone().find_skus(request).await.unwrap().into_inner().skus.len(), 1);
    market.verify().await;
}

#[tokio::test]
async fn each_line_is_refused_by_itself_and_a_deleted_product_comes_back() {
    let market = Market::open().await;
    let shop = market.shop("Feed");
    let other = category(&market, Vec::new()).await;
    let good = line(1, &other);
    let bad = [
        ImportProduct { title: String::new(), external_id: "2".into(), ..good.clone() },
        ImportProduct { price: -1, external_id: "3".into(), ..good.clone() },
        ImportProduct { currency: "pounds".into(), external_id: "4".into(), ..good.clone() },
        ImportProduct { attributes_json: "[]".into(), external_id: "5".into(), ..good.clone() },
        ImportProduct { category_id: "cat".into(), external_id: "6".into(), ..good.clone() },
        ImportProduct { code: "1".into(), external_id: "7".into(), ..good.clone() },
        good.clone(),
    ];
    let lines = std::iter::once(good.clone()).chain(bad).collect();
    assert_eq!(import(&market, shop, lines).await, [1, 0, 0, 7]);
    let id = market.get("/products?external_id=1").await.data(200)[0]["id"].as_str().unwrap().to_owned();
    assert_eq!(market.delete(shop.person, &format!("/products/{id}")).await.status, 204);
    assert_eq!(import(&market, shop, vec![good]).await, [0, 1, 0, 0]);
    let back = market.get(&format!("/products/{id}")).await.data(200);
    assert_eq!((&back["status"], &back["stock"]), (&json!("active"), &json!(100)));
    market.verify().await;
}

#[tokio::test]
async fn a_category_is_made_once_and_only_widened() {
    let market = Market::open().await;
    let definition =
        |key: &str, kind: &str| AttributeDefinition { key: key.into(), r#type: kind.into(), ..Default::default() };
    let first = category(&market, vec![definition("ram", "number")]).await;
    assert_eq!(category(&market, vec![definition("ram", "text"), definition("ean", "text")]).await, first);
    let made = market.get("/categories/other").await.data(200);
    assert_eq!(
        (&made["version"], &made["attributes"][0]["type"], &made["attributes"][1]["key"]),
        (&json!(2), &json!("number"), &json!("ean"))
    );
    let request = EnsureCategoryRequest { slug: "Bad Slug".into(), ..Default::default() };
    assert!(market.catalog.clone().ensure_category(request).await.is_err());
}
