//! What the service does by itself.

use std::{
    sync::{Arc, PoisonError},
    time::{Duration, Instant},
};

use souk_platform::service::Job;
use tokio::time::timeout;

use crate::{
    app::{AppState, Learnt},
    error::Error,
    index::suggestions::Vocabulary,
    operations::{self, index_changes, rebuild},
    store::queries::{self, Ranking},
};

/// How long the indexer sleeps when nothing wakes it. What is in no hurry goes in by then: how many are left, how many were
/// sold. Every commit costs the index tens of milliseconds, however little is in it.
const LOOK: Duration = Duration::from_secs(3);
/// A pause after a fault.
const PAUSE: Duration = Duration::from_secs(1);
/// Queries that are offered as completions.
const QUERIES: u64 = 1_000;

/// All of them.
pub fn jobs(app: &AppState) -> Vec<Job> {
    vec![
        job(app, "search.index", Duration::from_millis(1), index),
        job(app, "search.complete", Duration::from_secs(1), learn),
        job(app, "search.count", Duration::from_secs(10), count),
    ]
}

fn job<F>(app: &AppState, name: &'static str, every: Duration, run: fn(AppState) -> F) -> Job
where
    F: Future<Output = Result<(), Error>> + Send + 'static,
{
    let app = Arc::clone(app);
    Job::new(name, every, move || {
        let app = Arc::clone(&app);
        async move {
            if let Err(error) = run(app).await {
                tracing::error!(job = name, %error, "a job of search failed and will be tried again");
                // The pause is no rule of the business: the clock of the marketplace does not drive it.
                let never = std::future::pending::<()>();
                let _ = timeout(PAUSE, never).await;
            }
        }
    })
}

/// One look at what changed.
async fn index(app: AppState) -> Result<(), Error> {
    let quiet = &|_: &'static str, _: u64, _: u64| {};
    if !operations::is_filled(&app).await? {
        operations::fill(&app, quiet).await?;
    }
    if app.live.is_outdated() {
        rebuild(&app, quiet).await?;
    }
    if timeout(LOOK, app.changed.notified()).await.is_ok() {
        // Changes that come close together are written together.
        let _ = timeout(app.config.gather, std::future::pending::<()>()).await;
    }
    if !index_changes(&app).await? {
        let live = Arc::clone(&app.live);
        operations::blocking(move || live.rest()).await?;
    }
    Ok(())
}

/// Learns the words of the index when it has changed, and not so often that it would take more than a fiftieth of the time.
async fn learn(app: AppState) -> Result<(), Error> {
    let Some(opened) = app.live.opened() else { return Ok(()) };
    let (index, generation) = (opened.name().to_owned(), opened.snapshot.generation);
    let before = app.learnt.lock().unwrap_or_else(PoisonError::into_inner).clone();
    if before.is_some_and(|before| {
        (before.index == index && before.generation == generation) || before.at.elapsed() < before.took * 50
    }) {
        return Ok(());
    }
    let at = Instant::now();
    let since = operations::day(&app) - 30;
    let asked = queries::ranked(app.db.reader(), since, Ranking::Top, QUERIES).await?;
    let asked: Vec<(String, u32)> = asked
        .into_iter()
        .filter(|query| query.searches > query.empty && query.searches > 2)
        .map(|query| (query.words, u32::try_from(query.searches).unwrap_or(u32::MAX)))
        .collect();
    let vocabulary = operations::blocking(move || Ok(Vocabulary::read(&opened.snapshot, asked)?)).await?;
    app.learn(vocabulary);
    let learnt = Learnt { index, generation, at, took: at.elapsed() };
    *app.learnt.lock().unwrap_or_else(PoisonError::into_inner) = Some(learnt);
    Ok(())
}

async fn count(app: AppState) -> Result<(), Error> {
    operations::count_queries(&app).await
}
