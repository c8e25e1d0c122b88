//! Several sellers on one product.

use serde_json::json;
use souk_tests::{Market, Seller, Thing};

async fn offers(seller: &Seller, product: &Thing, price: i64, stock: i64) -> Thing {
    let offer =
        json!({"variant_id": product["skus"][0]["variant_id"], "code": "OFFER", "price": price, "stock": stock});
    seller.client.post(&format!("/products/{}/offers", product.id()), &offer).await.created()
}

#[tokio::test]
async fn another_seller_offers_the_same_product_and_the_better_offer_wins() {
    let market = Market::start().await;
    let (tea, cheap) = (market.seller("Tea House").await, market.seller("Cheap House").await);
    let teapot = tea.lists("Teapot", 2500, 5).await;
    let path = format!("/products/{}", teapot.id());
    offers(&cheap, &teapot, 2000, 3).await;
    market.settles().await;
    let shown = market.client.get(&path).await.ok();
    assert_eq!(shown.list("skus").len(), 2);
    assert_eq!((shown.number("price"), shown.number("stock"), &shown["seller"]["id"]), (2000, 3, &json!(cheap.id)));
    assert!(shown.text("offer_reason").contains("price"));
    // What is in stock wins over what is cheaper.
    cheap
        .counts(shown.list("skus").iter().find(|sku| sku["price"] == 2000).unwrap()["id"].as_str().unwrap(), 0)
        .await
        .ok();
    market.settles().await;
    let shown = market.client.get(&path).await.ok();
    assert_eq!((shown.number("price"), &shown["seller"]["id"]), (2500, &json!(tea.id)));
    market.ends_clean().await;
}

#[tokio::test]
async fn each_seller_counts_and_prices_its_own_offer_only() {
    let market = Market::start().await;
    let (tea, cheap) = (market.seller("Tea House").await, market.seller("Cheap House").await);
    let teapot = tea.lists("Teapot", 2500, 5).await;
    let offer = offers(&cheap, &teapot, 2000, 3).await;
    tea.client.get(&format!("/inventory/{}", offer.id())).await.not_found();
    cheap.client.get(&format!("/inventory/{}", teapot.sku())).await.not_found();
    let path = format!("/products/{}/offers/{}", teapot.id(), offer.id());
    let answer = tea.client.put(&path, &json!({"price": 9900})).await;
    assert!([403, 404].contains(&answer.status.as_u16()), "{answer}");
    cheap.client.put(&path, &json!({"price": 1900})).await.ok();
    let answer = cheap.client.put(&format!("/products/{}", teapot.id()), &json!({"title": "Mine"})).await;
    assert!([403, 404].contains(&answer.status.as_u16()), "{answer}");
    // Nobody sells one variant twice.
    let again = json!({"variant_id": teapot["skus"][0]["variant_id"], "code": "OFFER-2", "price": 1, "stock": 1});
    cheap.client.post(&format!("/products/{}/offers", teapot.id()), &again).await.is(409);
    market.ends_clean().await;
}

#[tokio::test]
async fn two_offers_of_one_product_are_two_parts_of_an_order() {
    let market = Market::start().await;
    let (tea, cheap) = (market.seller("Tea House").await, market.seller("Cheap House").await);
    let teapot = tea.lists("Teapot", 2500, 5).await;
    let offer = offers(&cheap, &teapot, 2000, 3).await;
    let cleo = market.buyer("Cleo").await;
    cleo.tries_to_add(teapot.sku(), 1).await.data();
    cleo.tries_to_add(offer.id(), 2).await.data();
    let order = cleo.places_order().await;
    assert_eq!(order.number("total"), 6500);
    assert_eq!(order.part_of(&tea.id).number("total"), 2500);
    assert_eq!(order.part_of(&cheap.id).number("total"), 4000);
    cleo.pays(&order).await;
    cleo.sees(&order, "confirmed").await;
    assert_eq!(cheap.stock_of(offer.id()).await, (1, 0, 1));
    market.ends_clean().await;
}

#[tokio::test]
async fn an_offer_is_withdrawn() {
    let market = Market::start().await;
    let (tea, cheap) = (market.seller("Tea House").await, market.seller("Cheap House").await);
    let teapot = tea.lists("Teapot", 2500, 5).await;
    let offer = offers(&cheap, &teapot, 2000, 3).await;
    let path = format!("/products/{}/offers/{}", teapot.id(), offer.id());
    cheap.client.delete(&path).await.no_content();
    let shown = market.client.get(&format!("/products/{}", teapot.id())).await.ok();
    assert_eq!((shown.list("skus").len(), shown.number("price")), (1, 2500));
    market.guest().tries_to_add(offer.id(), 1).await.is(409);
    market.ends_clean().await;
}

#[tokio::test]
async fn what_is_no_variant_of_the_product_is_refused() {
    let market = Market::start().await;
    let (tea, cheap) = (market.seller("Tea House").await, market.seller("Cheap House").await);
    let (teapot, cup) = (tea.lists("Teapot", 2500, 5).await, tea.lists("Cup", 900, 5).await);
    let path = format!("/products/{}/offers", teapot.id());
    let offer = |variant: &serde_json::Value| json!({"variant_id": variant, "code": "X", "price": 1, "stock": 1});
    cheap.client.post(&path, &offer(&cup["skus"][0]["variant_id"])).await.invalid(&["variant_id"]);
    let bad = json!({"variant_id": teapot["skus"][0]["variant_id"], "code": "", "price": -1, "stock": -1});
    cheap.client.post(&path, &bad).await.invalid(&["code", "price", "stock"]);
    market.buyer("Cleo").await.client.post(&path, &offer(&teapot["skus"][0]["variant_id"])).await.is(403);
    market.ends_clean().await;
}
