//! The tree of categories.

use serde_json::json;
use souk_tests::{Market, Thing};

async fn below(market: &Market, parent: &Thing, name: &str) -> Thing {
    market.admin.client.post("/categories", &json!({"name": name, "parent_id": parent.id()})).await.created()
}

#[tokio::test]
async fn categories_are_a_tree_with_counts() {
    let market = Market::start().await;
    let kitchen = below(&market, &market.category, "Kitchen").await;
    let tea = below(&market, &kitchen, "Tea").await;
    assert!(tea.id().starts_with("cat_") && tea["slug"] == "tea" && tea["parent_id"] == kitchen["id"]);
    let seller = market.seller("Tea House").await;
    let mut teapot = seller.product("Teapot", 2500, 5);
    teapot["category_id"] = tea["id"].clone();
    let teapot = seller.lists_as(&teapot).await;
    assert_eq!(teapot["category"]["path"], json!(["Things", "Kitchen", "Tea"]));
    seller.lists("Thing", 100, 1).await;
    let tree = market.client.get("/categories").await.rows();
    assert_eq!(tree.len(), 1);
    assert_eq!((tree[0].number("product_count"), &tree[0]["children"][0]["product_count"]), (2, &json!(1)));
    assert_eq!(tree[0]["children"][0]["children"][0]["name"], "Tea");
    let by_slug = market.client.get("/categories/kitchen").await.ok();
    assert_eq!((by_slug.id(), by_slug.number("product_count")), (kitchen.id(), 1));
    market.client.get("/categories/nowhere").await.not_found();
    market.ends_clean().await;
}

#[tokio::test]
async fn a_list_by_category_includes_its_descendants() {
    let market = Market::start().await;
    let kitchen = below(&market, &market.category, "Kitchen").await;
    let tea = below(&market, &kitchen, "Tea").await;
    let seller = market.seller("Tea House").await;
    let mut teapot = seller.product("Teapot", 2500, 5);
    teapot["category_id"] = tea["id"].clone();
    seller.lists_as(&teapot).await;
    seller.lists("Thing", 100, 1).await;
    for (category, expected) in [("things", 2), ("kitchen", 1), ("tea", 1), (tea.id(), 1), ("nowhere", 0)] {
        assert_eq!(
            market.client.get(&format!("/products?category={category}")).await.rows().len(),
            expected,
            "{category}"
        );
    }
    market.ends_clean().await;
}

#[tokio::test]
async fn a_category_in_use_is_deleted_only_by_moving_what_it_holds() {
    let market = Market::start().await;
    let (kitchen, attic) =
        (below(&market, &market.category, "Kitchen").await, below(&market, &market.category, "Attic").await);
    let seller = market.seller("Tea House").await;
    let mut teapot = seller.product("Teapot", 2500, 5);
    teapot["category_id"] = kitchen["id"].clone();
    let teapot = seller.lists_as(&teapot).await;
    let path = format!("/categories/{}", kitchen.id());
    market.admin.client.delete(&path).await.refused(409, "category_in_use");
    market.admin.client.delete(&format!("/categories/{}", market.category.id())).await.is(409);
    market.admin.client.delete(&format!("{path}?move_to={}", kitchen.id())).await.is(422);
    market.admin.client.delete(&format!("{path}?move_to=nowhere")).await.is(422);
    market.admin.client.delete(&format!("{path}?move_to={}", attic.id())).await.is(204);
    market.client.get(&path).await.not_found();
    let moved = market.client.get(&format!("/products/{}", teapot.id())).await.ok();
    assert_eq!(moved["category"]["id"], attic["id"]);
    assert_eq!(market.client.get(&format!("/categories/{}", attic.id())).await.ok()["product_count"], 1);
    market.ends_clean().await;
}

#[tokio::test]
async fn no_category_lies_below_itself() {
    let market = Market::start().await;
    let kitchen = below(&market, &market.category, "Kitchen").await;
    let tea = below(&market, &kitchen, "Tea").await;
    let path = format!("/categories/{}", kitchen.id());
    for parent in [kitchen.id(), tea.id(), "cat_01h455vb4pex5vsknk084sn02q"] {
        market.admin.client.put(&path, &json!({"parent_id": parent})).await.invalid(&["parent_id"]);
    }
    let changed = market.admin.client.put(&path, &json!({"name": "Cooking", "slug": "cooking"})).await.ok();
    assert_eq!((changed.text("name"), changed.text("slug")), ("Cooking", "cooking"));
    market.admin.client.patch(&path, &json!({"slug": "tea"})).await.is(409);
    market.ends_clean().await;
}

#[tokio::test]
async fn only_the_operator_changes_categories() {
    let market = Market::start().await;
    let seller = market.seller("Tea House").await;
    let path = format!("/categories/{}", market.category.id());
    for (client, status) in [(&market.client, 401), (&seller.client, 403)] {
        client.post("/categories", &json!({"name": "Mine"})).await.is(status);
        client.put(&path, &json!({"name": "Mine"})).await.is(status);
        client.delete(&path).await.is(status);
    }
    market.admin.client.post("/categories", &json!({"name": ""})).await.invalid(&["name"]);
    market.ends_clean().await;
}
