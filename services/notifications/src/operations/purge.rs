//! Old mails and old read notifications are forgotten.

use std::time::Duration;

use souk_platform::db::Database;

use crate::{
    error::Error,
    store::{mails, notices},
};

/// Rows per transaction: others want to write too.
const BATCH: u64 = 500;

/// Deletes what is older than `retention`. Answers how many rows.
pub async fn purge(db: &Database, retention: Duration) -> Result<u64, Error> {
    let before = db.clock().now() - retention;
    let mut forgotten = 0;
    loop {
        let batch = db.transaction::<_, Error, _, _>(move |tx| async move {
            let letters = mails::purge(&tx, before, BATCH).await?;
            Ok((letters, notices::purge(&tx, before, BATCH).await?))
        });
        let (letters, read) = batch.await?;
        forgotten += letters + read;
        if letters.max(read) < BATCH {
            return Ok(forgotten);
        }
    }
}
