//! Connections to a server, kept instead of going back to their pool after each use.
//!
//! A pool asks every connection that comes back whether it still works: a trip more for each statement and each transaction.
//! Here it makes connections and counts them, and what it has made stays here until it is closed. Of those that are kept the last
//! used is lent first: the server's side of it is still warm.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
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
const ASK_AFTER: Duration = Duration::from_secs(1);
/// How long it may take to answer; half of anybody's patience at most.
const ANSWER_LIMIT: Duration = Duration::from_secs(1);
/// How long one may take to be done with what nobody waits for any more, and to close.
const RECOVERY_LIMIT: Duration = Duration::from_secs(5);
/// One that was idle for this long is closed.
const UNUSED: Duration = Duration::from_mins(5);
/// So is one that is this old.
const LIFETIME: Duration = Duration::from_hours(1);
/// How often idle ones are looked through.
const TIDY: Duration = Duration::from_mins(1);

/// The connections of a pool.
pub(super) struct Kept<DB: Database> {
    pool: Pool<DB>,
    idle: Mutex<Idle<DB>>,
    /// As many as the pool may have connections. Whoever has one finds a connection here, or the pool can make one: a permit is
    /// free only when its connection is kept here, or closes.
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
    made: Instant,
    /// At rest.
    since: Instant,
}

/// A connection in use. Dropped, it is asked whether it works and kept if so; in a transaction it is closed.
pub(super) struct Loan<DB: Database> {
    kept: Arc<Kept<DB>>,
    made: Instant,
    /// Whether it may not be used as it is: in a transaction, or asked for its health without an answer.
    unfit: bool,
    /// `None` when it has been given back.
    lent: Option<(PoolConnection<DB>, OwnedSemaphorePermit)>,
}

impl<DB: Database> Kept<DB> {
    /// Keeps the up to `size` connections of `pool`, which nobody else uses.
    pub fn new(pool: Pool<DB>, size: u32, patience: Duration) -> Arc<Self> {
        let kept = Arc::new(Self {
            pool,
            idle: Mutex::new(Idle { connections: Vec::new(), closed: false }),
            permits: Arc::new(Semaphore::new(size as usize)),
            patience,
            waiting: AtomicUsize::new(0),
            runtime: Handle::current(),
        });
        tokio::spawn(tidy(Arc::downgrade(&kept)));
        kept
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
        let rested = self.idle().connections.pop();
        let Some(Resting { connection, made, since }) = rested else { return self.make(permit).await };
        let mut loan = self.loan(connection, made, permit);
        if since.elapsed() < ASK_AFTER {
            return Ok(loan);
        }
        // Should this be given up, an answer is still to come that MariaDB's driver would take for another.
        loan.unfit = true;
        let limit = ANSWER_LIMIT.min(self.patience / 2);
        if matches!(timeout(limit, loan.connection().ping()).await, Ok(Ok(()))) {
            loan.unfit = false;
            return Ok(loan);
        }
        // So will those be that have been idle for longer.
        self.forget(|resting| resting.since <= since);
        let (connection, permit) = loan.lent.take().ok_or(Error::PoolClosed)?;
        close(connection).await;
        self.make(permit).await
    }

    async fn make(self: &Arc<Self>, permit: OwnedSemaphorePermit) -> Result<Loan<DB>, Error> {
        let connection = self.pool.acquire().await?;
        Ok(self.loan(connection, Instant::now(), permit))
    }

    fn loan(self: &Arc<Self>, connection: PoolConnection<DB>, made: Instant, permit: OwnedSemaphorePermit) -> Loan<DB> {
        Loan { kept: Arc::clone(self), made, unfit: false, lent: Some((connection, permit)) }
    }

    fn put(&self, mut connection: PoolConnection<DB>, made: Instant) {
        let since = Instant::now();
        let mut idle = self.idle();
        if !idle.closed && since - made < LIFETIME {
            return idle.connections.push(Resting { connection, made, since });
        }
        drop(idle);
        connection.close_on_drop();
    }

    /// Closes those of the idle ones.
    fn forget(&self, these: impl Fn(&Resting<DB>) -> bool) {
        let _entered = self.runtime.enter();
        let forgotten: Vec<_> = self.idle().connections.extract_if(.., |resting| these(resting)).collect();
        for mut resting in forgotten {
            resting.connection.close_on_drop();
        }
    }

    /// Closes all connections, those that are lent as soon as they are not. Whoever asks later gets none.
    pub async fn close(&self) {
        self.idle().closed = true;
        self.forget(|_| true);
        self.pool.close().await;
    }

    fn idle(&self) -> MutexGuard<'_, Idle<DB>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn close<DB: Database>(connection: PoolConnection<DB>) {
    if !matches!(timeout(RECOVERY_LIMIT, connection.close()).await, Ok(Ok(()))) {
        tracing::debug!("a connection was closed without a farewell");
    }
}

/// Closes what nobody has needed for a while, for as long as there is somebody who might.
async fn tidy<DB: Database>(kept: Weak<Kept<DB>>) {
    loop {
        tokio::time::sleep(TIDY).await;
        let Some(kept) = kept.upgrade() else { return };
        kept.forget(|resting| resting.since.elapsed() > UNUSED || resting.made.elapsed() > LIFETIME);
    }
}

impl<DB: Database> Drop for Kept<DB> {
    fn drop(&mut self) {
        // Closing is a task, also where what holds this outlives the runtime.
        self.forget(|_| true);
    }
}

impl<DB: Database> Loan<DB> {
    pub fn connection(&mut self) -> &mut DB::Connection {
        &mut self.lent.as_mut().expect("it is there until it is given back").0
    }

    /// Notes whether a transaction is open, or may be.
    pub fn transaction(&mut self, open: bool) {
        self.unfit = open;
    }

    pub fn runtime(&self) -> Handle {
        self.kept.runtime.clone()
    }

    /// Gives it back in a good state, for the next who asks.
    pub fn give_back(mut self) {
        if let Some((connection, _permit)) = self.lent.take() {
            let _entered = self.kept.runtime.enter();
            self.kept.put(connection, self.made);
        }
    }
}

impl<DB: Database> Drop for Loan<DB> {
    fn drop(&mut self) {
        if self.lent.is_none() {
            return;
        }
        let (kept, made, unfit) = (Arc::clone(&self.kept), self.made, self.unfit);
        // What follows is a task, also where this outlives the runtime.
        let _entered = self.kept.runtime.enter();
        let Some((mut connection, permit)) = self.lent.take() else { return };
        tokio::spawn(async move {
            // It is done with what it was asked before it answers.
            if !unfit && matches!(timeout(RECOVERY_LIMIT, connection.ping()).await, Ok(Ok(()))) {
                kept.put(connection, made);
            } else {
                close(connection).await;
            }
            drop(permit);
        });
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
