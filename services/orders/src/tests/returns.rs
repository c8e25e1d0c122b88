//! What happens after an order was paid.

use serde_json::{Value, json};
use souk_kernel::{Actor, EventId, SellerOrderId, SkuId, UserId};
use souk_platform::events::Receipt;

use super::{
    life::{Answer, Life},
    world::World,
};
use crate::{
    domain::ReturnStatus,
    error::Error,
    operations::{self, Parcel},
    store::Scope,
    verify::PartFacts,
};

struct Scene {
    world: World,
    life: Life,
    skus: [SkuId; 2],
    order: Answer,
    parts: Vec<PartFacts>,
    _folder: tempfile::TempDir,
}

/// A paid order of two sellers, three units of each.
fn paid() -> Scene {
    let world = World::new();
    let skus = [world.sku(10), world.sku(10)];
    let folder = tempfile::tempdir().unwrap();
    let life = Life::start(&world, folder.path());
    let (order, parts) = life.run(async {
        let order = life.order(None, None, Some(&skus.map(|sku| (sku, 3)))).await;
        world.pay(order.payment());
        life.until(order.id(), "confirmed").await;
        let facts = crate::verify::facts_about(&life.db, order.id()).await.unwrap().unwrap();
        (order, facts.parts)
    });
    Scene { world, life, skus, order, parts, _folder: folder }
}

impl Scene {
    async fn ship(&self, part: &PartFacts) -> Result<(), Error> {
        let parcel = Parcel { carrier: "Post".into(), tracking_number: "P1".into() };
        operations::ship_order(&self.life.app, part.seller_order_id, part.seller_id, parcel).await
    }

    async fn deliver(&self, part: &PartFacts) -> Result<(), Error> {
        operations::deliver_order(&self.life.app, part.seller_order_id, part.seller_id).await
    }

    async fn ask(&self, sku: SkuId, quantity: i64) -> Answer {
        let body = json!({"items": [{"sku_id": sku, "quantity": quantity}], "reason": "too small"});
        let path = format!("/orders/{}/returns", self.order.id());
        self.life.call("POST", &path, &[("x-order-token", self.order.token())], Some(body)).await
    }

    async fn decide(&self, asked: &Answer, part: &PartFacts, approved: bool) -> ReturnStatus {
        let id = asked.data["id"].as_str().unwrap().parse().unwrap();
        operations::decide_return(&self.life.app, id, part.seller_id, approved).await.unwrap().status
    }

    async fn shown(&self) -> Value {
        self.life.show(&self.order).await
    }

    async fn part_status(&self, id: SellerOrderId) -> Value {
        let shown = self.shown().await;
        let parts = shown["seller_orders"].as_array().unwrap();
        parts.iter().find(|part| part["id"] == json!(id)).unwrap()["status"].clone()
    }
}

#[test]
fn parts_are_shipped_one_by_one_and_nothing_is_cancelled_then() {
    let scene = paid();
    scene.life.run(async {
        let [first, second] = [scene.parts[0], scene.parts[1]];
        assert!(scene.deliver(&first).await.is_err(), "not shipped yet");
        let foreign = PartFacts { seller_id: second.seller_id, ..first };
        assert!(matches!(scene.ship(&foreign).await, Err(Error::NotFound(_))), "another seller's");
        scene.ship(&first).await.unwrap();
        assert!(scene.ship(&first).await.is_err(), "once");
        let shown = scene.shown().await;
        assert_eq!((&shown["status"], &shown["fulfilment"]), (&json!("confirmed"), &json!("partial")));
        assert_eq!(shown["seller_orders"][0]["tracking"], json!({"carrier": "Post", "number": "P1"}));
        let cancel = operations::cancel_order(&scene.life.app, scene.order.id(), &Scope::Admin, Actor::System).await;
        assert!(cancel.is_err());
        scene.ship(&second).await.unwrap();
        scene.deliver(&first).await.unwrap();
        assert_eq!(scene.shown().await["fulfilment"], "shipped");
        scene.deliver(&second).await.unwrap();
        assert_eq!(scene.shown().await["fulfilment"], "delivered");
        scene.world.clock.advance(chrono::TimeDelta::days(15));
        scene.life.until(scene.order.id(), "completed").await;
        scene.life.settle().await;
        scene.life.check().await;
        assert_eq!(scene.ask(scene.skus[0], 1).await.status, 409, "the time to return is over");
    });
}

#[test]
fn units_come_back_in_steps_and_give_back_exactly_what_was_paid() {
    let scene = paid();
    scene.life.run(async {
        let [first, second] = [scene.parts[0], scene.parts[1]];
        let sku = scene.skus[0];
        assert_eq!(scene.ask(sku, 1).await.status, 409, "not delivered yet");
        for part in [&first, &second] {
            scene.ship(part).await.unwrap();
            scene.deliver(part).await.unwrap();
        }
        assert_eq!(scene.ask(sku, 4).await.status, 422, "more than was bought");
        let asked = scene.ask(sku, 1).await;
        assert_eq!((asked.status.as_u16(), &asked.data["amount"]), (201, &json!(1000)), "{asked:?}");
        assert_eq!(scene.ask(sku, 1).await.error["code"], "return_open");
        assert_eq!(scene.decide(&asked, &first, false).await, ReturnStatus::Rejected);
        assert_eq!(scene.part_status(first.seller_order_id).await, "delivered");
        for (units, status) in [(1, "delivered"), (2, "returned")] {
            let asked = scene.ask(sku, units).await;
            assert_eq!(scene.decide(&asked, &first, true).await, ReturnStatus::Approved);
            assert_eq!(scene.decide(&asked, &first, true).await, ReturnStatus::Approved, "deciding twice is harmless");
            assert_eq!(scene.part_status(first.seller_order_id).await, status);
        }
        scene.life.quiet().await;
        let paid = scene.world.state().payments.values().map(|payment| payment.refunded).sum::<i64>();
        assert_eq!(paid, 3000);
        assert_eq!(scene.world.state().held(&sku.to_string()), 0, "back on the shelf");
        assert_eq!(scene.shown().await["payment_status"], "partially_refunded");
        // A return that waits for its decision keeps the part open past its time; the decision ends that.
        let asked = scene.ask(scene.skus[1], 1).await;
        scene.world.clock.advance(chrono::TimeDelta::days(15));
        scene.life.quiet().await;
        assert_eq!(scene.part_status(second.seller_order_id).await, "return_requested");
        scene.decide(&asked, &second, false).await;
        scene.life.until(scene.order.id(), "completed").await;
        scene.life.rules().await;
    });
}

#[test]
fn a_deleted_account_leaves_orders_without_a_person() {
    let scene = paid();
    scene.life.run(async {
        let (app, id, user) = (&scene.life.app, scene.order.id(), UserId::new());
        let mut bought = app.order(id).await.unwrap().row;
        bought.user_id = Some(user);
        let change = crate::store::orders::ActiveModel {
            user_id: sea_orm::ActiveValue::Set(bought.user_id),
            ..Default::default()
        };
        let (seen, now) = (bought.version, app.now());
        app.write(id, move |tx| async move { Ok(crate::store::orders::update(&tx, id, seen, now, change).await??) })
            .await
            .unwrap();
        let receipt = Receipt { consumer: "orders", event_id: EventId::new() };
        operations::forget_user(app, user, receipt).await.unwrap();
        let row = async || app.order(id).await.unwrap().row;
        assert_eq!(row().await.address.city, "Town", "it has yet to arrive");
        operations::cancel_order(app, id, &Scope::Admin, Actor::System).await.unwrap();
        scene.life.until(id, "refunded").await;
        scene.world.clock.advance(chrono::TimeDelta::days(2));
        scene.life.quiet().await;
        let row = row().await;
        assert_eq!((row.email.as_str(), row.address.city.as_str(), row.address.country.as_str()), ("", "", "DE"));
        scene.life.settle().await;
        scene.life.check().await;
    });
}
