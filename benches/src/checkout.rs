//! Whole purchases by guests, side by side.

use std::{sync::Arc, time::Duration};

use clap::{Args, ValueEnum};
use rand::seq::IndexedRandom;
use tokio::time::Instant;

use crate::{
    client::Target,
    drive::{Budget, Worker, drive},
    error::Error,
    market::{Offer, Stall},
    options::{Options, run_name},
    order::{Buyer, Line, Order, add_to_cart, pay, place_as_guest, wait},
    report::Report,
    stream::StatusStream,
};

/// Guests who fill a cart, order, pay and wait for the confirmation
#[derive(Args, Debug)]
pub struct Checkout {
    /// Buyers at the same time [default: --connections]
    #[arg(long)]
    buyers: Option<u16>,
    /// How many products to make and choose from
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..))]
    products: u16,
    /// Different products in each cart
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=100))]
    lines: u16,
    /// How buyers learn of the confirmation
    #[arg(long, value_enum, default_value_t = Notice::Poll)]
    wait: Notice,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Notice {
    /// By reading the order again and again
    Poll,
    /// By the order's server-sent events
    Stream,
}

/// Longer than any purchase should take; one that does is counted as too late.
const PATIENCE: Duration = Duration::from_mins(1);

struct Plan {
    offers: Vec<Offer>,
    lines: usize,
    notice: Notice,
    target: Target,
    run: String,
}

pub async fn run(checkout: &Checkout, options: &Options, target: &Target) -> Result<Report, Error> {
    let stall = Stall::open(options, target, checkout.products.into(), 1_000_000).await?;
    let plan = Arc::new(Plan {
        offers: stall.offers.clone(),
        lines: checkout.lines.into(),
        notice: checkout.wait,
        target: target.clone(),
        run: run_name(),
    });
    let buyers = checkout.buyers.unwrap_or(options.connections);
    let workers = (buyers.into(), Arc::new(Budget::of(options)));
    let (recorder, elapsed) = drive(options, target, "checkouts", workers, |worker| buy(worker, plan.clone())).await?;
    stall.close(target).await?;
    let mut report = Report::new("checkout");
    report.fact("buyers", &buyers);
    report.fact("lines per cart", &checkout.lines);
    report.fact("seconds", &format!("{:.1}", elapsed.as_secs_f64()));
    report.add(recorder, elapsed);
    Ok(report)
}

async fn buy(mut worker: Worker, plan: Arc<Plan>) -> Result<Worker, Error> {
    while let Some(number) = worker.next() {
        let began = Instant::now();
        match purchase(&mut worker, &plan, number, began + PATIENCE).await {
            Ok(order) if order == "confirmed" => {
                worker.record.success("whole checkout", began.elapsed());
                worker.record.count("confirmed");
            }
            Ok(status) => {
                worker.record.failure("whole checkout");
                worker.record.count(format!("order {status}"));
            }
            Err(error) => {
                worker.record.failure("whole checkout");
                worker.record.count(error.outcome());
            }
        }
    }
    Ok(worker)
}

/// One purchase; the status that its order came to.
async fn purchase(worker: &mut Worker, plan: &Plan, number: u64, until: Instant) -> Result<String, Error> {
    let chosen: Vec<&Offer> = plan.offers.sample(&mut worker.random, plan.lines).collect();
    let mut cart: Option<String> = None;
    for offer in chosen {
        let line = Line { sku_id: &offer.sku_id, quantity: 1 };
        let step = if cart.is_none() { "new cart" } else { "further line" };
        let token =
            worker.timed(step, async |connection| add_to_cart(connection, cart.as_deref(), &line, until).await).await?;
        cart = Some(token);
    }
    let cart = cart.unwrap_or_default();
    let name = format!("{}-{number}", plan.run);
    let email = format!("guest-{name}@load.example");
    let placed =
        worker.timed("order", async |connection| place_as_guest(connection, &cart, &email, &name, until).await).await?;
    let token = placed.access_token.clone().unwrap_or_default();
    let buyer = Buyer::Guest(&token);
    let order = if placed.payable() {
        placed
    } else {
        worker.record.count("queued first");
        let ready = |order: &Order| order.payable() || order.settled();
        let ready = async |connection: &mut _| wait(connection, &buyer, &placed.id, ready, until).await;
        worker.timed("wait in the queue", ready).await?
    };
    let Some(redirect) = order.redirect.as_deref().filter(|_| order.payable()) else {
        return Ok(order.status);
    };
    let stream = match plan.notice {
        Notice::Poll => None,
        Notice::Stream => Some(StatusStream::open(&plan.target, &order.id, &token).await?),
    };
    worker.timed("pay", async |connection| pay(connection, redirect, until).await).await?;
    worker
        .timed("wait for confirmation", async |connection| {
            if let Some(mut stream) = stream
                && let Some(status) = stream.wait(settled, until).await?
            {
                return Ok(status);
            }
            Ok(wait(connection, &buyer, &order.id, Order::settled, until).await?.status)
        })
        .await
}

fn settled(status: &str) -> bool {
    !matches!(status, "queued" | "pending_payment")
}
