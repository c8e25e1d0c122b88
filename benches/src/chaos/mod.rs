//! The fault test: buyers buy while the server is killed again and again; afterwards nothing may be lost, double or stuck.

mod audit;
mod buyers;
mod cluster;
mod server;

use std::{
    path::PathBuf,
    sync::{Arc, Mutex},
    time::Duration,
};

use clap::Args;
use rand::{RngExt, SeedableRng, rngs::SmallRng};
use tokio::time::{Instant, sleep};

use crate::{
    chaos::{
        buyers::{Purchase, Shared, buy},
        server::Server,
    },
    client::{Connection, Target},
    drive::{Budget, drive, progress},
    error::Error,
    market::{Stall, new_seller},
    options::{Options, run_name},
    record::{Recorder, percentile},
    report::Report,
    session::Session,
};

/// Checkouts on a marketplace of its own that is killed (SIGKILL) at random moments; with --cluster on a cluster whose processes
/// are killed one after the other
#[derive(Args, Debug)]
pub struct Chaos {
    /// The souk program
    #[arg(long, default_value = "target/release/souk")]
    souk: PathBuf,
    /// Its data directory [default: a temporary one, kept if a check is broken]
    #[arg(long)]
    data: Option<PathBuf>,
    /// How often to kill it
    #[arg(long, default_value_t = 20)]
    kills: u32,
    /// Buyers at the same time
    #[arg(long, default_value_t = 32, value_parser = clap::value_parser!(u16).range(1..))]
    buyers: u16,
    /// The longest time that it is left running between two kills
    #[arg(long, default_value_t = 3000)]
    most_uptime_ms: u64,
    /// How long it may take after the last kill until no order is in limbo
    #[arg(long, default_value_t = 60)]
    settle_seconds: u64,
    /// The state file of a cluster that runs (scripts/cluster): its processes are killed instead
    #[arg(long, value_name = "STATE_FILE", conflicts_with_all = ["souk", "data", "kills", "most_uptime_ms"])]
    cluster: Option<PathBuf>,
    /// What to kill, one after the other: `orders` (one of its processes), `orders-all`, `gateway`, `rabbitmq`, `postgres` (the
    /// primary), … [default: everything]
    #[arg(long, value_name = "CASE", value_delimiter = ',', requires = "cluster", conflicts_with = "rolling")]
    cases: Vec<String>,
    /// Kill nothing, but have the cluster restart its services one by one
    #[arg(long, requires = "cluster")]
    rolling: bool,
}

/// One in this many kills comes while the server is still starting.
const EARLY_KILL: u32 = 5;

pub async fn run(chaos: &Chaos, options: &Options, target: &Target) -> Result<Report, Error> {
    if let Some(state) = &chaos.cluster {
        return cluster::run(chaos, state, options).await;
    }
    let temporary = tempfile::Builder::new().prefix("souk-chaos-").tempdir().map_err(Error::io("a data directory"))?;
    let data = chaos.data.clone().unwrap_or_else(|| temporary.path().join("data"));
    std::fs::create_dir_all(&data).map_err(Error::io(data.display().to_string()))?;
    let mut server = Server::new(&chaos.souk, &data)?;
    server.start(target).await?;
    let run = run_name();
    let admin_email = format!("operator-{run}@chaos.example");
    server.create_admin(&admin_email).await?;

    let mut connection = Connection::new(target);
    let admin = Session::login(&mut connection, &admin_email, crate::options::DEMO_PASSWORD).await?;
    let email = format!("seller-{run}@chaos.example");
    let (_, seller) =
        new_seller(&mut connection, &admin, &format!("Chaos {run}"), &email, crate::options::DEMO_PASSWORD).await?;
    let stall = Stall::fill(&mut connection, &admin, seller, 20, 1_000_000).await?;

    let shared = Arc::new(Shared {
        offers: stall.offers.clone(),
        run: run.clone(),
        purchases: Mutex::default(),
        budget: Arc::new(Budget::unbounded()),
        tally: Arc::default(),
    });
    let work = |worker| buy(worker, shared.clone());
    let driving = drive(options, target, "purchases", (chaos.buyers.into(), shared.budget.clone()), work);
    let killing = async {
        let outcome = kill_again_and_again(chaos, options, &mut server, target).await;
        shared.budget.stop();
        outcome
    };
    let (driven, killed) = tokio::join!(driving, killing);
    let ((recorder, elapsed), recoveries) = (driven?, killed?);

    let mut report = Report::new("chaos");
    report.fact("buyers", &chaos.buyers);
    report.fact("kills", &chaos.kills);
    report.fact("seconds", &format!("{:.0}", elapsed.as_secs_f64()));
    recovery_facts(&mut report, &recoveries);
    let purchases: Vec<Purchase> = shared.purchases.lock().expect("buyers are done").drain(..).collect();
    check_answers(&mut report, &recorder);
    report.add(recorder, elapsed);
    let deadline = Instant::now() + Duration::from_secs(chaos.settle_seconds);
    audit::settle(&mut report, (&mut connection, &admin), &run, &purchases, deadline).await?;
    server.verify(&mut report, "souk verify while it runs").await?;
    server.kill().await?;
    server.verify(&mut report, "souk verify after the last kill").await?;
    if !report.holds() && chaos.data.is_none() {
        let kept = temporary.keep();
        report.fact("data and log kept in", &kept.display());
    }
    Ok(report)
}

/// How long each start took after a kill.
async fn kill_again_and_again(
    chaos: &Chaos,
    options: &Options,
    server: &mut Server,
    target: &Target,
) -> Result<Vec<Duration>, Error> {
    let mut random = SmallRng::seed_from_u64(options.seed);
    let mut recoveries = Vec::new();
    let bar = progress("kills", Some(chaos.kills.into()));
    for _ in 0..chaos.kills {
        sleep(Duration::from_millis(random.random_range(0..=chaos.most_uptime_ms))).await;
        server.kill().await?;
        if random.random_ratio(1, EARLY_KILL) {
            server.start_and_kill(Duration::from_millis(random.random_range(0..=300))).await?;
        }
        recoveries.push(server.start(target).await?);
        bar.inc(1);
    }
    bar.finish();
    Ok(recoveries)
}

fn recovery_facts(report: &mut Report, recoveries: &[Duration]) {
    let mut millis: Vec<u32> =
        recoveries.iter().map(|took| u32::try_from(took.as_millis()).unwrap_or(u32::MAX)).collect();
    millis.sort_unstable();
    let [middle, most] = [50, 100].map(|percent| percentile(&millis, percent));
    report.fact("ready again after (p50, max)", &format!("{middle} ms, {most} ms"));
}

/// A server that is killed may be away (no answer) or not ready (503), but never answers with a fault of its own.
fn check_answers(report: &mut Report, recorder: &Recorder) {
    let faults: u64 = recorder
        .outcomes()
        .iter()
        .filter(|(name, _)| name.starts_with('5') && !name.starts_with("503"))
        .map(|(_, count)| count)
        .sum();
    report.equal("answers that are our fault (5xx but 503)", &0, &faults);
}
