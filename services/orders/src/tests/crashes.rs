//! The process dies, or a peer falls silent, at every call that the life of an order makes.

use super::{
    life::{Answer, Life},
    world::{Trouble, World},
};

const LINES: [i64; 2] = [2, 1];

struct Scene {
    world: World,
    folder: tempfile::TempDir,
    cart: String,
}

fn scene() -> Scene {
    let world = World::new();
    let lines = LINES.map(|units| (world.sku(5), units));
    let cart = world.cart(&lines);
    Scene { world, folder: tempfile::tempdir().unwrap(), cart }
}

impl Scene {
    fn life(&self) -> Life {
        Life::start(&self.world, self.folder.path())
    }

    fn trouble(&self, trouble: Option<Trouble>) {
        let mut state = self.world.state();
        state.calls.clear();
        state.trouble = trouble;
    }

    /// Runs `work` and what follows from it; true when the process died of it.
    fn dies(&self, life: &Life, work: impl Future<Output = ()>) -> bool {
        life.run(async {
            let crashed = self.world.crashed.notified();
            let work = async {
                work.await;
                life.quiet().await;
            };
            tokio::select! {
                () = crashed => true,
                // A call that was refused had no effect to die after: the sweep goes on with the next one.
                () = work => self.was_reached(),
            }
        })
    }

    /// Whether there was a call at which there should have been trouble.
    fn was_reached(&self) -> bool {
        let state = self.world.state();
        matches!(state.trouble, Some(Trouble::Crash { call, .. }) if call <= state.calls.len())
    }
}

/// Crashes at call 1, 2, … before and after its effect, until there is no such call any more.
fn sweep(mut story: impl FnMut(&Scene, Trouble) -> bool) {
    for after in [false, true] {
        let mut call = 1;
        while story(&scene(), Trouble::Crash { call, after }) {
            call += 1;
            assert!(call < 40);
        }
        assert!(call > 2, "something was interrupted");
    }
}

/// An order that was taken is paid, and ends as it should.
async fn ends_well(scene: &Scene, life: &Life, order: Answer) {
    life.until(order.id(), "pending_payment").await;
    let order = Answer { data: life.show(&order).await, ..order };
    scene.world.pay(order.payment());
    life.until(order.id(), "confirmed").await;
    life.settle().await;
    life.check().await;
}

#[test]
fn a_checkout_that_dies_anywhere_is_finished_by_the_same_request() {
    sweep(|scene, trouble| {
        let life = scene.life();
        scene.trouble(Some(trouble));
        let died = scene.dies(&life, async {
            life.order(Some(&scene.cart), Some("key"), None).await;
        });
        scene.trouble(None);
        life.crash();
        let life = scene.life();
        life.run(async {
            // Where several processes share a database, the one that died has the order in hand for some seconds yet.
            scene.world.clock.advance(chrono::TimeDelta::seconds(31));
            let order = life.order(Some(&scene.cart), Some("key"), None).await;
            assert!(order.status.is_success(), "{trouble:?}: {order:?}");
            ends_well(scene, &life, order).await;
            assert_eq!(crate::verify::facts(&life.db, None, 10).await.unwrap().len(), 1, "one order for one key");
        });
        died
    });
}

#[test]
fn a_rejection_that_dies_anywhere_lets_the_buyer_begin_again() {
    sweep(|scene, trouble| {
        let life = scene.life();
        scene.trouble(Some(trouble));
        scene.world.state().down.push("catalog");
        let died = scene.dies(&life, async {
            let refused = life.order(Some(&scene.cart), Some("key"), None).await;
            assert_eq!(refused.status, 503, "{refused:?}");
        });
        scene.trouble(None);
        scene.world.state().down.clear();
        life.crash();
        let life = scene.life();
        life.run(async {
            scene.world.clock.advance(chrono::TimeDelta::seconds(31));
            let mut order = life.order(Some(&scene.cart), Some("key"), None).await;
            if order.status == 503 {
                // The cart had been given back: that order is not to be had any more, the next one is.
                order = life.order(Some(&scene.cart), Some("key"), None).await;
            }
            assert!(order.status.is_success(), "{trouble:?}: {order:?}");
            ends_well(scene, &life, order).await;
        });
        died
    });
}

#[test]
fn a_checkout_that_dies_and_is_never_repeated_leaves_nothing_behind() {
    sweep(|scene, trouble| {
        let life = scene.life();
        scene.trouble(Some(trouble));
        let died = scene.dies(&life, async {
            life.order(Some(&scene.cart), None, None).await;
        });
        scene.trouble(None);
        life.crash();
        let life = scene.life();
        life.run(async {
            life.settle().await;
            life.check().await;
        });
        died
    });
}

/// Places an order without trouble.
fn placed(scene: &Scene, life: &Life) -> Answer {
    let order = life.run(life.order(Some(&scene.cart), Some("key"), None));
    assert_eq!(order.data["status"], "pending_payment", "{order:?}");
    order
}

#[test]
fn a_paid_order_survives_a_crash_before_its_confirmation() {
    sweep(|scene, trouble| {
        let life = scene.life();
        let order = placed(scene, &life);
        scene.trouble(Some(trouble));
        let died = scene.dies(&life, async { scene.world.pay(order.payment()) });
        scene.trouble(None);
        life.crash();
        let life = scene.life();
        life.run(async {
            life.until(order.id(), "confirmed").await;
            life.settle().await;
            life.check().await;
        });
        died
    });
}

#[test]
fn a_cancellation_that_dies_anywhere_is_finished() {
    for paid in [false, true] {
        sweep(|scene, trouble| {
            let life = scene.life();
            let order = placed(scene, &life);
            if paid {
                scene.world.pay(order.payment());
                life.run(life.until(order.id(), "confirmed"));
            }
            scene.trouble(Some(trouble));
            let path = format!("/orders/{}/cancel", order.id());
            let died = scene.dies(&life, async {
                let answer = life.call("PUT", &path, &[("x-order-token", order.token())], None).await;
                let status = answer.data["status"].as_str();
                // What was paid may be back already.
                assert!(status == Some("cancelled") || (paid && status == Some("refunded")), "{answer:?}");
            });
            scene.trouble(None);
            life.crash();
            let life = scene.life();
            life.run(async {
                life.until(order.id(), if paid { "refunded" } else { "cancelled" }).await;
                life.settle().await;
                life.check().await;
            });
            died
        });
    }
}

#[test]
fn an_expiry_that_dies_anywhere_is_finished_and_a_late_payment_is_kept_or_given_back() {
    for sold_out in [false, true] {
        sweep(|scene, trouble| {
            let life = scene.life();
            let order = placed(scene, &life);
            scene.trouble(Some(trouble));
            let died = scene.dies(&life, async {
                scene.world.clock.advance(chrono::TimeDelta::minutes(16));
                life.until(order.id(), "expired").await;
            });
            scene.trouble(None);
            life.crash();
            let life = scene.life();
            life.run(async {
                life.until(order.id(), "expired").await;
                life.settle().await;
                life.check().await;
                if sold_out {
                    scene.world.state().on_hand.values_mut().for_each(|units| *units = 0);
                }
                scene.world.pay(order.payment());
                life.until(order.id(), if sold_out { "refunded" } else { "confirmed" }).await;
                life.settle().await;
                life.check().await;
            });
            died
        });
    }
}

#[test]
fn a_cart_that_falls_silent_once_is_asked_once_more() {
    for after in [false, true] {
        let scene = scene();
        let life = scene.life();
        scene.trouble(Some(Trouble::Silence { call: 1, after }));
        life.run(async {
            let order = life.order(Some(&scene.cart), None, None).await;
            assert_eq!(order.status, 201, "{order:?}");
            assert_eq!(scene.world.state().calls[..2], ["freeze", "freeze"]);
            scene.world.pay(order.payment());
            life.until(order.id(), "confirmed").await;
            scene.world.state().down.push("cart");
            let asked = scene.world.state().calls.len();
            let refused = life.order(Some(&scene.cart), None, None).await;
            assert_eq!(refused.status, 503, "{refused:?}");
            assert_eq!(scene.world.state().calls[asked..asked + 2], ["freeze", "freeze"], "and no more often");
            assert_ne!(scene.world.state().calls.get(asked + 2), Some(&"freeze"));
            scene.world.state().down.clear();
            life.settle().await;
            life.check().await;
        });
    }
}

#[test]
fn a_peer_that_falls_silent_at_any_call_costs_no_order_and_no_money() {
    for after in [false, true] {
        for call in 1..10 {
            let scene = scene();
            let life = scene.life();
            scene.trouble(Some(Trouble::Silence { call, after }));
            life.run(async {
                let order = life.order(Some(&scene.cart), None, None).await;
                if order.status.is_success() {
                    let order_now = async || Answer { data: life.show(&order).await, ..order.clone() };
                    if order.data["status"] == "queued" {
                        // Another process might be placing it: it is left alone for ten seconds.
                        scene.world.clock.advance(chrono::TimeDelta::seconds(11));
                        life.until(order.id(), "pending_payment").await;
                    }
                    scene.world.pay(order_now().await.payment());
                    life.until(order.id(), "confirmed").await;
                } else {
                    assert_eq!(order.status, 503, "{order:?}");
                    let again = life.order(Some(&scene.cart), None, None).await;
                    assert_eq!(again.status, 201, "the cart is free again: {again:?}");
                }
                life.settle().await;
                life.check().await;
            });
        }
    }
}
