//! The fault test of a cluster: buyers buy through its gateways while its processes are killed one after the other, or restarted in
//! turn; afterwards nothing may be lost, double or stuck.
//!
//! A request is lost when it got no answer, or one that is neither a success nor a redirection. A connection that a gateway closes
//! while nothing is under way on it is none, nor is one that is refused: the buyer goes to the other gateway.

mod case;
mod state;

use std::{
    path::Path,
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::time::{Instant, sleep};

use self::{
    case::Case,
    state::{State, signal},
};
use super::{
    Chaos, audit,
    buyers::{Purchase, Shared, buy},
};
use crate::{
    client::{Connection, Target},
    drive::{Budget, drive, progress},
    error::Error,
    market::{Stall, new_seller},
    options::{Options, run_name},
    record::per_second,
    report::Report,
    session::Session,
    tally::{Counts, Tally},
};

/// How long nothing is done to the cluster first, for comparison.
const CALM: Duration = Duration::from_secs(10);
/// Requests go well again when none has failed for so long …
const WELL: Duration = Duration::from_secs(5);
/// … and nobody has waited for so long.
const SLOW: Duration = Duration::from_secs(2);
/// A cluster that is not whole again by then won't be.
const RECOVERY: Duration = Duration::from_mins(3);
const LOOK: Duration = Duration::from_millis(50);
const HEAD: &[&str] = &[
    "what is killed",
    "seconds",
    "checkouts/s",
    "requests",
    "errors",
    "%",
    "first checkout after",
    "last error after",
    "slowest",
    "whole after",
];

/// What was seen of one case.
struct Seen {
    what: String,
    took: Duration,
    counts: Counts,
    /// How long it took until all processes were there again.
    whole: Option<Duration>,
}

pub async fn run(chaos: &Chaos, file: &Path, options: &Options) -> Result<Report, Error> {
    let state = State::read(file)?;
    if !state.ready {
        return Err(Error::Usage(format!("--cluster {}: this cluster is not running", file.display())));
    }
    let cases = if chaos.rolling { Vec::new() } else { Case::chosen(&state, &chaos.cases)? };
    let tally = Arc::new(Tally::default());
    let target = Target::several(&state.gateways, tally.clone())?;
    let run = run_name();
    let mut connection = Connection::new(&Target::several(&state.gateways, Arc::default())?);
    let admin = Session::login(&mut connection, &options.logins.admin_email, &options.logins.admin_password).await?;
    let email = format!("seller-{run}@chaos.example");
    let (_, seller) =
        new_seller(&mut connection, &admin, &format!("Chaos {run}"), &email, crate::options::DEMO_PASSWORD).await?;
    let stall = Stall::fill(&mut connection, &admin, seller, 20, 1_000_000).await?;

    let budget = Arc::new(Budget::unbounded());
    let shared = Arc::new(Shared {
        offers: stall.offers.clone(),
        run: run.clone(),
        purchases: Mutex::default(),
        budget: budget.clone(),
        tally: tally.clone(),
    });
    let work = |worker| buy(worker, shared.clone());
    let driving = drive(options, &target, "purchases", (chaos.buyers.into(), budget.clone()), work);
    let breaking = async {
        let outcome = break_in_turn(file, &cases, chaos.rolling, &tally).await;
        budget.stop();
        outcome
    };
    let (driven, broken) = tokio::join!(driving, breaking);
    let ((recorder, elapsed), seen) = (driven?, broken?);

    let mut report = Report::new("chaos");
    report.fact("buyers", &chaos.buyers);
    report.fact("gateways", &state.gateways.len());
    report.fact("seconds", &format!("{:.0}", elapsed.as_secs_f64()));
    report.table(HEAD, seen.iter().map(Seen::row).collect());
    report.table(&["errors", "kind", "count"], seen.iter().flat_map(Seen::kinds).collect());
    let purchases: Vec<Purchase> = shared.purchases.lock().expect("buyers are done").drain(..).collect();
    if chaos.rolling {
        let lost = seen.last().map_or(0, |seen| seen.counts.errors);
        report.equal("requests lost during the rolling restart", &0, &lost);
    }
    let healed = seen.iter().filter(|seen| seen.whole.is_none() && seen.what != CALM_NAME).count();
    report.equal("cases after which the cluster was not whole again", &0, &healed);
    report.equal(
        "orders that never came to an end before their buyer's eyes",
        &0,
        &recorder.failures("whole checkout"),
    );
    report.add(recorder, elapsed);
    let deadline = Instant::now() + Duration::from_secs(chaos.settle_seconds);
    audit::settle(&mut report, (&mut connection, &admin), &run, &purchases, deadline).await?;
    State::read(file)?.verify(&mut report, "souk verify while it runs").await?;
    Ok(report)
}

const CALM_NAME: &str = "nothing";

async fn break_in_turn(file: &Path, cases: &[Case], rolling: bool, tally: &Tally) -> Result<Vec<Seen>, Error> {
    // Connections are made and caches filled before anything is counted.
    tally.begin();
    wait_until(RECOVERY, || tally.counts().checkouts >= 50).await.map_err(|()| Error::TooLate {
        step: "buy before anything is killed",
        what: format!("only {} checkouts", tally.counts().checkouts),
    })?;
    let bar = progress("cases", Some(cases.len() as u64 + u64::from(rolling)));
    let began = tally.begin();
    sleep(CALM).await;
    let mut seen =
        vec![Seen { what: CALM_NAME.to_owned(), took: began.elapsed(), counts: tally.counts(), whole: None }];
    for case in cases {
        seen.push(one(file, case, tally).await?);
        bar.inc(1);
    }
    if rolling {
        seen.push(roll(file, tally).await?);
        bar.inc(1);
    }
    bar.finish();
    Ok(seen)
}

/// Kills, and watches until all is well again.
async fn one(file: &Path, case: &Case, tally: &Tally) -> Result<Seen, Error> {
    let state = State::read(file)?;
    if !state.is_whole() {
        return Err(Error::Usage(format!("before {} is killed: not running: {}", case.name(), state.missing())));
    }
    let victims = case.victims(&state);
    let of = state.processes.iter().filter(|process| process.service == victims[0].service).count();
    let what = case.describe(victims.len(), of);
    let pids: Vec<u32> = victims.iter().filter_map(|victim| victim.pid).collect();
    let began = tally.begin();
    for pid in &pids {
        signal("KILL", *pid).await?;
    }
    let mut whole = None;
    // Well again: a purchase from its beginning to its end, no failure for a while, and all processes there.
    let well = wait_until(RECOVERY, || {
        if whole.is_none() {
            let state = State::read(file).ok().filter(State::is_whole);
            let fresh =
                state.filter(|state| !state.processes.iter().any(|one| one.pid.is_some_and(|pid| pids.contains(&pid))));
            whole = fresh.map(|_| began.elapsed());
        }
        let counts = tally.counts();
        let quiet = counts.last_error.map_or(began.elapsed(), |at| at.elapsed()) >= WELL;
        // Otherwise somebody waits who asked when it happened.
        let prompt = tally.waiting_since().is_none_or(|since| since.elapsed() < SLOW);
        whole.is_some() && counts.first_checkout.is_some() && quiet && prompt
    });
    // That it never is shows in the table.
    let _ = well.await;
    Ok(Seen { what, took: began.elapsed(), counts: tally.counts(), whole })
}

/// Has the cluster restart its services one by one.
async fn roll(file: &Path, tally: &Tally) -> Result<Seen, Error> {
    let state = State::read(file)?;
    let began = tally.begin();
    signal("HUP", state.pid).await?;
    let limit = RECOVERY * 2;
    let over = wait_until(limit, || State::read(file).is_ok_and(|now| now.rolling.done > state.rolling.done));
    over.await.map_err(|()| Error::TooLate { step: "restart in turn", what: format!("not over after {limit:?}") })?;
    let whole = began.elapsed();
    sleep(WELL).await;
    if let Some(why) = State::read(file)?.rolling.failed {
        return Err(Error::TooLate { step: "restart in turn", what: why });
    }
    Ok(Seen {
        what: "each in turn, told to stop".to_owned(),
        took: began.elapsed(),
        counts: tally.counts(),
        whole: Some(whole),
    })
}

async fn wait_until(limit: Duration, mut condition: impl FnMut() -> bool) -> Result<(), ()> {
    let end = Instant::now() + limit;
    while !condition() {
        if Instant::now() >= end {
            return Err(());
        }
        sleep(LOOK).await;
    }
    Ok(())
}

impl Seen {
    fn row(&self) -> Vec<String> {
        let Self { what, took, counts, whole } = self;
        let after = |at: Option<Instant>| {
            at.zip(counts.since)
                .map_or_else(|| "–".to_owned(), |(at, since)| seconds(at.saturating_duration_since(since)))
        };
        let percent = per_second(counts.errors * 100, Duration::from_secs(counts.requests));
        vec![
            what.clone(),
            seconds(*took),
            format!("{:.0}", per_second(counts.checkouts, *took)),
            counts.requests.to_string(),
            counts.errors.to_string(),
            format!("{percent:.2}"),
            after(counts.first_checkout),
            after(counts.last_error),
            seconds(counts.slowest),
            whole.map_or_else(|| "–".to_owned(), seconds),
        ]
    }

    fn kinds(&self) -> Vec<Vec<String>> {
        let row = |(kind, count): (&String, &u64)| vec![self.what.clone(), kind.clone(), count.to_string()];
        self.counts.kinds.iter().map(row).collect()
    }
}

fn seconds(duration: Duration) -> String {
    format!("{:.1} s", duration.as_secs_f64())
}
