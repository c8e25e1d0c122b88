//! A service's database: a pool of readers and one way to write.
//!
//! Every write goes through [`Database::transaction`]. On SQLite there is one writer per file, which runs waiting
//! transactions one after another inside one commit ("group commit"): durable throughput does not end at one `fsync` per
//! request. A failed one rolls back alone.
//!
//! On a server (the feature `cluster`) transactions run side by side, and those that would see what could not have been
//! had they run one after another are run again. See [`Database::transaction`] and [`Database::guarded`].

mod conflict;
mod connect;
mod failure;
mod file;
mod fresh;
mod held;
mod hurry;
mod newest;
mod open;
mod reader;
mod schema;
pub mod seller;
#[cfg(feature = "cluster")]
mod server;
pub mod testing;
mod tx;
mod writer;

use std::sync::{Arc, Mutex, PoisonError};

use sea_orm::{ConnectionTrait, DbErr};
use souk_kernel::Clock;
use tokio::sync::{Notify, oneshot};

pub use connect::{Connect, Replica, ServerSettings};
pub use failure::problem;
pub(crate) use fresh::Fresh;
pub(crate) use hurry::unhurried;
pub use newest::newest_first;
pub use open::OpenError;
pub use reader::{Moment, Reader};
#[cfg(feature = "cluster")]
pub(crate) use schema::inbox;
pub(crate) use schema::{dead_letter, outbox};
#[cfg(feature = "cluster")]
pub(crate) use server::{Lease, Leases};
pub use tx::Tx;
use writer::{Job, Writer};

/// A service's own database. Cheap to clone.
#[derive(Clone)]
pub struct Database {
    shared: Arc<Shared>,
}

struct Shared {
    service: &'static str,
    reader: Reader,
    writing: Writing,
    clock: Clock,
    /// Rung when a commit put events into the outbox.
    published: Notify,
    /// What these commits put there.
    fresh: Mutex<Fresh>,
}

/// How transactions are run.
enum Writing {
    /// One after another, into a file.
    File(Writer),
    /// Side by side, on a server.
    #[cfg(feature = "cluster")]
    Server(Box<server::Server>),
}

impl Database {
    /// The service that owns it.
    pub fn service(&self) -> &'static str {
        self.shared.service
    }

    /// For reading. What a transaction committed is seen here as soon as it returned.
    pub fn reader(&self) -> &Reader {
        &self.shared.reader
    }

    /// For reading much that is shown and decides nothing: lists, counts, reports. A replica answers if one is configured that
    /// has all that was committed when this was called, otherwise the primary does: so what is seen here is as new as what
    /// [`Database::reader`] sees. It costs a trip to the primary, and the few milliseconds that a replica may be late: for
    /// single rows take [`Database::reader`].
    ///
    /// To be asked for anew by each request; what is committed later is seen or not.
    #[cfg_attr(not(feature = "cluster"), expect(clippy::unused_async, reason = "a file has no replicas"))]
    pub async fn copies(&self) -> Reader {
        match &self.shared.writing {
            Writing::File(_) => self.reader().clone(),
            #[cfg(feature = "cluster")]
            Writing::Server(server) => self.reader().preferring(server.replica().await),
        }
    }

    /// Whether it has replicas.
    pub fn has_replicas(&self) -> bool {
        match &self.shared.writing {
            Writing::File(_) => false,
            #[cfg(feature = "cluster")]
            Writing::Server(server) => server.replicas().is_some(),
        }
    }

    /// Whether one of its replicas answers, if it has any and has needed them.
    pub fn ping_replicas(&self) -> Result<(), String> {
        match &self.shared.writing {
            Writing::File(_) => Ok(()),
            #[cfg(feature = "cluster")]
            Writing::Server(server) => server.replicas().map_or(Ok(()), server::Replicas::ping),
        }
    }

    /// The clock that it was opened with.
    pub fn clock(&self) -> &Clock {
        &self.shared.clock
    }

    /// Runs `work` as one transaction; it is durable when this returns `Ok`. An `Err` rolls back all that `work` wrote and
    /// published, and nothing else. `work` runs to its end even if the caller goes away meanwhile.
    ///
    /// It is as if all transactions ran one after another: what `work` read holds until it is committed.
    ///
    /// `work` holds the only writer, or a connection that others wait for: it awaits nothing but this transaction. It is
    /// `Clone` because it may be run again: after a serialization failure, or when something was presumed ([`Tx::changes`]) that
    /// was not so.
    pub async fn transaction<T, E, F, Fut>(&self, work: F) -> Result<T, E>
    where
        F: FnOnce(Tx) -> Fut + Clone + Send + 'static,
        Fut: Future<Output = Result<T, E>> + Send + 'static,
        T: Send + 'static,
        E: From<DbErr> + Send + 'static,
    {
        match &self.shared.writing {
            Writing::File(writer) => self.in_file(writer, work).await,
            #[cfg(feature = "cluster")]
            Writing::Server(_) => self.on_server(server::Isolation::Serial, work).await,
        }
    }

    /// As [`Database::transaction`], but on a server others may commit between two statements of `work`. Only for work that
    /// is right all the same: what it relies on it has locked (`lock_exclusive`) in a fixed order, or is repeated in the
    /// condition of its `UPDATE`, or is kept by a unique key. In return nobody is sacrificed where many want the same row:
    /// they wait for it.
    pub async fn guarded<T, E, F, Fut>(&self, work: F) -> Result<T, E>
    where
        F: FnOnce(Tx) -> Fut + Clone + Send + 'static,
        Fut: Future<Output = Result<T, E>> + Send + 'static,
        T: Send + 'static,
        E: From<DbErr> + Send + 'static,
    {
        match &self.shared.writing {
            Writing::File(writer) => self.in_file(writer, work).await,
            #[cfg(feature = "cluster")]
            Writing::Server(_) => self.on_server(server::Isolation::Guarded, work).await,
        }
    }

    async fn in_file<T, E, F, Fut>(&self, writer: &Writer, work: F) -> Result<T, E>
    where
        F: FnOnce(Tx) -> Fut + Clone + Send + 'static,
        Fut: Future<Output = Result<T, E>> + Send + 'static,
        T: Send + 'static,
        E: From<DbErr> + Send + 'static,
    {
        let (answer, wait) = oneshot::channel();
        let job = Job::new(self.shared.clock.clone(), work, answer);
        writer.submit(job).await?;
        wait.await.map_err(|_| DbErr::Custom("the transaction was abandoned".to_owned()))?
    }

    /// Whether other processes may use the same database at the same time.
    pub fn is_shared(&self) -> bool {
        match &self.shared.writing {
            Writing::File(_) => false,
            #[cfg(feature = "cluster")]
            Writing::Server(_) => true,
        }
    }

    /// For a process that is about to write much: more of the file's pages are kept between statements, up to 64 MB, instead
    /// of being written early and read again, and they go from the log into the file after as much of it instead of after
    /// 4 MB, so that a page that every transaction touches goes there once. A server has its own settings.
    pub async fn write_much(&self) -> Result<(), DbErr> {
        if self.is_shared() {
            return Ok(());
        }
        let settings = "PRAGMA cache_size = -65536; PRAGMA wal_autocheckpoint = 16384";
        self.transaction(move |tx| async move { tx.execute_unprepared(settings).await.map(drop) }).await
    }

    /// Connects to a server before the first request has to wait for that. What fails is tried again when it is needed.
    #[cfg_attr(not(feature = "cluster"), expect(clippy::unused_async, reason = "as the one that connects"))]
    pub async fn warm_up(&self) {
        #[cfg(feature = "cluster")]
        if let Writing::Server(server) = &self.shared.writing {
            server.warm_up(self.reader()).await;
        }
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

    /// Where the right to deliver this database's events comes from; nowhere when only one process can have it.
    #[cfg(feature = "cluster")]
    pub(crate) fn leases(&self) -> Option<&Leases> {
        match &self.shared.writing {
            Writing::File(_) => None,
            Writing::Server(server) => Some(server.leases()),
        }
    }

    /// Transactions that wait for the writer, or for a connection.
    pub fn queue_depth(&self) -> usize {
        match &self.shared.writing {
            Writing::File(writer) => writer.depth(),
            #[cfg(feature = "cluster")]
            Writing::Server(server) => server.depth(),
        }
    }

    /// Finishes what waits and closes files and connections.
    pub async fn close(&self) {
        match &self.shared.writing {
            Writing::File(writer) => writer.close().await,
            #[cfg(feature = "cluster")]
            Writing::Server(server) => server.close().await,
        }
        if let Err(error) = self.shared.reader.close().await {
            tracing::warn!(service = self.shared.service, %error, "closing the database failed");
        }
    }
}

#[cfg(test)]
mod tests;
