//! Who sees what of an order.

use serde_json::json;
use souk_tests::Market;

#[tokio::test]
async fn buyers_see_their_own_orders_newest_first() {
    let market = Market::start().await;
    let seller = market.seller("Tea House").await;
    let teapot = seller.lists("Teapot", 2500, 50).await;
    let (cleo, ben) = (market.buyer("Cleo").await, market.buyer("Ben").await);
    let first = cleo.orders(&teapot, 1).await;
    let second = cleo.buys(&teapot, 2).await;
    ben.orders(&teapot, 1).await;
    let own = cleo.client.get("/orders").await.rows();
    assert_eq!(own.iter().map(|order| order.id()).collect::<Vec<_>>(), [second.id(), first.id()]);
    let confirmed = cleo.client.get("/orders?status=confirmed").await.rows();
    assert_eq!(confirmed.iter().map(|order| order.id()).collect::<Vec<_>>(), [second.id()]);
    cleo.client.get("/orders?status=sold").await.malformed(&["status"]);
    market.client.get("/orders").await.is(401);
    market.ends_clean().await;
}

#[tokio::test]
async fn nobody_else_sees_or_touches_an_order() {
    let market = Market::start().await;
    let (seller, rival) = (market.seller("Tea House").await, market.seller("Coffee House").await);
    let teapot = seller.lists("Teapot", 2500, 50).await;
    let (cleo, mallory) = (market.buyer("Cleo").await, market.buyer("Mallory").await);
    let order = cleo.buys(&teapot, 1).await;
    let path = format!("/orders/{}", order.id());
    for stranger in [&mallory.client, &rival.client] {
        stranger.get(&path).await.not_found();
        stranger.delete(&path).await.not_found();
        stranger.put(&path, &json!({"shipping_address": souk_tests::address()})).await.not_found();
        stranger.put(&format!("{path}/cancel"), &json!({})).await.not_found();
        stranger.get(&format!("{path}/stream")).await.not_found();
        let back = json!({"items": [{"sku_id": teapot.sku(), "quantity": 1}], "reason": "mine"});
        stranger.post(&format!("{path}/returns"), &back).await.not_found();
        stranger.get(&format!("/payments/{}", order.text("payment_id"))).await.not_found();
        stranger.post("/payments", &json!({"order_id": order.id()})).await.not_found();
    }
    market.client.get(&path).await.is(401);
    assert_eq!(cleo.order(&order).await["status"], "confirmed");
    market.ends_clean().await;
}

#[tokio::test]
async fn a_seller_sees_its_own_part_with_the_commission() {
    let market = Market::start().await;
    let (tea, coffee) = (market.seller("Tea House").await, market.seller("Coffee House").await);
    let (teapot, mug) = (tea.lists("Teapot", 2500, 50).await, coffee.lists("Mug", 1000, 50).await);
    let cleo = market.buyer("Cleo").await;
    cleo.adds(&teapot, 1).await;
    cleo.adds(&mug, 3).await;
    let order = cleo.places_order().await;
    let path = format!("/orders/{}", order.id());
    let unpaid = tea.client.get(&path).await.ok();
    assert!(unpaid["shipping_address"].is_null(), "an address is not shown before there is something to ship");
    cleo.pays(&order).await;
    cleo.sees(&order, "confirmed").await;
    let seen = tea.client.get(&path).await.ok();
    assert_eq!((seen.list("seller_orders").len(), seen.list("items").len(), seen.number("total")), (1, 1, 2500));
    assert_eq!(seen["seller_orders"][0]["items"][0]["commission"], 250);
    let text = seen.to_string();
    for foreign in ["Mug", "Coffee House", &coffee.id, &cleo.email, order.text("payment_id")] {
        assert!(!text.contains(foreign), "{foreign} in {text}");
    }
    assert_eq!(seen["shipping_address"]["city"], "Leeds");
    // A seller of the order may not act as its buyer.
    tea.client.put(&format!("{path}/cancel"), &json!({})).await.is(403);
    tea.client.delete(&path).await.is(403);
    let buyers = cleo.order(&order).await.to_string();
    assert!(!buyers.contains("commission"), "{buyers}");
    let operators = market.admin.client.get(&path).await.ok();
    assert_eq!(operators.list("seller_orders").len(), 2);
    assert_eq!(operators["items"][0]["commission"], 250);
    market.ends_clean().await;
}

#[tokio::test]
async fn sellers_list_their_parts_and_nothing_else() {
    let market = Market::start().await;
    let (tea, coffee) = (market.seller("Tea House").await, market.seller("Coffee House").await);
    let (teapot, mug) = (tea.lists("Teapot", 2500, 50).await, coffee.lists("Mug", 1000, 50).await);
    let cleo = market.buyer("Cleo").await;
    let order = cleo.buys(&teapot, 1).await;
    cleo.orders(&mug, 3).await;
    let parts = tea.client.get("/seller/orders").await.rows();
    assert_eq!(parts.len(), 1);
    assert!(parts[0].id().starts_with("sord_"));
    assert_eq!((&parts[0]["order_id"], parts[0].text("status")), (&order["id"], "confirmed"));
    assert_eq!(parts[0]["items"][0]["title"], "Teapot");
    assert_eq!(tea.client.get("/seller/orders?status=confirmed").await.rows().len(), 1);
    assert!(tea.client.get("/seller/orders?status=shipped").await.rows().is_empty());
    tea.client.get("/seller/orders?status=lost").await.malformed(&["status"]);
    cleo.client.get("/seller/orders").await.is(403);
    let pending = coffee.client.get("/seller/orders").await.rows();
    assert!(pending.iter().all(|part| part["shipping_address"].is_null()));
    market.ends_clean().await;
}

#[tokio::test]
async fn the_operator_finds_every_order() {
    let market = Market::start().await;
    let seller = market.seller("Tea House").await;
    let teapot = seller.lists("Teapot", 2500, 50).await;
    let (cleo, ben) = (market.buyer("Cleo").await, market.buyer("Ben").await);
    let order = cleo.buys(&teapot, 1).await;
    ben.orders(&teapot, 1).await;
    let admin = &market.admin.client;
    assert_eq!(admin.get("/admin/orders").await.rows().len(), 2);
    for query in [
        "status=confirmed".to_owned(),
        format!("user_id={}", cleo.user_id.as_deref().unwrap()),
        "email=cleo%40example.com".to_owned(),
        format!("number={}", order.text("number")),
    ] {
        let found = admin.get(&format!("/admin/orders?{query}")).await.rows();
        assert_eq!(found.iter().map(|order| order.id()).collect::<Vec<_>>(), [order.id()], "{query}");
    }
    assert_eq!(admin.get(&format!("/admin/orders?seller_id={}", seller.id)).await.rows().len(), 2);
    admin.get("/admin/orders?user_id=cleo").await.malformed(&["user_id"]);
    seller.client.get("/admin/orders").await.is(403);
    market.ends_clean().await;
}

#[tokio::test]
async fn the_tracking_tells_the_whole_story() {
    let market = Market::start().await;
    let seller = market.seller("Tea House").await;
    let teapot = seller.lists("Teapot", 2500, 50).await;
    let cleo = market.buyer("Cleo").await;
    let order = cleo.buys(&teapot, 1).await;
    seller.ships(&order).await;
    seller.delivers(&order).await;
    let order = cleo.order(&order).await;
    let tracking = order.list("tracking");
    let statuses: Vec<_> = tracking.iter().map(|entry| entry["status"].as_str().unwrap()).collect();
    let mut wanted = ["pending_payment", "confirmed", "shipped", "delivered"].iter();
    let mut next = wanted.next();
    for status in &statuses {
        if next.is_some_and(|wanted| wanted == status) {
            next = wanted.next();
        }
    }
    assert!(next.is_none(), "{next:?} is missing in {statuses:?}");
    for entry in tracking {
        assert!(entry["at"].is_string() && entry["by"].is_string() && entry["note"].is_string(), "{entry}");
    }
    let times: Vec<_> = tracking.iter().map(|entry| entry["at"].as_str().unwrap()).collect();
    assert!(times.is_sorted());
    market.ends_clean().await;
}

#[tokio::test]
async fn deleting_hides_an_order_that_is_unpaid_or_ended_and_no_other() {
    let market = Market::start().await;
    let seller = market.seller("Tea House").await;
    let teapot = seller.lists("Teapot", 2500, 50).await;
    let cleo = market.buyer("Cleo").await;
    let paid = cleo.buys(&teapot, 1).await;
    cleo.client.delete(&format!("/orders/{}", paid.id())).await.is(409);
    let unpaid = cleo.orders(&teapot, 1).await;
    let path = format!("/orders/{}", unpaid.id());
    cleo.client.delete(&path).await.is(204);
    cleo.client.get(&path).await.not_found();
    cleo.client.delete(&path).await.not_found();
    assert_eq!(cleo.client.get("/orders").await.rows().len(), 1);
    market.settles().await;
    assert_eq!(seller.stock(&teapot).await, (49, 0, 49), "what it held is free");
    cleo.cancels(&paid).await.ok();
    cleo.sees(&paid, "refunded").await;
    cleo.client.delete(&format!("/orders/{}", paid.id())).await.is(204);
    // The operator still finds it.
    market.admin.client.get(&format!("/admin/orders/{}", paid.id())).await.ok();
    market.ends_clean().await;
}
