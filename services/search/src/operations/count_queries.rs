//! What was searched is written down, many queries together.

use crate::{
    app::App,
    error::Error,
    store::queries::{self, Query},
};

/// Queries in one transaction: others want to write too.
const BATCH: usize = 200;

/// Writes the counts since the last time; forgets those of long ago.
pub async fn count_queries(app: &App) -> Result<(), Error> {
    let today = day(app);
    let counts: Vec<Query> = app
        .statistics
        .take()
        .into_iter()
        .map(|(words, count)| Query {
            day: today,
            words,
            searches: count.searches,
            empty: count.empty,
            clicks: count.clicks,
        })
        .collect();
    for batch in counts.chunks(BATCH) {
        let batch = batch.to_vec();
        app.db
            .transaction(move |tx| async move {
                for query in batch {
                    queries::add(&tx, query).await?;
                }
                Ok::<_, Error>(())
            })
            .await?;
    }
    if !counts.is_empty() {
        let days = i32::try_from(app.config.statistics.as_secs() / 86_400).unwrap_or(i32::MAX);
        let before = today.saturating_sub(days);
        app.db.transaction(move |tx| async move { Ok::<_, Error>(queries::forget(&tx, before).await?) }).await?;
    }
    Ok(())
}

/// Days since 1970.
pub fn day(app: &App) -> i32 {
    i32::try_from(app.db.clock().now().timestamp() / 86_400).unwrap_or_default()
}
