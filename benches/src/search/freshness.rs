//! How long it takes from a write to its being found, while much is written.

use std::{sync::Arc, time::Duration};

use clap::Args;
use serde::Deserialize;
use serde_json::json;
use tokio::{
    sync::mpsc,
    time::{Instant, MissedTickBehavior, interval, sleep, timeout},
};

use crate::{
    call::Call,
    client::{Connection, Target},
    drive::Budget,
    error::Error,
    market::Stall,
    options::{Options, run_name},
    record::Recorder,
    report::Report,
};

/// Product changes at a steady rate, each followed until search finds it
#[derive(Args, Debug)]
pub struct SearchFreshness {
    /// Changes a second
    #[arg(long, default_value_t = 200)]
    rate: u32,
    /// Products that are changed in turn; a change that isn't found before its product's next one is missed for good
    #[arg(long, default_value_t = 2000)]
    products: usize,
}

/// The pause between two looks.
const LOOK: Duration = Duration::from_millis(20);
/// After this a change counts as not found.
const PATIENCE: Duration = Duration::from_secs(20);
/// Every how manyth change is followed: asking for all of them would be load of its own.
const FOLLOWED: u64 = 10;
const WRITERS: usize = 8;

#[derive(Deserialize)]
struct Answer {
    total: u64,
}

/// A word that only one product has, and when it was written.
struct Written {
    word: String,
    at: Instant,
}

pub async fn run(freshness: &SearchFreshness, options: &Options, target: &Target) -> Result<Report, Error> {
    let stall = Arc::new(Stall::open(options, target, freshness.products, 10).await?);
    let ids: Arc<Vec<String>> = Arc::new(stall.offers.iter().map(|offer| offer.product_id.clone()).collect());
    let budget = Arc::new(Budget::of(options));
    let name = run_name();
    let (found_sender, mut found) = mpsc::unbounded_channel();
    let (order, orders) = channel(WRITERS);
    let mut writers = tokio::task::JoinSet::new();
    for _ in 0..WRITERS {
        let (orders, ids, name, stall) = (Arc::clone(&orders), Arc::clone(&ids), name.clone(), Arc::clone(&stall));
        let (target, sender) = (target.clone(), found_sender.clone());
        writers.spawn(async move {
            let mut connection = Connection::new(&target);
            let mut record = Recorder::default();
            loop {
                let number = orders.lock().await.recv().await;
                let Some(number): Option<u64> = number else { return Ok::<_, Error>(record) };
                let word = format!("fresh{name}n{number}");
                let index = usize::try_from(number).unwrap_or_default() % ids.len();
                let change = json!({"title": format!("Load test product {word}")});
                let call = Call::put(format!("/api/v1/products/{}", ids[index]), &change);
                let began = Instant::now();
                stall.seller.send(&mut connection, call).await?.accepted("change a product")?;
                record.success("change a product", began.elapsed());
                if number % FOLLOWED == 0 {
                    let written = Written { word, at: Instant::now() };
                    tokio::spawn(follow(target.clone(), written, sender.clone()));
                }
            }
        });
    }
    drop(found_sender);
    let began = Instant::now();
    let mut tick = interval(Duration::from_secs(1) / freshness.rate.max(1));
    tick.set_missed_tick_behavior(MissedTickBehavior::Burst);
    while let Some(number) = budget.take() {
        tick.tick().await;
        if order.send(number).await.is_err() {
            break;
        }
    }
    drop(order);
    let mut recorder = Recorder::default();
    while let Some(done) = writers.join_next().await {
        recorder.merge(done.map_err(|fault| Error::Usage(fault.to_string()))??);
    }
    let elapsed = began.elapsed();
    let mut lost = 0u64;
    while let Some(took) = found.recv().await {
        match took {
            Some(took) => recorder.success("from written to found", took),
            None => lost += 1,
        }
    }
    if let Some(stall) = Arc::into_inner(stall) {
        stall.close(target).await?;
    }
    let mut report = Report::new("search-freshness");
    report.fact("changes a second wanted", &freshness.rate);
    report.add(recorder, elapsed);
    report.equal("changes that were not found", &0, &lost);
    Ok(report)
}

type Orders = Arc<tokio::sync::Mutex<mpsc::Receiver<u64>>>;

fn channel(room: usize) -> (mpsc::Sender<u64>, Orders) {
    let (sender, receiver) = mpsc::channel(room);
    (sender, Arc::new(tokio::sync::Mutex::new(receiver)))
}

/// Asks until the word is found. The next change of the same product takes it away again.
async fn follow(target: Target, written: Written, sender: mpsc::UnboundedSender<Option<Duration>>) {
    let mut connection = Connection::new(&target);
    let call = Call::get(format!("/api/v1/search?q={}&limit=1", written.word));
    let look = async {
        loop {
            let answer = connection.send(&call).await.and_then(|answer| answer.data::<Answer>("search"));
            if answer.is_ok_and(|answer| answer.total > 0) {
                return written.at.elapsed();
            }
            sleep(LOOK).await;
        }
    };
    let took = timeout(PATIENCE, look).await.ok();
    // Nobody listens any more when the run was broken off.
    let _ = sender.send(took);
}
