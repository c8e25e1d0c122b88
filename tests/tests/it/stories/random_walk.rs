//! Everybody does anything at any time; afterwards the books are right.

use std::{
    sync::{Mutex, MutexGuard},
    time::Duration,
};

use futures::future::join_all;
use serde_json::{Value, json};
use souk_tests::{Buyer, Market, Seller, Thing, address, eventually};

/// Numbers that are the same for the same seed (xorshift, Marsaglia 2003).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % sides as u64).expect("fewer than there were")
    }

    fn units(&mut self, sides: usize) -> i64 {
        i64::try_from(self.roll(sides)).expect("a few")
    }

    fn pick<'a, T>(&mut self, things: &'a [T]) -> &'a T {
        &things[self.roll(things.len())]
    }
}

struct Walk {
    market: Market,
    sellers: Vec<Seller>,
    products: Vec<(usize, Thing)>,
    buyers: Vec<Buyer>,
    orders: Mutex<Vec<(usize, Thing)>>,
}

/// What somebody is about to do.
#[derive(Clone, Copy, Debug)]
struct Step {
    kind: usize,
    /// Decides the details.
    seed: u64,
}

const KINDS: usize = 20;

impl Walk {
    async fn begin() -> Self {
        let market = Market::builder()
            .config(|config| {
                config.payments.provider_timeout = Duration::from_millis(100);
                config.orders.answer_within = Duration::from_secs(2);
                config.orders.queue.permits = 3;
                config.orders.tax_basis_points = 700;
                config.orders.shipping_methods[0].price = 333;
            })
            .start()
            .await;
        let (mut sellers, mut products, mut buyers) = (Vec::new(), Vec::new(), Vec::new());
        for (number, shop) in ["Tea House", "Coffee House", "Book House"].into_iter().enumerate() {
            let seller = market.seller(shop).await;
            for (title, price) in [("Odd", 333), ("Even", 1000)] {
                products.push((number, seller.lists(&format!("{title} of {shop}"), price, 12).await));
            }
            sellers.push(seller);
        }
        for name in ["Ann", "Ben"] {
            buyers.push(market.buyer(name).await);
        }
        buyers.push(market.guest());
        Self { market, sellers, products, buyers, orders: Mutex::default() }
    }

    fn orders(&self) -> MutexGuard<'_, Vec<(usize, Thing)>> {
        self.orders.lock().expect("nothing panics while holding the orders")
    }

    async fn does(&self, step: Step) {
        let mut dice = Dice(step.seed);
        match step.kind {
            0..5 => self.orders_something(&mut dice).await,
            17 => self.market.passes(Duration::from_mins(dice.roll(20) as u64)).await,
            18 => self.changes_a_shop(&mut dice).await,
            19 => self.breaks_the_provider(&mut dice).await,
            kind => {
                let known = self.orders().clone();
                if !known.is_empty() {
                    let (buyer, order) = dice.pick(&known).clone();
                    self.deals_with(&self.buyers[buyer], &order, kind, &mut dice).await;
                }
            }
        }
    }

    async fn orders_something(&self, dice: &mut Dice) {
        let who = dice.roll(self.buyers.len());
        let buyer = &self.buyers[who];
        let mut form = buyer.order_form();
        if dice.roll(2) == 0 {
            for _ in 0..=dice.roll(2) {
                buyer.tries_to_add(dice.pick(&self.products).1.sku(), 1 + dice.units(2)).await;
            }
        } else {
            let lines = (0..=dice.roll(3)).map(|_| (dice.pick(&self.products).1.sku().to_owned(), 1 + dice.roll(3)));
            form["items"] =
                lines.map(|(sku, quantity)| json!({"sku_id": sku, "quantity": quantity})).collect::<Vec<_>>().into();
        }
        let answer = buyer.tries_to_order(&form).await;
        if answer.status.is_success() {
            self.orders().push((who, answer.data()));
        }
    }

    async fn deals_with(&self, buyer: &Buyer, order: &Thing, kind: usize, dice: &mut Dice) {
        let (client, path) = (buyer.at_order(order), format!("/orders/{}", order.id()));
        let answer = client.get(&path).await;
        if answer.status != 200 {
            return;
        }
        let now = answer.data();
        let payment = now["payment_id"].as_str().map(str::to_owned);
        match (kind, payment) {
            (5..8, Some(payment)) => {
                self.market.client.at_root().post_empty(&format!("/sandbox/payments/{payment}/pay")).await;
            }
            (8, Some(payment)) => {
                self.market.client.at_root().post_empty(&format!("/sandbox/payments/{payment}/decline")).await;
            }
            (9, _) => drop(client.post("/payments", &json!({"order_id": order.id()})).await),
            (10, _) => drop(buyer.cancels(order).await),
            (11 | 12, _) => self.moves_a_part(&now, dice).await,
            (13, _) => {
                let Some(line) = now.list("items").first() else { return };
                let sku = line["sku_id"].as_str().expect("a line has a SKU");
                buyer.returns(order, sku, 1).await;
                self.decides_returns(dice).await;
            }
            (14, Some(payment)) => {
                let refund = json!({"amount": 1 + dice.roll(900), "reason": "sorry"});
                self.market.admin.client.post(&format!("/payments/{payment}/refunds"), &refund).await;
            }
            (15, Some(_)) if now["total"].is_i64() => {
                let provider = self.market.provider();
                let webhook = if dice.roll(3) == 0 { provider.failed(&now) } else { provider.completed(&now) };
                provider.sends(&webhook).await;
            }
            (16, _) if dice.roll(2) == 0 => drop(client.put(&path, &json!({"shipping_address": address()})).await),
            (16, _) => drop(client.delete(&path).await),
            _ => {}
        }
    }

    async fn moves_a_part(&self, order: &Thing, dice: &mut Dice) {
        let parts = order.list("seller_orders");
        if parts.is_empty() {
            return;
        }
        let part: &Value = dice.pick(parts);
        let seller = self.sellers.iter().find(|seller| part["seller"]["id"] == *seller.id).expect("a known seller");
        let id = part["id"].as_str().expect("a part has an id");
        let parcel = json!({"carrier": "DHL", "tracking_number": "1"});
        seller.client.put(&format!("/seller/orders/{id}/ship"), &parcel).await;
        if dice.roll(2) == 0 {
            seller.client.put(&format!("/seller/orders/{id}/deliver"), &json!({})).await;
        }
    }

    async fn decides_returns(&self, dice: &mut Dice) {
        let seller = dice.pick(&self.sellers);
        for wanted in seller.client.get("/seller/returns?status=requested").await.rows() {
            let decision = if dice.roll(3) == 0 { "reject" } else { "approve" };
            seller.client.post(&format!("/seller/returns/{}/{decision}", wanted.id()), &json!({})).await;
        }
    }

    async fn changes_a_shop(&self, dice: &mut Dice) {
        let (seller, product) = dice.pick(&self.products);
        let seller = &self.sellers[*seller];
        let path = format!("/products/{}", product.id());
        match dice.roll(3) {
            0 => drop(seller.client.put(&path, &json!({"price": 1 + dice.roll(2000)})).await),
            1 => drop(seller.counts(product.sku(), 5 + dice.units(20)).await),
            _ => {
                let holiday = json!({"holiday": dice.roll(3) == 0});
                seller.client.put(&format!("/sellers/{}", seller.id), &holiday).await;
            }
        }
    }

    async fn breaks_the_provider(&self, dice: &mut Dice) {
        let call = ["none", "none", "down", "lose_answer"];
        let faults = json!({
            "create": dice.pick(&call), "fetch": dice.pick(&call), "cancel": dice.pick(&call),
            "refund": dice.pick(&["none", "down", "lose_answer", "wait"]),
            "webhook": dice.pick(&["none", "none", "drop", "duplicate", "repeat", "wrong_amount", "failed_first", "failed_after"]),
        });
        self.market.admin.client.put("/admin/sandbox/faults", &faults).await.ok();
    }

    async fn crashes(&mut self) {
        self.market.crashes().await;
        for client in self.sellers.iter_mut().map(|seller| &mut seller.client) {
            *client = self.market.moved(client);
        }
        for client in self.buyers.iter_mut().map(|buyer| &mut buyer.client) {
            *client = self.market.moved(client);
        }
    }

    /// The process starts anew, so that jobs run at once, and the provider works again. What was given up meanwhile is
    /// tried again, as an operator does; then all timers fire.
    async fn end(mut self) {
        self.market.clock.advance(chrono::TimeDelta::minutes(2));
        self.market.restarts().await;
        let admin = &self.market.admin.client;
        eventually("no order is left in the queue", async || {
            self.market.recovers().await;
            admin.get("/admin/orders?status=queued").await.rows().is_empty().then_some(())
        })
        .await;
        for _ in 0..20 {
            self.market.passes(Duration::from_mins(5)).await;
        }
        self.market.ends_clean().await;
    }
}

async fn walk(seed: u64, rounds: usize, crash_after: Option<usize>) {
    // SOUK_TEST_SEED walks elsewhere, to look for what these walks don't find.
    let other = std::env::var("SOUK_TEST_SEED").ok().map(|seed| seed.parse::<u64>().expect("a number"));
    let seed = other.map_or(seed, |other| seed.wrapping_mul(other | 1));
    let mut dice = Dice(seed);
    let mut walk = Walk::begin().await;
    for round in 0..rounds {
        // Up to three people act at once.
        let steps: Vec<Step> =
            (0..=dice.roll(3)).map(|_| Step { kind: dice.roll(KINDS), seed: 1 + dice.roll(1 << 40) as u64 }).collect();
        join_all(steps.into_iter().map(|step| walk.does(step))).await;
        if crash_after == Some(round) {
            walk.crashes().await;
        }
    }
    assert!(walk.orders().len() > 5, "hardly anything was ordered");
    walk.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_random_walk_keeps_the_books_right() {
    walk(0x5eed_0001, 60, None).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_random_walk_keeps_the_books_right() {
    walk(0x00c0_ffee_5eed, 60, None).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_random_walk_with_a_crash_keeps_the_books_right() {
    walk(0x0bad_5eed, 60, Some(30)).await;
}
