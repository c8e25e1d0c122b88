//! Lists of products.

use serde_json::json;
use souk_tests::Market;

fn titles(rows: &[souk_tests::Thing]) -> Vec<&str> {
    rows.iter().map(|product| product.text("title")).collect()
}

#[tokio::test]
async fn products_are_sorted_and_filtered() {
    let market = Market::start().await;
    let (tea, coffee) = (market.seller("Tea House").await, market.seller("Coffee House").await);
    tea.lists("Teapot", 2500, 5).await;
    coffee.lists("Mug", 900, 0).await;
    tea.lists("Cup", 1200, 9).await;
    for (query, expected) in [
        ("", vec!["Cup", "Mug", "Teapot"]),
        ("?sort=newest", vec!["Cup", "Mug", "Teapot"]),
        ("?sort=price_asc", vec!["Mug", "Cup", "Teapot"]),
        ("?sort=price_desc", vec!["Teapot", "Cup", "Mug"]),
        ("?seller=tea-house", vec!["Cup", "Teapot"]),
        ("?price_min=1000", vec!["Cup", "Teapot"]),
        ("?price_max=1200", vec!["Cup", "Mug"]),
        ("?price_min=1000&price_max=2000", vec!["Cup"]),
        ("?in_stock=true", vec!["Cup", "Teapot"]),
        ("?in_stock=false", vec!["Mug"]),
        ("?seller=nobody", vec![]),
    ] {
        let rows = market.client.get(&format!("/products{query}")).await.rows();
        assert_eq!(titles(&rows), expected, "{query}");
    }
    let by_id = market.client.get(&format!("/products?seller={}", coffee.id)).await.rows();
    assert_eq!(titles(&by_id), ["Mug"]);
    market.ends_clean().await;
}

#[tokio::test]
async fn a_bad_parameter_is_400_and_named() {
    let market = Market::start().await;
    for (query, field) in [
        ("sort=best", "sort"),
        ("status=gone", "status"),
        ("price_min=-1", "price_min"),
        ("price_max=lots", "price_max"),
        ("in_stock=maybe", "in_stock"),
        ("price_min=99999999999999999999", "price_min"),
    ] {
        market.client.get(&format!("/products?{query}")).await.malformed(&[field]);
    }
    market.client.get("/products?price_min=x&price_max=y").await.malformed(&["price_min", "price_max"]);
    market.ends_clean().await;
}

#[tokio::test]
async fn what_was_just_listed_and_sold_out_shows_in_lists() {
    let market = Market::start().await;
    let seller = market.seller("Tea House").await;
    assert!(market.client.get("/products").await.rows().is_empty());
    let teapot = seller.lists("Teapot", 2500, 1).await;
    assert_eq!(market.client.get("/products").await.rows().len(), 1);
    market.buyer("Cleo").await.buys(&teapot, 1).await;
    market.settles().await;
    market.passes(std::time::Duration::from_secs(5)).await;
    let shown = market.client.get(&format!("/products/{}", teapot.id())).await.ok();
    assert_eq!(shown["stock"], 0);
    market.ends_clean().await;
}

#[tokio::test]
async fn popular_products_come_first_when_asked_for() {
    let market = Market::start().await;
    let seller = market.seller("Tea House").await;
    let teapot = seller.lists("Teapot", 2500, 50).await;
    seller.lists("Cup", 900, 50).await;
    market.buyer("Cleo").await.buys(&teapot, 3).await;
    market.settles().await;
    let rows = market.client.get("/products?sort=popular&limit=2").await.rows();
    assert_eq!(titles(&rows), ["Teapot", "Cup"]);
    market.ends_clean().await;
}

#[tokio::test]
async fn hostile_filter_values_find_nothing() {
    let market = Market::start().await;
    market.seller("Tea House").await.lists("Teapot", 2500, 5).await;
    for value in ["%27%20OR%201%3D1%20--", "%25", "_", "%5C", "%22%3B%20DROP", "*", "%F0%9F%AB%96"] {
        for parameter in ["category", "seller", "external_id", "attr.colour"] {
            let answer = market.client.get(&format!("/products?{parameter}={value}")).await;
            assert!(answer.rows().is_empty(), "{parameter}={value}");
        }
    }
    let teapot = json!("Teapot");
    assert_eq!(market.client.get("/products").await.rows()[0]["title"], teapot);
    market.ends_clean().await;
}
