//! What is over is forgotten.

use chrono::TimeDelta;
use souk_platform::db::Database;

use crate::{
    error::Error,
    store::{resets, sessions},
};

/// Sessions that ended are kept this long, so that the reuse of their tokens is still noticed and logged.
const KEEP: TimeDelta = TimeDelta::days(7);
/// Rows per transaction: others want to write too.
const BATCH: u64 = 500;

/// Deletes sessions and reset tokens that ended long ago.
pub async fn purge(db: &Database) -> Result<u64, Error> {
    let before = db.clock().now() - KEEP;
    let mut forgotten =
        db.transaction::<_, Error, _, _>(move |tx| async move { Ok(resets::purge(&tx, before).await?) }).await?;
    loop {
        let batch =
            db.transaction::<_, Error, _, _>(move |tx| async move { Ok(sessions::purge(&tx, before, BATCH).await?) });
        let batch = batch.await?;
        forgotten += batch;
        if batch < BATCH {
            return Ok(forgotten);
        }
    }
}
