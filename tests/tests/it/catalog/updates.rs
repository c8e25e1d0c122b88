//! Changing products.

use serde_json::json;
use souk_tests::Market;

#[tokio::test]
async fn put_and_patch_replace_the_named_fields() {
    let market = Market::start().await;
    let seller = market.seller("Tea House").await;
    let teapot = seller.lists("Teapot", 2500, 5).await;
    let path = format!("/products/{}", teapot.id());
    let changed =
        seller.client.put(&path, &json!({"title": "Better Teapot", "attributes": {"material": "clay"}})).await.ok();
    assert_eq!((changed.text("title"), changed.number("price")), ("Better Teapot", 2500));
    assert_eq!(changed["description"], teapot["description"]);
    assert!(changed.number("version") > teapot.number("version"));
    let changed = seller.client.patch(&path, &json!({"price": 1900})).await.ok();
    assert_eq!((changed.number("price"), &changed["attributes"]), (1900, &json!({"material": "clay"})));
    assert_eq!(market.client.get(&path).await.ok(), changed, "the public sees it at once");
    market.ends_clean().await;
}

#[tokio::test]
async fn a_lost_race_is_412_by_etag_and_by_version() {
    let market = Market::start().await;
    let seller = market.seller("Tea House").await;
    let teapot = seller.lists("Teapot", 2500, 5).await;
    let path = format!("/products/{}", teapot.id());
    let etag = market.client.get(&path).await.text_header("etag").to_owned();
    let version = teapot.number("version");
    seller.client.put(&path, &json!({"price": 2400})).if_match(&etag).await.ok();
    seller.client.put(&path, &json!({"price": 2300})).if_match(&etag).await.refused(412, "version_lost");
    seller.client.put(&path, &json!({"price": 2300, "version": version})).await.refused(412, "version_lost");
    seller.client.delete(&path).if_match(&etag).await.refused(412, "version_lost");
    assert_eq!(market.client.get(&path).await.ok()["price"], 2400);
    // Without either, the update is unconditional.
    seller.client.put(&path, &json!({"price": 2200})).await.ok();
    let current = market.client.get(&path).await.is(200);
    assert_ne!(current.text_header("etag"), etag);
    seller.client.put(&path, &json!({"price": 2100, "version": current.data()["version"]})).await.ok();
    market.ends_clean().await;
}

#[tokio::test]
async fn stock_alone_changes_no_version() {
    let market = Market::start().await;
    let seller = market.seller("Tea House").await;
    let teapot = seller.lists("Teapot", 2500, 5).await;
    let path = format!("/products/{}", teapot.id());
    let changed = seller.client.put(&path, &json!({"stock": 9})).await.ok();
    assert_eq!(changed["version"], teapot["version"]);
    assert_eq!(seller.stock(&teapot).await, (9, 0, 9));
    market.settles().await;
    assert_eq!(market.client.get(&path).await.ok()["stock"], 9);
    market.ends_clean().await;
}

#[tokio::test]
async fn skus_are_changed_by_id_or_code_and_absent_ones_stay() {
    let market = Market::start().await;
    let seller = market.seller("Tea House").await;
    let shirt = seller
        .lists_as(&json!({"title": "Shirt", "category_id": market.category.id(), "skus": [
            {"code": "S", "options": {"size": "S"}, "price": 1000, "stock": 1},
            {"code": "M", "options": {"size": "M"}, "price": 1100, "stock": 2},
            {"code": "L", "options": {"size": "L"}, "price": 1200, "stock": 3},
        ]}))
        .await;
    let path = format!("/products/{}", shirt.id());
    let skus = json!([{"id": shirt.sku_of("S"), "price": 900}, {"code": "M", "stock": 7},
        {"code": "XL", "options": {"size": "XL"}, "price": 1300, "stock": 4}]);
    seller.client.put(&path, &json!({"skus": skus})).await.ok();
    market.settles().await;
    let shirt = market.client.get(&path).await.ok();
    let mut seen: Vec<_> = shirt
        .list("skus")
        .iter()
        .map(|sku| (sku["code"].as_str().unwrap(), sku["price"].as_i64().unwrap(), sku["stock"].as_i64().unwrap()))
        .collect();
    seen.sort_unstable();
    assert_eq!(seen, [("L", 1200, 3), ("M", 1100, 7), ("S", 900, 1), ("XL", 1300, 4)]);
    // price and stock at the top go with a single SKU.
    seller.client.put(&path, &json!({"price": 1})).await.is(422);
    seller.client.put(&path, &json!({"stock": 1})).await.is(422);
    market.ends_clean().await;
}

#[tokio::test]
async fn nobody_changes_a_product_of_somebody_else() {
    let market = Market::start().await;
    let (seller, rival) = (market.seller("Tea House").await, market.seller("Coffee House").await);
    let cleo = market.buyer("Cleo").await;
    let teapot = seller.lists("Teapot", 2500, 5).await;
    let path = format!("/products/{}", teapot.id());
    for stranger in [&rival.client, &cleo.client] {
        for answer in [
            stranger.put(&path, &json!({"price": 1})).await,
            stranger.patch(&path, &json!({"title": "Mine"})).await,
            stranger.delete(&path).await,
        ] {
            assert!([403, 404].contains(&answer.status.as_u16()), "{answer}");
        }
    }
    market.client.put(&path, &json!({"price": 1})).await.is(401);
    assert_eq!(market.client.get(&path).await.ok(), teapot);
    // The operator may.
    market.admin.client.put(&path, &json!({"title": "Moderated"})).await.ok();
    market.ends_clean().await;
}

#[tokio::test]
async fn a_currency_cannot_be_changed() {
    let market = Market::start().await;
    let seller = market.seller("Tea House").await;
    let teapot = seller.lists("Teapot", 2500, 5).await;
    let path = format!("/products/{}", teapot.id());
    seller.client.put(&path, &json!({"currency": "EUR"})).await.ok();
    seller.client.put(&path, &json!({"currency": "USD"})).await.invalid(&["currency"]);
    market.ends_clean().await;
}

#[tokio::test]
async fn twenty_writers_with_one_etag_make_one_change() {
    let market = Market::start().await;
    let seller = market.seller("Tea House").await;
    let teapot = seller.lists("Teapot", 2500, 5).await;
    let path = format!("/products/{}", teapot.id());
    let etag = market.client.get(&path).await.text_header("etag").to_owned();
    let writers = (0..20).map(|n| {
        let (client, path, etag) = (seller.client.clone(), path.clone(), etag.clone());
        async move { client.put(&path, &json!({"price": 1000 + n})).if_match(&etag).await.status.as_u16() }
    });
    let mut statuses = futures::future::join_all(writers).await;
    statuses.sort_unstable();
    assert_eq!((statuses[0], &statuses[1..]), (200, &[412; 19][..]));
    market.ends_clean().await;
}
