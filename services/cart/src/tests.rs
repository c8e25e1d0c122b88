//! The service against a real database, with a catalog and an inventory that the test directs.

mod fakes;

use std::{collections::HashMap, sync::Arc};

use axum::{
    Router,
    body::{Body, to_bytes},
    http::{Request, StatusCode},
};
use chrono::TimeDelta;
use sea_orm::EntityTrait;
use serde_json::{Value, json};
use souk_contracts::{
    catalog::{catalog_client::CatalogClient, catalog_server::CatalogServer},
    inventory::{inventory_client::InventoryClient, inventory_server::InventoryServer},
};
use souk_kernel::{CartId, Clock, Currency, EventId, OrderId, SkuId, UserId};
use souk_platform::{
    db::Database,
    events::Receipt,
    rpc::{Directory, Policy},
    security::token_hash,
};
use tonic::service::Routes;
use tower::ServiceExt;

use crate::{
    app::App,
    config::Config,
    domain::{Owner, Status},
    error::Error,
    http, operations, store, verify,
};
use fakes::Fakes;

struct Fixture {
    app: Arc<App>,
    router: Router,
    fakes: Fakes,
    clock: Clock,
    _folder: tempfile::TempDir,
    _directory: Directory,
}

async fn fixture() -> Fixture {
    let folder = tempfile::tempdir().unwrap();
    let clock = Clock::adjustable();
    let url = souk_platform::db::testing::url(folder.path(), "cart").await;
    let db = Database::open::<store::Migrator>("cart", &url, clock.clone()).await.unwrap();
    let (directory, fakes) = (Directory::new(), Fakes::default());
    directory.register("catalog", Routes::new(CatalogServer::new(fakes.clone())));
    directory.register("inventory", Routes::new(InventoryServer::new(fakes.clone())));
    let channel = |callee| directory.channel("cart", callee, Policy::default());
    let app = Arc::new(App {
        config: Config::default(),
        db,
        catalog: CatalogClient::new(channel("catalog")),
        inventory: InventoryClient::new(channel("inventory")),
        currency: Currency::EUR,
    });
    let (router, _) = http::routes(Arc::clone(&app)).split_for_parts();
    Fixture { app, router, fakes, clock, _folder: folder, _directory: directory }
}

struct Answer {
    status: StatusCode,
    token: Option<String>,
    body: Value,
}

impl Fixture {
    async fn call(&self, token: Option<&str>, method: &str, path: &str, body: Option<Value>) -> Answer {
        let mut request = Request::builder().method(method).uri(path).header("content-type", "application/json");
        if let Some(token) = token {
            request = request.header("x-cart-token", token);
        }
        let body = body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
        let response = self.router.clone().oneshot(request.body(body).unwrap()).await.unwrap();
        let token = response.headers().get("x-cart-token").map(|value| value.to_str().unwrap().to_owned());
        let status = response.status();
        let bytes = to_bytes(response.into_body(), usize::MAX).await.unwrap();
        let mut body: Value = serde_json::from_slice(&bytes).unwrap();
        let part = if status.is_success() { "data" } else { "error" };
        Answer { status, token, body: body[part].take() }
    }

    async fn add(&self, token: Option<&str>, sku_id: SkuId, quantity: i64) -> Answer {
        let item = json!({"sku_id": sku_id, "quantity": quantity});
        self.call(token, "POST", "/cart/items", Some(item)).await
    }

    async fn show(&self, token: &str) -> Value {
        self.call(Some(token), "GET", "/cart", None).await.body
    }

    async fn stored(&self, owner: Owner) -> Option<crate::domain::Cart> {
        store::find_for_owner(self.app.db.reader(), &owner).await.unwrap()
    }

    /// The orders that carts were made into.
    async fn bound(&self) -> Vec<(OrderId, Status)> {
        let carts = store::cart::Entity::find().all(self.app.db.reader()).await.unwrap();
        carts.into_iter().filter_map(|cart| cart.order_id.map(|order_id| (order_id, cart.status))).collect()
    }

    async fn assert_sound(&self) {
        for rule in verify::rules(&self.app.db).await.unwrap() {
            assert!(rule.holds(), "{}: {:?}", rule.name, rule.offenders);
        }
    }
}

fn guest(token: &str) -> Owner {
    Owner::Guest(token_hash(token))
}

fn receipt() -> Receipt {
    Receipt { consumer: "cart", event_id: EventId::new() }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_fills_a_cart() {
    let fixture = fixture().await;
    let (mug, cup) = (fixture.fakes.offer(250, 10), fixture.fakes.offer(100, 3));
    let first = fixture.add(None, mug, 2).await;
    let token = first.token.unwrap();
    assert_eq!((first.status, first.body["token"].as_str()), (StatusCode::OK, Some(token.as_str())));
    assert_eq!(first.body["subtotal"], 500);
    let second = fixture.add(Some(&token), cup, 1).await;
    assert_eq!(second.token.as_deref(), Some(token.as_str()));
    assert!(second.body.get("token").is_none(), "told once");
    let third = fixture.add(Some(&token), mug, 1).await.body;
    assert_eq!((&third["subtotal"], &third["currency"], &third["id"]), (&json!(850), &json!("GBP"), &first.body["id"]));
    let item = &third["items"][0];
    assert_eq!((&item["sku_id"], &item["quantity"], &item["line_total"]), (&json!(mug), &json!(3), &json!(750)));
    assert_eq!((&item["available"], &item["price_changed"]), (&json!(10), &json!(false)));
    assert_eq!(item["seller"]["name"], "Potter");
    assert_eq!(fixture.show(&token).await, third);

    let path = format!("/cart/items/{mug}");
    let set = fixture.call(Some(&token), "PATCH", &path, Some(json!({"quantity": 1}))).await;
    assert_eq!(set.body["subtotal"], 350);
    let removed = fixture.call(Some(&token), "PUT", &path, Some(json!({"quantity": 0}))).await;
    assert_eq!(removed.body["items"].as_array().unwrap().len(), 1);
    let again = fixture.call(Some(&token), "DELETE", &path, None).await;
    assert_eq!(again.status, StatusCode::NOT_FOUND);
    let cleared = fixture.call(Some(&token), "DELETE", "/cart", None).await.body;
    assert_eq!((&cleared["items"], &cleared["currency"], &cleared["id"]), (&json!([]), &json!("EUR"), &third["id"]));
    fixture.assert_sound().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_cart_keeps_its_id_and_a_bad_token_is_replaced() {
    let fixture = fixture().await;
    let first = fixture.call(None, "GET", "/cart", None).await;
    let token = first.token.unwrap();
    assert_eq!(fixture.show(&token).await["id"], first.body["id"]);
    let other = fixture.call(Some("mine"), "GET", "/cart", None).await;
    assert!(other.token.is_some_and(|new| new != "mine" && new != token));
    assert_ne!(other.body["id"], first.body["id"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_bought_is_refused() {
    let fixture = fixture().await;
    let mug = fixture.fakes.offer(250, 3);
    let short = fixture.add(None, mug, 4).await;
    assert_eq!((short.status, &short.body["code"]), (StatusCode::CONFLICT, &json!("out_of_stock")));
    assert_eq!(short.body["details"], json!([{"field": "available", "message": "3"}]));
    let unknown = fixture.add(None, SkuId::new(), 1).await;
    assert_eq!((unknown.status, &unknown.body["code"]), (StatusCode::NOT_FOUND, &json!("not_found")));
    let foreign = fixture.fakes.offer(1, 1);
    fixture.fakes.change(foreign, |offer| offer.currency = "USD".to_owned());
    let token = fixture.add(None, mug, 1).await.token.unwrap();
    assert_eq!(fixture.add(Some(&token), foreign, 1).await.body["code"], "currency_mismatch");
    fixture.fakes.change(mug, |offer| {
        (offer.sellable, offer.not_sellable_reason) = (false, "seller_unavailable".to_owned());
    });
    let refused = fixture.add(Some(&token), mug, 1).await;
    assert_eq!((refused.status, &refused.body["code"]), (StatusCode::CONFLICT, &json!("seller_unavailable")));
    let item = fixture.show(&token).await["items"][0].take();
    assert_eq!((&item["available"], &item["unavailable_reason"]), (&json!(0), &json!("seller_unavailable")));

    for (body, status) in [
        (json!({"sku_id": mug, "quantity": 0}), 422),
        (json!({"sku_id": mug, "quantity": -1}), 422),
        (json!({"sku_id": mug, "quantity": i64::MAX}), 422),
        (json!({"sku_id": "mug", "quantity": 1}), 422),
        (json!({"sku_id": mug}), 422),
        (json!({"sku_id": mug, "quantity": 1.5}), 400),
        (json!({"sku_id": mug, "quantity": 1, "price": 1}), 400),
    ] {
        let answer = fixture.call(Some(&token), "POST", "/cart/items", Some(body.clone())).await;
        assert_eq!(answer.status, status, "{body}: {}", answer.body);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn prices_and_stock_are_those_of_the_moment_and_their_absence_hides_no_cart() {
    let fixture = fixture().await;
    let mug = fixture.fakes.offer(250, 3);
    let token = fixture.add(None, mug, 2).await.token.unwrap();
    fixture.fakes.change(mug, |offer| offer.price = 300);
    fixture.fakes.stock(mug, 1);
    let item = fixture.show(&token).await["items"][0].take();
    assert_eq!((&item["unit_price"], &item["price_changed"]), (&json!(300), &json!(true)));
    assert_eq!((&item["available"], &item["quantity"]), (&json!(1), &json!(2)));
    let path = format!("/cart/items/{mug}");
    let accepted = fixture.call(Some(&token), "PUT", &path, Some(json!({"quantity": 1}))).await;
    assert_eq!(accepted.body["items"][0]["price_changed"], false);
    fixture.fakes.close();
    let item = fixture.show(&token).await["items"][0].take();
    assert_eq!((&item["unit_price"], &item["available"]), (&json!(300), &Value::Null));
    assert_eq!(fixture.add(Some(&token), mug, 1).await.status, StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test(flavor = "multi_thread")]
async fn adding_at_the_same_time_loses_nothing() {
    let fixture = Arc::new(fixture().await);
    let mug = fixture.fakes.offer(1, 100);
    let token = fixture.call(None, "GET", "/cart", None).await.token.unwrap();
    let tasks: Vec<_> = (0..40)
        .map(|_| {
            let (fixture, token) = (Arc::clone(&fixture), token.clone());
            tokio::spawn(async move { fixture.add(Some(&token), mug, 1).await.status })
        })
        .collect();
    for task in tasks {
        assert_eq!(task.await.unwrap(), StatusCode::OK);
    }
    assert_eq!(fixture.show(&token).await["items"][0]["quantity"], 40);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_freezes_frees_and_closes_its_cart() {
    let fixture = fixture().await;
    let mug = fixture.fakes.offer(250, 10);
    let empty = operations::freeze(&fixture.app, guest("nobody"), OrderId::new()).await;
    assert!(matches!(empty, Err(Error::Empty)));
    let token = fixture.add(None, mug, 2).await.token.unwrap();
    let (first, second) = (OrderId::new(), OrderId::new());
    for _ in 0..2 {
        let frozen = operations::freeze(&fixture.app, guest(&token), first).await.unwrap();
        assert_eq!((frozen.status, frozen.lines.len()), (Status::Frozen, 1));
    }
    assert!(matches!(operations::freeze(&fixture.app, guest(&token), second).await, Err(Error::Refused(_))));
    let refused = fixture.add(Some(&token), mug, 1).await;
    assert_eq!((refused.status, &refused.body["code"]), (StatusCode::CONFLICT, &json!("cart_frozen")));
    assert_eq!(refused.body["details"], json!([{"field": "order_id", "message": first.to_string()}]));
    for (method, path) in [("DELETE", "/cart".to_owned()), ("DELETE", format!("/cart/items/{mug}"))] {
        assert_eq!(fixture.call(Some(&token), method, &path, None).await.status, StatusCode::CONFLICT);
    }
    fixture.assert_sound().await;

    operations::thaw_cancelled(&fixture.app, first, receipt()).await.unwrap();
    operations::thaw(&fixture.app, first, Some(guest(&token))).await.unwrap();
    let late = operations::freeze(&fixture.app, guest(&token), first).await;
    assert!(matches!(late, Err(Error::Ended)), "it was slow, and is refused: {late:?}");
    fixture.add(Some(&token), mug, 1).await;
    fixture.add(Some(&token), mug, 2).await;
    let cart = operations::freeze(&fixture.app, guest(&token), second).await.unwrap();
    for _ in 0..2 {
        operations::close(&fixture.app, second, cart.id, HashMap::from([(mug, 2)]), receipt()).await.unwrap();
    }
    let next = fixture.show(&token).await;
    assert_eq!(next["items"], json!([]), "the same token, the next cart");
    assert_ne!(next["id"], json!(cart.id));
    assert_eq!(fixture.bound().await, [(second, Status::Closed)]);
    fixture.assert_sound().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cart_that_is_bound_and_freed_at_the_same_time_stays_free() {
    let fixture = fixture().await;
    let mug = fixture.fakes.offer(250, 5);
    let token = fixture.add(None, mug, 1).await.token.unwrap();
    for _ in 0..40 {
        let order_id = OrderId::new();
        let freezes = operations::freeze(&fixture.app, guest(&token), order_id);
        let (frozen, thawed) = tokio::join!(freezes, operations::thaw(&fixture.app, order_id, Some(guest(&token))));
        thawed.unwrap();
        assert!(matches!(frozen, Ok(_) | Err(Error::Ended)), "{frozen:?}");
        let cart = fixture.stored(guest(&token)).await.unwrap();
        assert_eq!((cart.status, cart.order_id), (Status::Open, None));
    }
    fixture.assert_sound().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_guest_adds_while_logging_in_is_in_one_cart_or_the_other() {
    let fixture = fixture().await;
    let mug = fixture.fakes.offer(1, 1000);
    for _ in 0..20 {
        let user_id = UserId::new();
        operations::open(&fixture.app, Owner::User(user_id)).await.unwrap();
        let token = fixture.add(None, mug, 1).await.token.unwrap();
        let merges = operations::merge(&fixture.app, user_id, guest(&token));
        let (merged, added) = tokio::join!(merges, fixture.add(Some(&token), mug, 1));
        merged.unwrap();
        assert_eq!(added.status, StatusCode::OK);
        let units = async |owner| fixture.stored(owner).await.and_then(|cart| cart.line(mug).map(|line| line.quantity));
        let both = (units(Owner::User(user_id)).await, units(guest(&token)).await);
        assert!(matches!(both, (Some(2), None) | (Some(1), Some(1))), "{both:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_payment_takes_what_was_bought_out_of_the_freed_cart() {
    let fixture = fixture().await;
    let (mug, cup) = (fixture.fakes.offer(250, 10), fixture.fakes.offer(100, 9));
    let token = fixture.add(None, mug, 3).await.token.unwrap();
    let order_id = OrderId::new();
    let cart = operations::freeze(&fixture.app, guest(&token), order_id).await.unwrap();
    operations::thaw(&fixture.app, order_id, Some(guest(&token))).await.unwrap();
    fixture.add(Some(&token), mug, 1).await;
    fixture.add(Some(&token), cup, 1).await;
    let late = receipt();
    for _ in 0..2 {
        operations::close(&fixture.app, order_id, cart.id, HashMap::from([(mug, 3)]), late).await.unwrap();
    }
    assert_eq!(fixture.show(&token).await["subtotal"], 350);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guests_cart_becomes_the_users() {
    let fixture = fixture().await;
    let (mug, cup) = (fixture.fakes.offer(250, 5), fixture.fakes.offer(100, 9));
    let user_id = UserId::new();
    let token = fixture.add(None, mug, 3).await.token.unwrap();
    let id = fixture.stored(guest(&token)).await.unwrap().id;
    operations::merge(&fixture.app, user_id, guest(&token)).await.unwrap();
    assert_eq!(fixture.stored(Owner::User(user_id)).await.unwrap().id, id, "handed over as it is");
    assert!(fixture.stored(guest(&token)).await.is_none());

    let token = fixture.add(None, cup, 1).await.token.unwrap();
    fixture.add(Some(&token), mug, 4).await;
    for _ in 0..2 {
        operations::merge(&fixture.app, user_id, guest(&token)).await.unwrap();
    }
    let merged = fixture.stored(Owner::User(user_id)).await.unwrap();
    let quantity = |sku_id| merged.line(sku_id).map(|line| line.quantity);
    assert_eq!((merged.id, quantity(mug), quantity(cup)), (id, Some(5), Some(1)));

    operations::forget_user(&fixture.app, user_id, receipt()).await.unwrap();
    assert!(fixture.stored(Owner::User(user_id)).await.is_none());
    fixture.assert_sound().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frozen_cart_waits_for_its_order_through_login_and_deletion() {
    let fixture = fixture().await;
    let mug = fixture.fakes.offer(250, 5);
    let (user_id, order_id) = (UserId::new(), OrderId::new());
    let token = fixture.add(None, mug, 1).await.token.unwrap();
    operations::freeze(&fixture.app, guest(&token), order_id).await.unwrap();
    operations::merge(&fixture.app, user_id, guest(&token)).await.unwrap();
    assert_eq!(fixture.stored(Owner::User(user_id)).await.unwrap().order_id, Some(order_id));
    operations::forget_user(&fixture.app, user_id, receipt()).await.unwrap();
    operations::close(&fixture.app, order_id, CartId::new(), HashMap::new(), receipt()).await.unwrap();
    assert_eq!(fixture.bound().await, [(order_id, Status::Closed)]);
    fixture.assert_sound().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn forgotten_carts_are_removed_and_others_stay() {
    let fixture = fixture().await;
    let mug = fixture.fakes.offer(250, 50);
    fixture.call(None, "GET", "/cart", None).await;
    let forgotten = fixture.add(None, mug, 1).await.token.unwrap();
    let users = fixture.add(None, mug, 1).await.token.unwrap();
    operations::merge(&fixture.app, UserId::new(), guest(&users)).await.unwrap();
    assert_eq!(operations::purge(&fixture.app).await.unwrap(), 0);
    fixture.clock.advance(TimeDelta::days(2));
    assert_eq!(operations::purge(&fixture.app).await.unwrap(), 1, "the empty one");
    let used = fixture.add(None, mug, 1).await.token.unwrap();
    fixture.clock.advance(TimeDelta::days(59));
    fixture.add(Some(&used), mug, 1).await;
    fixture.clock.advance(TimeDelta::days(2));
    assert_eq!(operations::purge(&fixture.app).await.unwrap(), 1, "the one that nobody touched");
    assert!(fixture.stored(guest(&forgotten)).await.is_none());
    assert!(fixture.stored(guest(&used)).await.is_some());
}
