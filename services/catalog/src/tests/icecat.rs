use super::Market;
use serde_json::{Map, Value};
use souk_contracts::catalog::{EnsureCategoryRequest, ImportProduct, ImportProductsRequest};
use std::time::Instant;

#[tokio::test(flavor = "multi_thread")]
#[ignore]
async fn icecat() {
    let market = Market::open().await;
    let shop = market.shop("Feed");
    let request = EnsureCategoryRequest { slug: "other".into(), name: "Other".into(), attributes: vec![] };
    let category = market.catalog.clone().ensure_category(request).await.unwrap().into_inner().category_id;
    let out =
        std::process::Command::new("zcat").arg("/work/shared/data/icecat/products.jsonl.gz").output().unwrap().stdout;
    let lines: Vec<ImportProduct> = String::from_utf8(out)
        .unwrap()
        .lines()
        .map(|line| {
            let v: Map<String, Value> = serde_json::from_str(line).unwrap();
            let s = |k: &str| v.get(k).and_then(Value::as_str).unwrap_or_default().to_owned();
            let mut attributes: Map<String, Value> =
                v.iter().filter(|(k, _)| k.starts_with("attr_")).map(|(k, x)| (k[7..].to_owned(), x.clone())).collect();
            attributes.insert("ean".into(), v["ean"].clone());
            if v["ean"].as_array().unwrap().is_empty() {
                attributes.remove("ean");
            }
            attributes.insert("supplier".into(), v["supplier"].clone());
            ImportProduct {
                external_id: s("id"),
                title: s("title"),
                description: s("short_description"),
                category_id: category.clone(),
                price: v["price"].as_i64().unwrap(),
                currency: "GBP".into(),
                stock: 100,
                attributes_json: serde_json::to_string(&attributes).unwrap(),
                images: vec![s("img_high")],
                code: String::new(),
            }
        })
        .collect();
    for round in 0..2 {
        let start = Instant::now();
        let mut counts = std::collections::HashMap::<String, usize>::new();
        for batch in lines.chunks(1000) {
            let request = ImportProductsRequest { seller_id: shop.seller.to_string(), products: batch.to_vec() };
            let t = Instant::now();
            let mut req = tonic::Request::new(request);
            req.set_timeout(std::time::Duration::from_secs(60));
            let results = market.catalog.clone().import_products(req).await.unwrap().into_inner().results;
            eprintln!("batch {:?}", t.elapsed());
            for r in results {
                if r.outcome == "refused" {
                    eprintln!("{} {}", r.external_id, r.reason);
                }
                *counts.entry(r.outcome).or_default() += 1;
            }
        }
        let took = start.elapsed();
        eprintln!("round {round}: {counts:?} in {took:?}: {:.0}/s", 19406.0 / took.as_secs_f64());
    }
    let t = Instant::now();
    market.verify().await;
    eprintln!("verify {:?}", t.elapsed());
    for q in [
        "",
        "sort=price_asc",
        "attr.product_colour=black",
        "attr.weight_max=100",
        "category=other&sort=rating",
        "attr.product_colour=black&sort=price_desc&limit=100",
        "in_stock=true&price_max=5000&sort=popular",
    ] {
        let t = Instant::now();
        let a = market.get(&format!("/products?{q}")).await;
        eprintln!("{q}: {:?} total {}", t.elapsed(), a.json["meta"]["page"]["total"]);
    }
    let id = market.get("/products?limit=1").await.json["data"][0]["id"].as_str().unwrap().to_owned();
    let t = Instant::now();
    for _ in 0..5000 {
        let r = axum::http::Request::get(format!("/products/{id}")).body(axum::body::Body::empty()).unwrap();
        assert_eq!(market.raw(None, r).await.status(), 200);
    }
    eprintln!("get {:.0}/s", 5000.0 / t.elapsed().as_secs_f64());
    let p = market.size();
    eprintln!("db {p}");
}
