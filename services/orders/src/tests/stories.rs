//! What a buyer meets.

use std::time::Duration;

use futures::StreamExt;
use serde_json::json;

use super::{life::Life, world::World};
use crate::config::{Config, QueueConfig};

fn begin() -> (World, tempfile::TempDir, Life, souk_kernel::SkuId) {
    let world = World::new();
    let sku = world.sku(10);
    let folder = tempfile::tempdir().unwrap();
    let life = Life::start(&world, folder.path());
    (world, folder, life, sku)
}

#[test]
fn a_queued_order_that_turns_out_to_be_sold_out_is_rejected_with_the_reason() {
    let (world, _folder, life, sku) = begin();
    life.run(async {
        world.state().down.push("payments");
        let order = life.order(None, None, Some(&[(sku, 2)])).await;
        assert_eq!((order.status.as_u16(), &order.data["status"]), (202, &json!("queued")), "{order:?}");
        // While it waits its units go elsewhere.
        world.state().holds.clear();
        world.state().on_hand.insert(sku.to_string(), 1);
        world.state().down.clear();
        world.clock.advance(chrono::TimeDelta::seconds(11));
        life.until(order.id(), "rejected").await;
        let shown = life.show(&order).await;
        assert_eq!(shown["reason"], "out_of_stock");
        assert_eq!(shown["reason_details"][0]["field"], "items[0].quantity");
        life.settle().await;
        life.check().await;
    });
}

#[test]
fn prices_are_the_last_known_ones_while_the_catalog_is_down() {
    let (world, _folder, life, sku) = begin();
    life.run(async {
        let known = life.order(None, None, Some(&[(sku, 1)])).await;
        assert_eq!(known.data["price_may_have_changed"], false);
        world.state().down.push("catalog");
        let order = life.order(None, None, Some(&[(sku, 1)])).await;
        assert_eq!(order.status, 201, "{order:?}");
        assert_eq!(order.data["price_may_have_changed"], true);
        world.pay(order.payment());
        life.until(order.id(), "confirmed").await;
        let unknown = world.sku(5);
        let refused = life.order(None, None, Some(&[(unknown, 1)])).await;
        assert_eq!(refused.status, 503, "{refused:?}");
        life.settle().await;
        life.check().await;
    });
}

#[test]
fn who_repeats_a_request_hears_of_the_order_though_the_queue_is_full() {
    let world = World::new();
    let sku = world.sku(10);
    let folder = tempfile::tempdir().unwrap();
    let queue = QueueConfig { permits: 1, limit: 0 };
    let life = Life::start_with(&world, folder.path(), Config { queue, ..Config::default() });
    life.run(async {
        let items = [(sku, 1)];
        let order = life.order(None, Some("key"), Some(&items)).await;
        assert_eq!(order.data["status"], "pending_payment", "{order:?}");
        let running = async {
            loop {
                match life.app.queue.admit() {
                    Ok(ticket) => break ticket,
                    Err(_) => tokio::time::sleep(Duration::from_millis(5)).await,
                }
            }
        };
        // The first order has it a moment longer than its buyer waits.
        let _running = tokio::time::timeout(Duration::from_secs(30), running).await.expect("one may run");
        let refused = life.order(None, Some("other"), Some(&items)).await;
        assert_eq!((refused.status.as_u16(), &refused.error["code"]), (503, &json!("checkout_busy")), "{refused:?}");
        let again = life.order(None, Some("key"), Some(&items)).await;
        assert_eq!((again.status, again.data), (order.status, order.data));
        let another = life.order(None, Some("key"), Some(&[(sku, 2)])).await;
        assert_eq!(another.status, 422, "{another:?}");
    });
}

#[test]
fn a_key_whose_order_was_queued_keeps_its_answer_whatever_became_of_the_order() {
    let (world, _folder, life, sku) = begin();
    life.run(async {
        world.state().down.push("payments");
        let items = [(sku, 1)];
        let queued = life.order(None, Some("key"), Some(&items)).await;
        assert_eq!(queued.status, 202, "{queued:?}");
        let again = life.order(None, Some("key"), Some(&items)).await;
        assert_eq!((again.status, &again.data), (queued.status, &queued.data), "also while it waits");
        world.state().down.clear();
        world.clock.advance(chrono::TimeDelta::seconds(11));
        life.until(queued.id(), "pending_payment").await;
        let again = life.order(None, Some("key"), Some(&items)).await;
        assert_eq!((again.status, &again.data), (queued.status, &queued.data));
        assert_eq!(crate::verify::facts(&life.db, None, 10).await.unwrap().len(), 1);
    });
}

#[test]
fn an_unknown_payment_provider_is_refused_before_anything_is_held() {
    let (world, _folder, life, sku) = begin();
    life.run(async {
        let form = |provider: &str| {
            Some(json!({"email": "guest@mail.example", "items": [{"sku_id": sku, "quantity": 1}],
                "payment_provider": provider, "shipping_address":
                {"name": "A Guest", "line1": "1 Street", "city": "Town", "country": "DE"}}))
        };
        // Nobody knows better: the order waits for payments.
        world.state().down.push("payments");
        let queued = life.call("POST", "/orders", &[], form("manual")).await;
        assert_eq!(queued.status, 202, "{queued:?}");
        world.state().down.clear();
        let calls = world.state().calls.len();
        let refused = life.call("POST", "/orders", &[], form("bitcoin")).await;
        assert_eq!((refused.status.as_u16(), &refused.error["details"][0]["field"]), (422, &json!("payment_provider")));
        assert_eq!(world.state().calls[calls..].iter().filter(|call| **call == "reserve").count(), 0);
        let placed = life.call("POST", "/orders", &[], form("manual")).await;
        assert_eq!(placed.status, 201, "{placed:?}");
        assert_eq!(world.state().payments[&placed.payment().to_string()].provider, "manual");
        world.clock.advance(chrono::TimeDelta::seconds(11));
        life.until(queued.id(), "pending_payment").await;
        life.settle().await;
        life.check().await;
    });
}

#[test]
fn what_can_no_longer_be_sold_is_refunded() {
    let (world, _folder, life, sku) = begin();
    life.run(async {
        let order = life.order(None, None, Some(&[(sku, 1)])).await;
        world.state().sellable = false;
        world.pay(order.payment());
        life.until(order.id(), "refunded").await;
        assert_eq!(life.show(&order).await["reason"], "seller_unavailable");
        let refused = life.order(None, None, Some(&[(sku, 1)])).await;
        assert_eq!((refused.status.as_u16(), &refused.error["code"]), (409, &json!("not_sellable")));
        life.settle().await;
        life.check().await;
    });
}

#[test]
fn what_costs_nothing_needs_no_payment() {
    let (world, _folder, life, sku) = begin();
    life.run(async {
        world.state().price = 0;
        let order = life.order(None, None, Some(&[(sku, 1)])).await;
        assert_eq!((order.status.as_u16(), &order.data["status"]), (201, &json!("confirmed")), "{order:?}");
        let path = format!("/orders/{}/cancel", order.id());
        life.call("PUT", &path, &[("x-order-token", order.token())], None).await;
        life.settle().await;
        life.check().await;
    });
}

#[test]
fn an_order_belongs_to_its_buyer() {
    let (_world, _folder, life, sku) = begin();
    life.run(async {
        let order = life.order(None, None, Some(&[(sku, 1)])).await;
        let path = format!("/orders/{}", order.id());
        assert_eq!(life.call("GET", &path, &[], None).await.status, 401);
        for method in ["GET", "DELETE"] {
            assert_eq!(life.call(method, &path, &[("x-order-token", "guess")], None).await.status, 404);
        }
        let mine = [("x-order-token", order.token())];
        let address = json!({"name": "B", "line1": "2 Street", "city": "Town", "country": "FR"});
        let stale = json!({"shipping_address": address, "version": 1});
        assert_eq!(life.call("PUT", &path, &mine, Some(stale)).await.status, 412);
        let changed = life.call("PATCH", &path, &mine, Some(json!({"shipping_address": address}))).await;
        assert_eq!(changed.data["shipping_address"]["country"], "FR", "{changed:?}");
        assert_eq!(life.call("DELETE", &path, &mine, None).await.status, 204);
        assert_eq!(life.call("GET", &path, &mine, None).await.status, 404);
        life.settle().await;
        life.check().await;
    });
}

#[test]
fn bad_requests_are_refused_with_every_field_named() {
    let (_world, _folder, life, sku) = begin();
    life.run(async {
        let body = json!({"email": "x", "shipping_address": {"name": "", "line1": " ", "city": "T", "country": "de"},
            "items": [{"sku_id": sku, "quantity": 0}, {"sku_id": "sku_x", "quantity": 1}], "expected_total": -1});
        let answer = life.call("POST", "/orders", &[], Some(body)).await;
        assert_eq!(answer.status, 422, "{answer:?}");
        let details = answer.error["details"].as_array().unwrap();
        for field in [
            "email",
            "shipping_address.name",
            "shipping_address.line1",
            "shipping_address.country",
            "items[0].quantity",
            "items[1].sku_id",
            "expected_total",
        ] {
            assert!(details.iter().any(|detail| detail["field"] == field), "{field}: {details:?}");
        }
        let unknown = life.order(None, None, Some(&[(souk_kernel::SkuId::new(), 1)])).await;
        assert_eq!((unknown.status.as_u16(), &unknown.error["details"][0]["field"]), (422, &json!("items[0].sku_id")));
        let empty = life
            .call(
                "POST",
                "/orders",
                &[],
                Some(json!({"email": "a@b.example",
            "shipping_address": {"name": "A", "line1": "1", "city": "T", "country": "DE"}})),
            )
            .await;
        assert_eq!((empty.status.as_u16(), &empty.error["code"]), (409, &json!("cart_empty")));
        life.settle().await;
        life.check().await;
    });
}

#[test]
fn a_total_that_is_not_the_expected_one_is_refused_with_both() {
    let (_world, _folder, life, sku) = begin();
    life.run(async {
        let body = |expected: i64| {
            json!({"email": "a@b.example", "items": [{"sku_id": sku, "quantity": 2}],
            "shipping_address": {"name": "A", "line1": "1", "city": "T", "country": "DE"}, "expected_total": expected})
        };
        let quote = life.call("POST", "/orders/quote", &[], Some(body(1))).await;
        assert_eq!((quote.status.as_u16(), &quote.data["total"]), (200, &json!(2000)), "{quote:?}");
        let refused = life.call("POST", "/orders", &[], Some(body(1999))).await;
        assert_eq!((refused.status.as_u16(), &refused.error["code"]), (409, &json!("total_changed")));
        let details = &refused.error["details"];
        assert_eq!(details[0], json!({"field": "expected", "message": "1999"}));
        assert_eq!(details[1], json!({"field": "actual", "message": "2000"}));
        assert_eq!(life.call("POST", "/orders", &[], Some(body(2000))).await.status, 201);
        life.settle().await;
        life.check().await;
    });
}

#[test]
fn a_stream_tells_the_status_now_and_at_every_change_until_the_end() {
    let (world, _folder, life, sku) = begin();
    life.run(async {
        let order = life.order(None, None, Some(&[(sku, 1)])).await;
        let path = format!("/orders/{}/stream", order.id());
        let mut frames = life.open(&path, order.token()).await.into_data_stream();
        let first = frames.next().await.unwrap().unwrap();
        let first = String::from_utf8_lossy(&first);
        assert!(first.starts_with("event: status\ndata: {"), "{first}");
        assert!(first.contains(r#""status":"pending_payment""#), "{first}");
        world.pay(order.payment());
        life.until(order.id(), "confirmed").await;
        let path = format!("/orders/{}/cancel", order.id());
        life.call("PUT", &path, &[("x-order-token", order.token())], None).await;
        let rest: Vec<_> = frames.map(|frame| String::from_utf8_lossy(&frame.unwrap()).into_owned()).collect().await;
        assert!(rest.last().unwrap().contains(r#""status":"refunded""#), "{rest:?}");
    });
}
