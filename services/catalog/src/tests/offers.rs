use serde_json::json;
use souk_contracts::{catalog::OffersRequest, events::SellerSuspended};
use souk_kernel::{SellerId, SkuId};

use super::{Market, eventually};

async fn sellable(market: &Market, sku: &str) -> (bool, String, i64) {
    let request = OffersRequest { sku_ids: vec![sku.to_owned(), SkuId::new().to_string()] };
    let offers = market.catalog.clone().offers(request).await.unwrap().into_inner().offers;
    assert_eq!(offers.len(), 1);
    (offers[0].sellable, offers[0].not_sellable_reason.clone(), offers[0].price)
}

async fn suspend(market: &Market, id: SellerId) {
    let event = SellerSuspended { seller_id: id, name: "A".into(), slug: "a".into(), reason: "fraud".into() };
    let publish = market.db.transaction(move |tx| async move {
        tx.publish(event);
        Ok::<_, sea_orm::DbErr>(())
    });
    publish.await.unwrap();
}

#[tokio::test]
async fn several_sellers_offer_one_product_and_the_best_offer_wins() {
    let market = Market::open().await;
    let (shop, other, category) = (market.shop("A"), market.shop("B"), market.category("C").await);
    let made = market.product(shop, &category, "Thing", 500, 1).await;
    let (id, own) = (made["id"].as_str().unwrap(), made["skus"][0]["id"].as_str().unwrap());
    let offers = format!("/products/{id}/offers");
    let offer = json!({"variant_id": made["skus"][0]["variant_id"], "code": "x", "price": 400, "stock": 9});
    let added = market.post(other.person, &offers, offer.clone()).await.data(201);
    assert_eq!((&added["price"], &added["stock"], &added["seller"]["name"]), (&json!(400), &json!(9), &json!("B")));
    assert_eq!(market.post(other.person, &offers, offer).await.error(409).0, "offer_exists");
    assert_eq!(market.post(shop.person, &offers, json!({"price": 1})).await.error(409).0, "offer_exists");
    let wrong = json!({"variant_id": "v", "code": "", "price": -1, "stock": -1});
    let faults = market.post(other.person, &offers, wrong).await.error(422).1;
    assert_eq!(faults, ["variant_id", "code", "price", "stock"]);

    let product = market.get(&format!("/products/{id}")).await.data(200);
    assert_eq!(
        (&product["price"], &product["seller"]["name"], &product["offer_reason"]),
        (&json!(400), &json!("B"), &json!("lowest_price"))
    );
    assert_eq!(product["skus"].as_array().unwrap().len(), 2);

    let sku = added["id"].as_str().unwrap();
    assert_eq!(sellable(&market, sku).await, (true, String::new(), 400));
    let path = format!("{offers}/{sku}");
    assert_eq!(market.put(shop.person, &path, json!({"price": 1})).await.status, 404);
    market.put(other.person, &path, json!({"price": 600})).await.data(200);
    assert_eq!(sellable(&market, sku).await.2, 600);
    assert_eq!(market.get(&format!("/products/{id}")).await.data(200)["seller"]["name"], "A");
    market.put(shop.person, &format!("/products/{id}"), json!({"stock": 0})).await.data(200);
    let product = market.get(&format!("/products/{id}")).await.data(200);
    assert_eq!((&product["seller"]["name"], &product["offer_reason"]), (&json!("B"), &json!("in_stock")));

    assert_eq!(market.delete(other.person, &path).await.status, 204);
    assert_eq!(sellable(&market, sku).await.1, "product_unavailable");
    assert_eq!(market.delete(shop.person, &format!("{offers}/{own}")).await.error(409).0, "last_offer");
    market.verify().await;
}

#[tokio::test]
async fn a_suspended_seller_sells_nothing() {
    let market = Market::open().await;
    let (shop, other, category) = (market.shop("A"), market.shop("B"), market.category("C").await);
    let alone = market.product(shop, &category, "Alone", 500, 1).await;
    let shared = market.product(shop, &category, "Shared", 500, 1).await;
    let shared_path = format!("/products/{}", shared["id"].as_str().unwrap());
    market.post(other.person, &format!("{shared_path}/offers"), json!({"price": 900, "stock": 1})).await.data(201);
    suspend(&market, shop.seller).await;
    let alone_path = format!("/products/{}", alone["id"].as_str().unwrap());
    eventually(|| async { market.get(&alone_path).await.status == 404 }).await;
    eventually(|| async { market.get(&shared_path).await.data(200)["price"] == 900 }).await;
    assert_eq!(market.get(&shared_path).await.data(200)["skus"].as_array().unwrap().len(), 1);
    assert_eq!(market.get("/products").await.json["meta"]["page"]["total"], 1);
    let sku = alone["skus"][0]["id"].as_str().unwrap();
    assert_eq!(sellable(&market, sku).await.1, "seller_unavailable");
    assert_eq!(market.get_as(shop.person, &alone_path).await.data(200)["status"], "active");
    market.verify().await;
}
