//! Filters, and the counts beside the hits.

use serde_json::{Value, json};
use souk_tests::{Market, Thing};

use super::{finds, titles};

fn values(answer: &Thing, attribute: &str) -> Vec<(String, u64)> {
    let values = answer["facets"]["attributes"][attribute].as_array().cloned().unwrap_or_default();
    let value = |value: &Value| {
        let text = value["value"].as_str().unwrap_or_default();
        (text.to_owned(), value["count"].as_u64().unwrap_or_default())
    };
    values.iter().map(value).collect()
}

async fn filled() -> Market {
    let market = Market::start().await;
    let colours = json!([
        {"key": "colour", "label": "Colour", "type": "text", "filterable": true},
        {"key": "volume", "label": "Volume", "type": "number", "filterable": true},
        {"key": "secret", "label": "Secret", "type": "text"},
    ]);
    let kitchen = market.category("Kitchen", colours).await;
    let mugs = json!({"name": "Mugs", "slug": "mugs", "parent_id": kitchen.id()});
    let mugs = market.admin.client.post("/categories", &mugs).await.created();
    let (tea, coffee) = (market.seller("Tea House").await, market.seller("Coffee House").await);
    for (seller, title, category, price, colour, volume) in [
        (&tea, "Red mug", &mugs, 500, "Red", 0.3),
        (&tea, "Blue mug", &mugs, 700, "Blue", 0.3),
        (&coffee, "Green mug", &mugs, 1500, "Green", 0.5),
        (&coffee, "Red kettle for a mug", &kitchen, 4500, "Red", 1.5),
    ] {
        let mut product = seller.product(title, price, 5);
        product["category_id"] = json!(category.id());
        product["attributes"] = json!({"colour": colour, "volume": volume, "secret": "x"});
        seller.lists_as(&product).await;
    }
    finds(&market, "q=kettle%20mug&limit=1", &["Red kettle for a mug"]).await;
    market
}

#[tokio::test]
async fn hits_are_counted_by_category_seller_price_and_attribute() {
    let market = filled().await;
    let answer = market.client.get("/search?q=mug").await.ok();
    assert_eq!(answer["total"], 4);
    let facets = &answer["facets"];
    let kitchen = &facets["category"][0];
    assert_eq!((&kitchen["slug"], &kitchen["count"]), (&json!("kitchen"), &json!(4)));
    assert_eq!((&kitchen["children"][0]["slug"], &kitchen["children"][0]["count"]), (&json!("mugs"), &json!(3)));
    assert_eq!(
        facets["seller"].as_array().unwrap().iter().map(|seller| seller["count"].as_u64().unwrap()).sum::<u64>(),
        4
    );
    let prices = facets["price"].as_array().unwrap();
    assert_eq!(prices.iter().map(|range| range["count"].as_u64().unwrap()).sum::<u64>(), 4);
    assert_eq!(values(&answer, "colour"), [("Red".into(), 2), ("Blue".into(), 1), ("Green".into(), 1)]);
    assert_eq!(values(&answer, "volume")[0], ("0.3".into(), 2));
    assert!(values(&answer, "secret").is_empty(), "categories don't offer it");
    market.ends_clean().await;
}

#[tokio::test]
async fn a_facet_counts_as_if_its_own_filter_were_not_set() {
    let market = filled().await;
    let answer = market.client.get("/search?q=mug&attr.colour=red&price_max=1000").await.ok();
    assert_eq!(titles(&answer), ["Red mug"]);
    // Within the price, whatever the colour.
    assert_eq!(values(&answer, "colour"), [("Blue".into(), 1), ("Red".into(), 1)]);
    // Red, whatever the price.
    let prices = answer["facets"]["price"].as_array().unwrap();
    assert_eq!(prices.iter().map(|range| range["count"].as_u64().unwrap()).sum::<u64>(), 2);
    assert_eq!(values(&answer, "volume"), [("0.3".into(), 1)]);
    market.ends_clean().await;
}

#[tokio::test]
async fn the_filters_are_those_of_the_list_of_products() {
    let market = filled().await;
    for (filter, expected) in [
        ("category=mugs", 3),
        ("category=kitchen", 4),
        ("seller=tea-house", 2),
        ("seller=nobody", 0),
        ("category=nothing", 0),
        ("price_min=700&price_max=1500", 2),
        ("in_stock=false", 0),
        ("attr.colour=red,blue", 3),
        ("attr.colour=red&attr.volume_min=1", 1),
        ("attr.volume_min=0.3&attr.volume_max=0.5", 3),
        ("attr.colour=Purple", 0),
        ("status=active", 4),
        ("status=draft", 0),
        ("rating_min=1", 0),
        ("external_id=none", 0),
    ] {
        let found = market.client.get(&format!("/search?{filter}")).await.ok();
        assert_eq!(found["total"], expected, "{filter}");
        if !filter.starts_with("rating") {
            let listed = market.client.get(&format!("/products?{filter}")).await;
            assert_eq!(listed.json["meta"]["page"]["total"], expected, "{filter} in the list");
        }
    }
    for (filter, field) in
        [("sort=best", "sort"), ("price_min=x", "price_min"), ("attr.volume_min=lots", "attr.volume_min")]
    {
        market.client.get(&format!("/search?{filter}")).await.malformed(&[field]);
    }
    market.ends_clean().await;
}
