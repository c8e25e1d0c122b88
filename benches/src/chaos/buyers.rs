//! Buyers who do not give up: every step is repeated until the server is back.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use rand::seq::IndexedRandom;
use tokio::time::{Instant, sleep};

use crate::{
    client::Connection,
    drive::{Budget, Worker},
    error::Error,
    market::Offer,
    order::{Buyer, Line, Order, add_to_cart, pay, place_as_guest, wait},
    tally::Tally,
};

/// Longer than a kill and a recovery, so that only a purchase that is stuck fails.
const PATIENCE: Duration = Duration::from_secs(90);

pub struct Shared {
    pub offers: Vec<Offer>,
    pub run: String,
    pub purchases: Mutex<Vec<Purchase>>,
    pub budget: Arc<Budget>,
    pub tally: Arc<Tally>,
}

/// What a buyer knows of one order that the marketplace has acknowledged.
#[derive(Clone, Debug)]
pub struct Purchase {
    pub order_id: String,
    /// Whether the provider took the money.
    pub paid: bool,
    /// Whether the buyer was shown that it is confirmed.
    pub seen_confirmed: bool,
}

pub async fn buy(mut worker: Worker, shared: Arc<Shared>) -> Result<Worker, Error> {
    while let Some(number) = worker.next() {
        let began = Instant::now();
        let mut known = None;
        match purchase(&mut worker, &shared, number, &mut known).await {
            Ok(status) => {
                if status == "confirmed" {
                    shared.tally.checkout(began);
                }
                worker.record.success("whole checkout", began.elapsed());
                worker.record.count(status);
            }
            Err(error) => {
                worker.record.failure("whole checkout");
                worker.record.count(error.outcome());
                // A server that refuses at once must not be asked thousands of times a second.
                sleep(Duration::from_millis(50)).await;
            }
        }
        shared.purchases.lock().expect("nothing panics while holding the purchases").extend(known);
    }
    Ok(worker)
}

/// One purchase; the status that its order came to.
async fn purchase(
    worker: &mut Worker,
    shared: &Shared,
    number: u64,
    known: &mut Option<Purchase>,
) -> Result<String, Error> {
    let until = Instant::now() + PATIENCE;
    let offer = shared.offers.choose(&mut worker.random).expect("the stall is not empty");
    let line = Line { sku_id: &offer.sku_id, quantity: 1 };
    let cart = worker.timed("cart", async |connection| add_to_cart(connection, None, &line, until).await).await?;
    let name = format!("{}-{number}", shared.run);
    let email = email(&shared.run, number);
    let placed =
        worker.timed("order", async |connection| place_as_guest(connection, &cart, &email, &name, until).await).await?;
    *known = Some(Purchase { order_id: placed.id.clone(), paid: false, seen_confirmed: false });
    let token = placed.access_token.unwrap_or_default();
    let buyer = Buyer::Guest(&token);
    let order = worker
        .timed("payable", async |connection| {
            wait(connection, &buyer, &placed.id, |order| order.payable() || order.settled(), until).await
        })
        .await?;
    if !order.payable() {
        return Ok(order.status);
    }
    worker.timed("pay", async |connection| pay_for(connection, &order, until).await).await?;
    *known = Some(Purchase { order_id: placed.id.clone(), paid: true, seen_confirmed: false });
    let confirmed = async |connection: &mut _| wait(connection, &buyer, &placed.id, Order::settled, until).await;
    let status = worker.timed("wait for confirmation", confirmed).await?.status;
    *known = Some(Purchase { order_id: placed.id, paid: true, seen_confirmed: status == "confirmed" });
    Ok(status)
}

async fn pay_for(connection: &mut Connection, order: &Order, until: Instant) -> Result<(), Error> {
    pay(connection, order.redirect.as_deref().unwrap_or_default(), until).await
}

/// The address of the buyer of one purchase; tells this run's orders from others on the same data.
pub fn email(run: &str, number: u64) -> String {
    format!("guest-{number}@{run}.chaos.example")
}
