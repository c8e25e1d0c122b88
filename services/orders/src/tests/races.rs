//! Everything at once.

use futures::future::{join, join_all};
use sea_orm::ConnectionTrait;
use souk_kernel::Timestamp;
use souk_platform::db::Tx;

use super::{
    life::{Answer, Life},
    world::World,
};
use crate::store::claims;

fn begin(units: i64) -> (World, tempfile::TempDir, Life, souk_kernel::SkuId) {
    let world = World::new();
    let sku = world.sku(units);
    let folder = tempfile::tempdir().unwrap();
    let life = Life::start(&world, folder.path());
    (world, folder, life, sku)
}

#[test]
fn one_key_makes_one_order_however_often_it_is_sent() {
    let (world, _folder, life, sku) = begin(100);
    life.run(async {
        let answers = join_all((0..50).map(async |_| life.order(None, Some("key"), Some(&[(sku, 1)])).await)).await;
        let first = &answers[0];
        assert_eq!(first.status, 201, "{first:?}");
        assert!(answers.iter().all(|answer| answer.data == first.data));
        assert_eq!(world.state().held(&sku.to_string()), 1);
        life.settle().await;
        life.check().await;
    });
}

#[test]
fn two_tabs_with_one_cart_make_one_order() {
    let (world, _folder, life, sku) = begin(100);
    let cart = world.cart(&[(sku, 3)]);
    life.run(async {
        let tabs = join_all((0..10).map(|_| life.order(Some(&cart), None, None))).await;
        let won: Vec<_> = tabs.iter().filter(|answer| answer.status == 201).collect();
        assert_eq!(won.len(), 1, "{tabs:?}");
        assert!(tabs.iter().all(|answer| answer.status == 201 || answer.error["code"] == "cart_frozen"), "{tabs:?}");
        assert_eq!(world.state().held(&sku.to_string()), 3);
        world.pay(won[0].payment());
        life.until(won[0].id(), "confirmed").await;
        life.settle().await;
        life.check().await;
    });
}

#[test]
fn the_last_units_are_sold_once() {
    let (world, _folder, life, sku) = begin(7);
    life.run(async {
        let answers = join_all((0..40).map(async |_| life.order(None, None, Some(&[(sku, 1)])).await)).await;
        let won: Vec<_> = answers.iter().filter(|answer| answer.status == 201).collect();
        assert_eq!(won.len(), 7);
        for lost in answers.iter().filter(|answer| answer.status != 201) {
            assert_eq!((lost.status.as_u16(), &lost.error["code"]), (409, &"out_of_stock".into()));
            assert_eq!(lost.error["details"][0]["field"], "items[0].quantity");
        }
        for order in won {
            world.pay(order.payment());
        }
        life.settle().await;
        life.check().await;
    });
}

#[test]
fn a_payment_told_by_everybody_at_once_confirms_once() {
    let (world, _folder, life, sku) = begin(10);
    life.run(async {
        let order = life.order(None, None, Some(&[(sku, 2)])).await;
        world.pay_and_tell(order.payment(), 10);
        world.clock.advance(chrono::TimeDelta::minutes(16));
        let path = format!("/orders/{}?paid=1", order.id());
        let headers = [("x-order-token", order.token())];
        join_all((0..10).map(|_| life.call("GET", &path, &headers, None))).await;
        life.until(order.id(), "confirmed").await;
        life.settle().await;
        life.check().await;
        let shown = life.show(&order).await;
        let confirmed = shown["tracking"].as_array().unwrap().iter().filter(|entry| entry["status"] == "confirmed");
        assert_eq!(confirmed.count(), 1, "{shown}");
    });
}

#[test]
fn a_cancellation_that_races_the_payment_ends_in_one_of_both() {
    for _ in 0..10 {
        let (world, _folder, life, sku) = begin(10);
        life.run(async {
            let order = life.order(None, None, Some(&[(sku, 2)])).await;
            let path = format!("/orders/{}/cancel", order.id());
            let headers = [("x-order-token", order.token())];
            let pay = async {
                world.pay(order.payment());
                tokio::time::sleep(std::time::Duration::from_millis(8)).await;
            };
            let (answer, ()) = join(
                async {
                    tokio::time::sleep(std::time::Duration::from_millis(6)).await;
                    life.call("PUT", &path, &headers, None).await
                },
                pay,
            )
            .await;
            assert!(matches!(answer.data["status"].as_str(), Some("cancelled" | "refunded")), "{answer:?}");
            life.until(order.id(), "refunded").await;
            life.settle().await;
            life.check().await;
        });
    }
}

#[test]
fn of_two_attempts_that_are_both_paid_one_is_given_back() {
    let (world, _folder, life, sku) = begin(10);
    life.run(async {
        let order = life.order(None, None, Some(&[(sku, 2)])).await;
        let first = order.payment();
        world.decline(first);
        life.until(order.id(), "payment_failed").await;
        let second = life.next_attempt(&order, "").await.unwrap();
        assert_ne!(first, second);
        life.until(order.id(), "pending_payment").await;
        assert_eq!(life.next_attempt(&order, "").await.unwrap(), second, "the open one is given again");
        let third = life.next_attempt(&order, "manual").await.unwrap();
        assert_ne!(second, third, "another provider is another payment");
        // The first provider changes its mind, and the buyer pays the third as well.
        world.pay(first);
        world.pay(third);
        life.until(order.id(), "confirmed").await;
        life.settle().await;
        life.check().await;
        assert!(life.next_attempt(&order, "").await.is_err(), "it is paid");
    });
}

#[test]
fn a_spike_is_queued_and_drained_in_order() {
    let world = World::new();
    let sku = world.sku(1000);
    let folder = tempfile::tempdir().unwrap();
    let queue = crate::QueueConfig { permits: 1, limit: 30 };
    let life = Life::start_with(&world, folder.path(), crate::Config { queue, ..crate::Config::default() });
    life.run(async {
        let answers: Vec<Answer> =
            join_all((0..60).map(async |_| life.order(None, None, Some(&[(sku, 1)])).await)).await;
        let with = |status: u16| answers.iter().filter(move |answer| answer.status.as_u16() == status);
        assert!(with(202).count() > 0 && with(503).count() > 0);
        assert_eq!(with(201).count() + with(202).count() + with(503).count(), 60);
        for queued in with(202) {
            life.until(queued.id(), "pending_payment").await;
            let shown = life.show(queued).await;
            assert!(shown["redirect"].is_string(), "{shown}");
        }
        life.settle().await;
        life.check().await;
    });
}

#[test]
fn workers_that_take_from_the_queue_at_once_take_different_orders() {
    let world = World::new();
    let sku = world.sku(100);
    let folder = tempfile::tempdir().unwrap();
    // The job that goes on with queued orders would take some, too.
    let life = Life::start_without_jobs(&world, folder.path());
    life.run(async {
        for _ in 0..20 {
            life.order(None, None, Some(&[(sku, 1)])).await;
        }
        let queue = "UPDATE orders SET status = 'queued', claimed_until = NULL";
        life.db.transaction(move |tx| async move { tx.execute_unprepared(queue).await }).await.unwrap();
        let now = world.clock.now();
        let until = now + chrono::TimeDelta::seconds(6);
        let take = async |now: Timestamp| {
            let until = now + chrono::TimeDelta::seconds(6);
            let take = move |tx: Tx| async move { claims::take(&tx, now, until, 7).await };
            life.db.guarded(take).await.unwrap()
        };
        let mut taken = Vec::new();
        // Who finds nothing may have come while others were taking all that he saw.
        for _ in 0..20 {
            taken.extend(join_all((0..4).map(|_| take(now))).await.into_iter().flatten());
        }
        taken.sort_unstable();
        taken.dedup();
        assert_eq!(taken.len(), 20, "nobody took what another one has");
        assert!(take(now).await.is_empty());
        let one = taken[0];
        let extend =
            move |tx: Tx| async move { claims::extend(&tx, &[one], until + chrono::TimeDelta::seconds(6)).await };
        life.db.guarded(extend).await.unwrap();
        let mut left = Vec::new();
        for _ in 0..3 {
            left.extend(take(until).await);
        }
        assert_eq!(left.len(), 19, "claims run out, but for the one that was prolonged");
        assert!(!left.contains(&one));
    });
}
