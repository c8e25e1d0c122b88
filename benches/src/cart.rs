//! New guests' carts, each with one item.

use std::{sync::Arc, time::Duration};

use clap::Args;
use rand::seq::IndexedRandom;
use tokio::time::Instant;

use crate::{
    client::Target,
    drive::{Budget, Worker, drive},
    error::Error,
    market::{Offer, Stall},
    options::Options,
    order::{Line, add_to_cart},
    report::Report,
};

/// New carts with an item
#[derive(Args, Debug)]
pub struct Cart {
    /// How many products to make and choose from
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..))]
    products: u16,
}

pub async fn run(cart: &Cart, options: &Options, target: &Target) -> Result<Report, Error> {
    let stall = Stall::open(options, target, cart.products.into(), 1_000_000).await?;
    let offers: Arc<[Offer]> = stall.offers.clone().into();
    let workers = (options.connections.into(), Arc::new(Budget::of(options)));
    let (recorder, elapsed) = drive(options, target, "carts", workers, |worker| fill(worker, offers.clone())).await?;
    stall.close(target).await?;
    let mut report = Report::new("cart");
    report.fact("connections", &options.connections);
    report.add(recorder, elapsed);
    Ok(report)
}

async fn fill(mut worker: Worker, offers: Arc<[Offer]>) -> Result<Worker, Error> {
    while worker.next().is_some() {
        let offer = offers.choose(&mut worker.random).expect("at least one product is made");
        let line = Line { sku_id: &offer.sku_id, quantity: 1 };
        // Measured as it is: a refusal counts as one and is not repeated.
        let at_once = Instant::now() - Duration::from_nanos(1);
        let result =
            worker.timed("new cart", async |connection| add_to_cart(connection, None, &line, at_once).await).await;
        if let Err(error) = result {
            worker.record.count(error.outcome());
        }
    }
    Ok(worker)
}
