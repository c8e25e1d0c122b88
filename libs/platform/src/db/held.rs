//! Connections that are kept instead of going back to their pool after each use.
//!
//! A pool asks every connection that comes back whether it is still alive. For a SQLite connection, which is a thread, that
//! costs as much as most questions do.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use futures::future::BoxFuture;
use sea_orm::{
    ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, ExecResult, QueryResult, Statement,
    TransactionTrait,
};
use sea_orm_migration::async_trait::async_trait;
use tokio::{
    runtime::Handle,
    sync::{OwnedSemaphorePermit, Semaphore},
};

use super::{failure, file};

/// Readers that have not been used for so long are given back, but for one.
const IDLE: Duration = Duration::from_mins(1);

/// A connection out of a pool, without a transaction: each statement is one of its own until `BEGIN` is sent.
///
/// The library hands out connections for good only with a transaction: as far as it knows, one is open all the time.
pub(super) struct Held {
    connection: Option<DatabaseTransaction>,
    runtime: Handle,
}

impl Held {
    pub async fn take(pool: &DatabaseConnection) -> Result<Self, DbErr> {
        let connection = pool.begin().await?;
        connection.execute_unprepared("COMMIT").await?;
        Ok(Self { connection: Some(connection), runtime: Handle::current() })
    }

    /// Gives it back to the pool, which then finds out whether it is still good.
    pub async fn give_back(mut self) {
        let Some(connection) = self.connection.take() else { return };
        let begun = connection.execute_unprepared("BEGIN").await;
        if let Err(error) = match begun {
            Ok(_) => connection.rollback().await,
            Err(error) => Err(error),
        } {
            tracing::warn!(%error, "a connection was given back in a bad state");
        }
    }

    pub fn get(&self) -> &DatabaseTransaction {
        self.connection.as_ref().expect("it is there until it is given back")
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        // Going back to the pool is a task, also where what holds it outlives the runtime.
        let _entered = self.runtime.enter();
        self.connection.take();
    }
}

/// The side of a database that reads. Cheap to clone.
#[derive(Clone)]
pub struct Reader {
    pool: DatabaseConnection,
    /// `None` on a server: a connection to it does not have to be asked for its health by a thread of ours.
    held: Option<Arc<Readers>>,
}

/// Connections to a file that were used before.
struct Readers {
    /// The last used on top, with the time of its last use.
    idle: Mutex<Vec<(Held, Instant)>>,
    permits: Arc<Semaphore>,
}

impl Reader {
    /// Reads through `pool`.
    #[cfg(feature = "cluster")]
    pub(super) fn pooled(pool: DatabaseConnection) -> Self {
        Self { pool, held: None }
    }

    /// Reads through up to `count` connections of `pool`, which are kept.
    pub(super) fn holding(pool: DatabaseConnection, count: usize) -> Self {
        let readers = Readers { idle: Mutex::default(), permits: Arc::new(Semaphore::new(count)) };
        Self { pool, held: Some(Arc::new(readers)) }
    }

    /// The pool, for a transaction that reads. A [`Reader`] answers each statement by itself.
    pub fn pool(&self) -> &DatabaseConnection {
        &self.pool
    }

    /// What statements are to be written for.
    pub fn get_database_backend(&self) -> DbBackend {
        self.pool.get_database_backend()
    }

    /// Whether the database answers.
    pub async fn ping(&self) -> Result<(), DbErr> {
        self.execute_unprepared("SELECT 1").await.map(drop)
    }

    /// Whether no connection is lent.
    #[cfg(test)]
    pub(super) fn is_free(&self) -> bool {
        let count = 2;
        self.held.as_ref().is_none_or(|readers| readers.permits.available_permits() >= count)
    }

    /// Gives all connections back and closes them.
    pub(super) async fn close(&self) -> Result<(), DbErr> {
        if let Some(readers) = &self.held {
            readers.permits.close();
            let idle = std::mem::take(&mut *readers.idle());
            for (held, _) in idle {
                held.give_back().await;
            }
        }
        self.pool.clone().close().await
    }

    /// Asks on a connection of its own; once more when the guard against questions without end has cut off one that had only
    /// begun: it takes those that follow each other closely on a connection for one, and then counts anew.
    async fn ask<T: Send>(
        &self,
        readers: &Arc<Readers>,
        question: impl for<'a> Fn(&'a DatabaseTransaction) -> BoxFuture<'a, Result<T, DbErr>> + Send + Sync,
    ) -> Result<T, DbErr> {
        let asked = Instant::now();
        let mut cut_off = false;
        loop {
            let loan = self.lend(readers).await?;
            let answer = question(loan.get()).await;
            match loan.end(answer) {
                Err(error) if !cut_off && failure::is_interrupted(&error) && asked.elapsed() < file::READ_LIMIT / 2 => {
                    cut_off = true;
                }
                answer => return answer,
            }
        }
    }

    /// A connection for one statement.
    async fn lend(&self, readers: &Arc<Readers>) -> Result<Loan, DbErr> {
        let permit = Arc::clone(&readers.permits).acquire_owned().await;
        let permit = permit.map_err(|_| DbErr::Custom("the database is closed".to_owned()))?;
        let idle = readers.idle().pop();
        let held = match idle {
            Some((held, _)) => held,
            None => Held::take(&self.pool).await?,
        };
        Ok(Loan { readers: Arc::clone(readers), lent: Some((held, permit)) })
    }
}

impl Readers {
    fn idle(&self) -> MutexGuard<'_, Vec<(Held, Instant)>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a connection back. The one that was not needed for longest is let go after a while, but for the last.
    fn put(&self, held: Held) {
        let mut idle = self.idle();
        if self.permits.is_closed() {
            // Nobody will take it any more, and who closes the pool waits for it.
            tokio::spawn(held.give_back());
            return;
        }
        let unneeded = idle.first().is_some_and(|(_, since)| since.elapsed() > IDLE).then(|| idle.remove(0));
        idle.push((held, Instant::now()));
        drop(idle);
        if let Some((unneeded, _)) = unneeded {
            tokio::spawn(unneeded.give_back());
        }
    }
}

/// A connection that is being used for one statement.
struct Loan {
    readers: Arc<Readers>,
    lent: Option<(Held, OwnedSemaphorePermit)>,
}

impl Loan {
    fn get(&self) -> &DatabaseTransaction {
        let (held, _) = self.lent.as_ref().expect("it is there until the loan ends");
        held.get()
    }

    /// The statement ended so.
    fn end<T>(mut self, result: Result<T, DbErr>) -> Result<T, DbErr> {
        if let Some((held, permit)) = self.lent.take() {
            if result.is_ok() {
                self.readers.put(held);
            } else {
                // The pool finds out whether it is still good.
                tokio::spawn(async move {
                    held.give_back().await;
                    drop(permit);
                });
            }
        }
        result
    }
}

impl Drop for Loan {
    fn drop(&mut self) {
        // Whoever asked went away; the connection is still at it.
        if let Some((held, permit)) = self.lent.take() {
            let readers = Arc::clone(&self.readers);
            let runtime = held.runtime.clone();
            runtime.spawn(async move {
                match held.get().execute_unprepared("SELECT 1").await {
                    Ok(_) => readers.put(held),
                    Err(_) => held.give_back().await,
                }
                drop(permit);
            });
        }
    }
}

#[async_trait]
impl ConnectionTrait for Reader {
    fn get_database_backend(&self) -> DbBackend {
        Self::get_database_backend(self)
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        match &self.held {
            Some(readers) => self.ask(readers, |held| held.execute_raw(statement.clone())).await,
            None => self.pool.execute_raw(statement).await,
        }
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        let Some(readers) = &self.held else { return self.pool.execute_unprepared(sql).await };
        let loan = self.lend(readers).await?;
        let result = loan.get().execute_unprepared(sql).await;
        loan.end(result)
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        match &self.held {
            Some(readers) => self.ask(readers, |held| held.query_one_raw(statement.clone())).await,
            None => self.pool.query_one_raw(statement).await,
        }
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        match &self.held {
            Some(readers) => self.ask(readers, |held| held.query_all_raw(statement.clone())).await,
            None => self.pool.query_all_raw(statement).await,
        }
    }
}
