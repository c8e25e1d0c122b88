//! Connections to a server, kept instead of going back to their pool after each use.
//!
//! A pool asks every connection that comes back whether it still works: a trip more for each statement and each transaction.
//! Here only what may have gone wrong goes back to the pool, and what has been kept for a while, so that the pool can close
//! what is too old or not needed. Of those that are kept the last used is lent first: the server's side of it is still warm.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use sqlx::{Connection, Database, Error, Pool, pool::PoolConnection};
use tokio::{
    runtime::Handle,
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

/// A connection that was idle for this long is asked whether it lives before it is lent.
pub(super) const ASK_AFTER: Duration = Duration::from_secs(1);
/// One that was idle for this long goes back to the pool.
const UNUSED: Duration = Duration::from_mins(1);
/// So does one that has been kept for this long.
const KEPT_FOR: Duration = Duration::from_mins(10);

/// The connections of a pool.
pub(super) struct Kept<DB: Database> {
    pool: Pool<DB>,
    idle: Mutex<Idle<DB>>,
    /// As many as the pool may have connections: who has none of these would wait in vain for what is kept here.
    permits: Arc<Semaphore>,
    /// How long anybody waits for a connection.
    patience: Duration,
    waiting: AtomicUsize,
    runtime: Handle,
}

struct Idle<DB: Database> {
    /// The last used at the end.
    connections: Vec<Resting<DB>>,
    closed: bool,
}

struct Resting<DB: Database> {
    connection: PoolConnection<DB>,
    /// From the pool.
    taken: Instant,
    /// At rest.
    since: Instant,
}

/// A connection in use. Dropped, it goes back to the pool, which looks whether it can be used again.
pub(super) struct Loan<DB: Database> {
    connection: PoolConnection<DB>,
    taken: Instant,
    kept: Arc<Kept<DB>>,
    _permit: OwnedSemaphorePermit,
}

impl<DB: Database> Kept<DB> {
    /// Keeps the up to `size` connections of `pool`.
    pub fn new(pool: Pool<DB>, size: u32, patience: Duration) -> Self {
        Self {
            pool,
            idle: Mutex::new(Idle { connections: Vec::new(), closed: false }),
            permits: Arc::new(Semaphore::new(size as usize)),
            patience,
            waiting: AtomicUsize::new(0),
            runtime: Handle::current(),
        }
    }

    /// How many wait for a connection.
    pub fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    /// A connection for as long as the loan lasts.
    pub async fn lend(self: &Arc<Self>) -> Result<Loan<DB>, Error> {
        let _waiting = Waiting::among(&self.waiting);
        timeout(self.patience, self.find()).await.unwrap_or(Err(Error::PoolTimedOut))
    }

    async fn find(self: &Arc<Self>) -> Result<Loan<DB>, Error> {
        let permit = Arc::clone(&self.permits).acquire_owned().await.map_err(|_| Error::PoolClosed)?;
        let (connection, taken) = match self.rested().await {
            Some(rested) => rested,
            None => (self.pool.acquire().await?, Instant::now()),
        };
        Ok(Loan { connection, taken, kept: Arc::clone(self), _permit: permit })
    }

    /// One that is kept and lives.
    async fn rested(&self) -> Option<(PoolConnection<DB>, Instant)> {
        loop {
            let last = self.idle().connections.pop();
            let Resting { mut connection, taken, since } = last?;
            if since.elapsed() < ASK_AFTER || connection.ping().await.is_ok() {
                return Some((connection, taken));
            }
        }
    }

    fn put(&self, connection: PoolConnection<DB>, taken: Instant) {
        let since = Instant::now();
        let mut idle = self.idle();
        let first = idle.connections.first();
        let unused = first.is_some_and(|first| since - first.since > UNUSED).then(|| idle.connections.remove(0));
        let back = if idle.closed || since - taken > KEPT_FOR {
            Some(connection)
        } else {
            idle.connections.push(Resting { connection, taken, since });
            None
        };
        drop(idle);
        drop((unused, back));
    }

    /// Closes all connections, those that are lent as soon as they are not. Whoever asks later gets none.
    pub async fn close(&self) {
        let idle = {
            let mut idle = self.idle();
            idle.closed = true;
            std::mem::take(&mut idle.connections)
        };
        drop(idle);
        self.pool.close().await;
    }

    fn idle(&self) -> MutexGuard<'_, Idle<DB>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<DB: Database> Drop for Kept<DB> {
    fn drop(&mut self) {
        // Going back to the pool is a task, also where what holds this outlives the runtime.
        let _entered = self.runtime.enter();
        self.idle().connections.clear();
    }
}

impl<DB: Database> Loan<DB> {
    pub fn connection(&mut self) -> &mut DB::Connection {
        &mut self.connection
    }

    pub fn runtime(&self) -> Handle {
        self.kept.runtime.clone()
    }

    /// Closes it: it is not as who asks next expects it.
    pub fn close(mut self) {
        self.connection.close_on_drop();
    }

    /// Gives it back in a good state: to the next who asks.
    pub fn give_back(self) {
        let Self { connection, taken, kept, _permit } = self;
        kept.put(connection, taken);
    }
}

/// Somebody who is counted for as long as he waits.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn among(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
