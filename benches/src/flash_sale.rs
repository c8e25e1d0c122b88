//! Many buyers, few units: everybody orders at the same moment.

use std::{sync::Arc, time::Duration};

use clap::Args;
use tokio::{sync::Barrier, time::Instant};

use crate::{
    client::{Connection, Target},
    drive::{Budget, Worker, drive},
    error::Error,
    market::{Offer, Stall},
    options::{Options, run_name},
    order::{Buyer, Line, Order, add_to_cart, pay, place_as_guest, wait},
    report::Report,
};

/// More buyers than units, all at once
#[derive(Args, Debug)]
pub struct FlashSale {
    /// Buyers, each with one unit of every SKU in the cart
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..))]
    buyers: u32,
    /// Units of each SKU
    #[arg(long, default_value_t = 100)]
    units: u32,
    /// SKUs in every cart; every other buyer takes them in the opposite order
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=100))]
    skus: u16,
    /// Leave the orders unpaid, so that their units stay reserved
    #[arg(long)]
    unpaid: bool,
}

const PATIENCE: Duration = Duration::from_mins(2);

struct Sale {
    offers: Vec<Offer>,
    paid: bool,
    run: String,
    /// Where all workers wait until every cart is filled.
    carts_are_filled: Barrier,
}

pub async fn run(sale: &FlashSale, options: &Options, target: &Target) -> Result<Report, Error> {
    let stall = Stall::open(options, target, sale.skus.into(), sale.units.into()).await?;
    let workers = usize::from(options.connections).min(sale.buyers as usize);
    let shared = Arc::new(Sale {
        offers: stall.offers.clone(),
        paid: !sale.unpaid,
        run: run_name(),
        carts_are_filled: Barrier::new(workers),
    });
    let budget = Arc::new(Budget::count(sale.buyers.into()));
    let work = |worker| shop(worker, shared.clone());
    let (recorder, elapsed) = drive(options, target, "flash sale", (workers, budget), work).await?;

    let mut report = Report::new("flash-sale");
    report.fact("buyers", &sale.buyers);
    report.fact("units of each SKU", &sale.units);
    report.fact("SKUs in each cart", &sale.skus);
    report.fact("connections", &workers);
    let won = recorder.successes("order");
    let server_faults: u64 =
        recorder.outcomes().iter().filter(|(name, _)| name.starts_with('5')).map(|(_, count)| count).sum();
    report.equal("orders", &u64::from(sale.buyers.min(sale.units)), &won);
    report.equal("answers that are our fault (5xx)", &0, &server_faults);
    let confirmed = recorder.outcomes().get("confirmed").copied().unwrap_or(0);
    if !sale.unpaid {
        report.equal("paid orders confirmed", &won, &confirmed);
    }
    report.add(recorder, elapsed);
    check_stock(&mut report, &stall, sale, (won, confirmed), target).await?;
    stall.close(target).await?;
    Ok(report)
}

/// Fills the carts of its share of the buyers, waits for the others, then orders with all of them.
async fn shop(mut worker: Worker, sale: Arc<Sale>) -> Result<Worker, Error> {
    let until = Instant::now() + PATIENCE;
    let mut carts = Vec::new();
    while let Some(number) = worker.next() {
        match fill(&mut worker, &sale, number, until).await {
            Ok(token) => carts.push((number, token)),
            Err(error) => worker.record.count(format!("cart: {}", error.outcome())),
        }
    }
    sale.carts_are_filled.wait().await;
    let mut orders = Vec::new();
    let until = Instant::now() + PATIENCE;
    for (number, cart) in carts {
        let name = format!("{}-{number}", sale.run);
        let began = Instant::now();
        let placed = place(&mut worker.connection, &cart, &name, until).await;
        match placed {
            Ok(order) if order.payable() => {
                worker.record.success("order", began.elapsed());
                worker.record.count("ordered");
                orders.push(order);
            }
            Ok(order) => {
                worker.record.failure("order");
                worker.record.count(format!("order {} {}", order.status, order.reason.unwrap_or_default()));
            }
            Err(error) => {
                worker.record.failure("order");
                worker.record.count(error.outcome());
            }
        }
    }
    if sale.paid {
        for order in orders {
            let settled = settle(&mut worker, &order, until).await;
            worker.record.count(settled.unwrap_or_else(|error| format!("payment: {}", error.outcome())));
        }
    }
    Ok(worker)
}

async fn fill(worker: &mut Worker, sale: &Sale, number: u64, until: Instant) -> Result<String, Error> {
    let mut order: Vec<&Offer> = sale.offers.iter().collect();
    if number % 2 == 1 {
        order.reverse();
    }
    let mut cart: Option<String> = None;
    for offer in order {
        let line = Line { sku_id: &offer.sku_id, quantity: 1 };
        let token =
            worker.timed("cart line", async |connection| add_to_cart(connection, cart.as_deref(), &line, until).await);
        cart = Some(token.await?);
    }
    Ok(cart.unwrap_or_default())
}

/// Places an order and, if it is queued, waits for its turn.
async fn place(connection: &mut Connection, cart: &str, name: &str, until: Instant) -> Result<Order, Error> {
    let email = format!("guest-{name}@load.example");
    let placed = place_as_guest(connection, cart, &email, name, until).await?;
    if placed.payable() || placed.settled() {
        return Ok(placed);
    }
    let token = placed.access_token.unwrap_or_default();
    let mut order =
        wait(connection, &Buyer::Guest(&token), &placed.id, |order| order.payable() || order.settled(), until).await?;
    order.access_token = Some(token);
    Ok(order)
}

/// Pays; the status that the order came to.
async fn settle(worker: &mut Worker, order: &Order, until: Instant) -> Result<String, Error> {
    let redirect = order.redirect.as_deref().unwrap_or_default();
    worker.timed("pay", async |connection| pay(connection, redirect, until).await).await?;
    let token = order.access_token.as_deref().unwrap_or_default();
    let waiting =
        async |connection: &mut _| wait(connection, &Buyer::Guest(token), &order.id, Order::settled, until).await;
    Ok(worker.timed("wait for confirmation", waiting).await?.status)
}

async fn check_stock(
    report: &mut Report,
    stall: &Stall,
    sale: &FlashSale,
    (won, confirmed): (u64, u64),
    target: &Target,
) -> Result<(), Error> {
    let mut connection = Connection::new(target);
    let count = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    for (number, offer) in (1..).zip(&stall.offers) {
        let level = stall.level(&mut connection, &offer.sku_id).await?;
        let units = i64::from(sale.units);
        report.equal(format!("SKU {number}: on hand"), &(units - count(confirmed)), &level.on_hand);
        report.equal(format!("SKU {number}: reserved"), &(count(won) - count(confirmed)), &level.reserved);
        report.equal(format!("SKU {number}: available"), &(units - count(won)), &level.available);
    }
    Ok(())
}
