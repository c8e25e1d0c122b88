//! Attributes: the schema of a category, and what lies outside of it.

use serde_json::json;
use souk_tests::{Market, Thing};

async fn laptops(market: &Market) -> Thing {
    market
        .category(
            "Laptops",
            json!([
                {"key": "ram", "label": "Memory", "type": "number", "unit": "GB", "required": true, "filterable": true},
                {"key": "colour", "label": "Colour", "type": "enum", "options": ["black", "silver"], "filterable": true},
                {"key": "touch", "label": "Touch screen", "type": "bool", "filterable": true},
                {"key": "cpu", "label": "Processor", "type": "text", "filterable": true},
            ]),
        )
        .await
}

#[tokio::test]
async fn attributes_are_checked_against_the_schema_and_others_are_kept() {
    let market = Market::start().await;
    let category = laptops(&market).await;
    let seller = market.seller("Tech House").await;
    let mut laptop = seller.product("Laptop", 99_900, 5);
    laptop["category_id"] = category["id"].clone();
    laptop["attributes"] = json!({"ram": "lots", "colour": "pink", "touch": "yes", "cpu": 5, "deep": {"a": {"b": 1}}});
    let wrong = ["attributes.ram", "attributes.colour", "attributes.touch", "attributes.cpu", "attributes.deep"];
    seller.client.post("/products", &laptop).await.invalid(&wrong);
    laptop["attributes"] = json!({});
    seller.client.post("/products", &laptop).await.invalid(&["attributes.ram"]);
    let good = json!({"ram": 16, "colour": "black", "touch": true, "cpu": "M4", "Keyboard layout": "UK"});
    laptop["attributes"] = good.clone();
    let listed = seller.lists_as(&laptop).await;
    assert_eq!(listed["attributes"], good);
    let path = format!("/products/{}", listed.id());
    seller.client.put(&path, &json!({"attributes": {"ram": "8"}})).await.invalid(&["attributes.ram"]);
    market.ends_clean().await;
}

#[tokio::test]
async fn products_are_filtered_by_attributes() {
    let market = Market::start().await;
    let category = laptops(&market).await;
    let seller = market.seller("Tech House").await;
    for (title, ram, colour, touch) in
        [("A", 8, "black", true), ("B", 16, "silver", false), ("C", 32, "black", false), ("D", 64, "silver", true)]
    {
        let mut laptop = seller.product(title, 99_900, 5);
        laptop["category_id"] = category["id"].clone();
        laptop["attributes"] = json!({"ram": ram, "colour": colour, "touch": touch, "cpu": "M4 Pro"});
        seller.lists_as(&laptop).await;
    }
    for (query, expected) in [
        ("attr.colour=black", "AC"),
        ("attr.colour=black,silver", "ABCD"),
        ("attr.colour=black&attr.touch=true", "A"),
        ("attr.ram=16", "B"),
        ("attr.ram_min=16", "BCD"),
        ("attr.ram_min=16&attr.ram_max=32", "BC"),
        ("attr.ram_min=16&attr.colour=silver", "BD"),
        ("attr.cpu=M4%20Pro", "ABCD"),
        ("attr.colour=pink", ""),
        ("attr.nothing=x", ""),
    ] {
        let found = market.client.get(&format!("/products?sort=newest&{query}")).await.rows();
        let mut titles: Vec<_> = found.iter().map(|product| product.text("title").to_owned()).collect();
        titles.sort_unstable();
        assert_eq!(titles.concat(), expected, "{query}");
    }
    market.client.get("/products?attr.ram_min=lots").await.malformed(&["attr.ram_min"]);
    market.ends_clean().await;
}

#[tokio::test]
async fn a_schema_that_contradicts_itself_is_refused() {
    let market = Market::start().await;
    let with = |attributes: serde_json::Value| {
        let (client, category) = (market.admin.client.clone(), json!({"name": "Odd", "attributes": attributes}));
        async move { client.post("/categories", &category).await }
    };
    with(json!([{"key": "a", "label": "A", "type": "colour"}])).await.is(422);
    with(json!([{"key": "", "label": "A", "type": "text"}])).await.is(422);
    with(json!([{"key": "a", "label": "A", "type": "text"}, {"key": "a", "label": "B", "type": "text"}])).await.is(422);
    with(json!([{"key": "a", "label": "A", "type": "enum"}])).await.is(422);
    with(json!([{"key": "a", "label": "A", "type": "enum", "options": []}])).await.is(422);
    market.ends_clean().await;
}
