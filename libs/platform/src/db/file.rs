//! Connections to a SQLite file: one that writes, some that read.

use std::{
    path::Path,
    thread::available_parallelism,
    time::{Duration, Instant},
};

use sea_orm::{DatabaseConnection, DbErr};
use sqlx::{
    ConnectOptions,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};

/// How long a reader may be busy without a pause before it is interrupted.
pub(super) const READ_LIMIT: Duration = Duration::from_secs(30);
/// How long to wait for another process that writes to the same file.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);
/// Transactions that read at the same time, each with a connection besides those for single statements.
const SNAPSHOTS: u32 = 2;
/// Readers that have not been used for so long are closed, but for one.
const READER_IDLE: Duration = Duration::from_mins(1);

/// Texts that the writer's connection remembers. What goes there together is one text, long and seldom the same: to remember 256
/// of them took 20 MB for a file, and was no faster.
const STATEMENTS_OF_THE_WRITER: usize = 32;

/// The connection of the one writer.
pub(super) async fn writer(path: &Path) -> Result<DatabaseConnection, DbErr> {
    // Never interrupted: that would roll back everybody's work in the batch.
    let options = options(path).statement_cache_capacity(STATEMENTS_OF_THE_WRITER);
    connect(options, SqlitePoolOptions::new().max_connections(1).idle_timeout(None)).await
}

/// How many connections read.
pub(super) fn reader_count() -> u32 {
    available_parallelism().map_or(2, |cores| u32::try_from(cores.get()).unwrap_or(u32::MAX)).clamp(2, 4)
}

/// The connections that read, as many as the machine has cores: each is a thread with a cache of its own.
pub(super) async fn readers(path: &Path) -> Result<DatabaseConnection, DbErr> {
    connect(options(path).pragma("query_only", "on"), bounded(reader_count() + SNAPSHOTS, READ_LIMIT)).await
}

/// Readers whose statements are interrupted after `limit`.
fn bounded(readers: u32, limit: Duration) -> SqlitePoolOptions {
    SqlitePoolOptions::new().max_connections(readers).idle_timeout(READER_IDLE).after_connect(move |connection, _| {
        Box::pin(async move {
            let mut guard = RunawayGuard { limit, since: None, last: None };
            connection.lock_handle().await?.set_progress_handler(1_000_000, move || guard.may_go_on());
            Ok(())
        })
    })
}

fn options(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(BUSY_TIMEOUT)
        .statement_cache_capacity(128)
        // In KiB; the system keeps the file in its own cache.
        .pragma("cache_size", "-1024")
        .pragma("temp_store", "memory")
        .pragma("journal_size_limit", "67108864")
        .disable_statement_logging()
}

async fn connect(options: SqliteConnectOptions, pool: SqlitePoolOptions) -> Result<DatabaseConnection, DbErr> {
    let pool = pool
        .min_connections(1)
        .test_before_acquire(false)
        .max_lifetime(None)
        .acquire_timeout(Duration::from_secs(5))
        .connect_with(options)
        .await
        .map_err(|error| DbErr::Conn(sea_orm::RuntimeErr::SqlxError(error.into())))?;
    Ok(pool.into())
}

/// Interrupts a reader that runs too long. SQLite asks only in statements of more than a million steps, and does not tell
/// them apart: questions with short pauses count as one long statement.
struct RunawayGuard {
    limit: Duration,
    since: Option<Instant>,
    last: Option<Instant>,
}

impl RunawayGuard {
    fn may_go_on(&mut self) -> bool {
        let now = Instant::now();
        if self.last.is_none_or(|last| now - last > Duration::from_millis(200)) {
            self.since = Some(now);
        }
        self.last = Some(now);
        let go_on = self.since.is_none_or(|since| now - since < self.limit);
        if !go_on {
            self.since = None;
            self.last = None;
        }
        go_on
    }
}

#[cfg(test)]
mod tests {
    use sea_orm::{ConnectionTrait, DbBackend, Statement};

    use super::*;
    use crate::db::Reader;

    #[tokio::test]
    async fn a_question_without_end_is_cut_off_and_the_next_one_answered() {
        let folder = tempfile::tempdir().unwrap();
        let readers = connect(options(&folder.path().join("test.db")), bounded(1, Duration::from_millis(300)));
        let reader = readers.await.unwrap();
        let endless = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT COUNT(*) FROM n";
        let error = reader.execute_unprepared(endless).await.unwrap_err();
        assert!(error.to_string().contains("interrupted"), "{error}");
        reader.execute_unprepared("SELECT 1").await.unwrap();
    }
    #[tokio::test]
    async fn many_short_questions_one_after_another_are_all_answered() {
        let folder = tempfile::tempdir().unwrap();
        let readers = connect(options(&folder.path().join("test.db")), bounded(1, Duration::from_millis(200)));
        let reader = Reader::holding(readers.await.unwrap(), 1, "test");
        // Each is of several million steps, none takes long.
        let short =
            "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n LIMIT 100000) SELECT COUNT(*) FROM n";
        let began = Instant::now();
        while began.elapsed() < Duration::from_secs(1) {
            let statement = Statement::from_string(DbBackend::Sqlite, short);
            let row = reader.query_one_raw(statement).await.unwrap().unwrap();
            assert_eq!(row.try_get_by_index::<i64>(0).unwrap(), 100_000);
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn closing_waits_for_a_question_and_ends() {
        let folder = tempfile::tempdir().unwrap();
        let readers = connect(options(&folder.path().join("test.db")), bounded(2, READ_LIMIT));
        let reader = Reader::holding(readers.await.unwrap(), 2, "test");
        reader.ping().await.unwrap();
        let long =
            "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n LIMIT 2000000) SELECT COUNT(*) FROM n";
        let asking = tokio::spawn({
            let reader = reader.clone();
            async move { reader.query_one_raw(Statement::from_string(DbBackend::Sqlite, long)).await }
        });
        // Who has a permit asks.
        while reader.is_free() && !asking.is_finished() {
            tokio::task::yield_now().await;
        }
        tokio::time::timeout(READ_LIMIT, reader.close()).await.expect("it ends").unwrap();
        assert!(asking.await.unwrap().unwrap().is_some());
        assert!(reader.ping().await.is_err());
    }
}
