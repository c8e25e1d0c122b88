//! A service's database: a pool of readers and one way to write.
//!
//! Every write goes through [`Database::transaction`]. On SQLite there is one writer per file, which runs waiting
//! transactions one after another inside one commit ("group commit"): durable throughput does not end at one `fsync` per
//! request. A failed one rolls back alone.

mod fresh;
mod open;
mod schema;
mod tx;
mod writer;

use std::sync::{Arc, Mutex, PoisonError};

use sea_orm::{DatabaseConnection, DbErr};
use souk_kernel::Clock;
use tokio::sync::{Notify, oneshot};

pub(crate) use fresh::Fresh;
pub use open::OpenError;
pub(crate) use schema::{dead_letter, outbox};
pub use tx::Tx;
use writer::{Job, Writer};

/// A service's own database. Cheap to clone.
#[derive(Clone)]
pub struct Database {
    shared: Arc<Shared>,
}

struct Shared {
    service: &'static str,
    reader: DatabaseConnection,
    writer: Writer,
    clock: Clock,
    /// Rung when a commit put events into the outbox.
    published: Notify,
    /// What these commits put there.
    fresh: Mutex<Fresh>,
}

impl Database {
    /// The service that owns it.
    pub fn service(&self) -> &'static str {
        self.shared.service
    }

    /// The pool for reading. What a transaction committed is seen here as soon as it returned.
    pub fn reader(&self) -> &DatabaseConnection {
        &self.shared.reader
    }

    /// The clock that it was opened with.
    pub fn clock(&self) -> &Clock {
        &self.shared.clock
    }

    /// Runs `work` as one transaction; it is durable when this returns `Ok`. An `Err` rolls back all that `work` wrote and
    /// published, and nothing else. `work` runs to its end even if the caller goes away meanwhile.
    ///
    /// `work` holds the only writer: it awaits nothing but this transaction. It is `Clone` because it may be run again
    /// when the database reports a serialization failure.
    pub async fn transaction<T, E, F, Fut>(&self, work: F) -> Result<T, E>
    where
        F: FnOnce(Tx) -> Fut + Clone + Send + 'static,
        Fut: Future<Output = Result<T, E>> + Send + 'static,
        T: Send + 'static,
        E: From<DbErr> + Send + 'static,
    {
        let (answer, wait) = oneshot::channel();
        let job = Job::new(self.shared.clock.clone(), work, answer);
        self.shared.writer.submit(job).await?;
        wait.await.map_err(|_| DbErr::Custom("the transaction was abandoned".to_owned()))?
    }

    /// Waits until a commit puts events into the outbox.
    pub(crate) async fn published(&self) {
        self.shared.published.notified().await;
    }

    /// What the last commits put into the outbox, to be delivered without reading it again.
    pub(crate) fn take_fresh(&self) -> Fresh {
        std::mem::take(&mut *self.shared.fresh.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Wakes the relay.
    pub(crate) fn ring(&self) {
        self.shared.published.notify_one();
    }

    /// Transactions that wait for the writer.
    pub fn queue_depth(&self) -> usize {
        self.shared.writer.depth()
    }

    /// Finishes what waits and closes the files.
    pub async fn close(&self) {
        self.shared.writer.close().await;
        if let Err(error) = self.shared.reader.clone().close().await {
            tracing::warn!(service = self.shared.service, %error, "closing the read pool failed");
        }
    }
}

#[cfg(test)]
mod tests;
