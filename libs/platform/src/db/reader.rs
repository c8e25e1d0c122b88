//! The side of a database that reads.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, DbErr, ExecResult, QueryResult, Statement};
use sea_orm_migration::async_trait::async_trait;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

#[cfg(feature = "cluster")]
use super::server::Chosen;
use super::{
    failure, file,
    held::{Answer, Held, Meter, unprepared},
};

/// Readers that have not been used for so long are closed, but for one.
const IDLE: Duration = Duration::from_mins(1);

/// The side of a database that reads. Cheap to clone.
#[derive(Clone)]
pub struct Reader {
    pool: DatabaseConnection,
    /// `None` on a server: a connection to it does not have to be asked for its health by a thread of ours.
    held: Option<Arc<Readers>>,
    /// Answers as long as it can.
    #[cfg(feature = "cluster")]
    replica: Option<Arc<Chosen>>,
}

/// Has the replica answer, if there is one that does.
macro_rules! ask_replica {
    ($self:ident, $method:ident, $question:expr) => {
        #[cfg(feature = "cluster")]
        if let Some(replica) = &$self.replica
            && let Some(answer) = replica.hear(replica.pool().$method($question)).await
        {
            return answer;
        }
    };
}

/// Connections to a file that were used before.
struct Readers {
    /// The last used on top, with the time of its last use.
    idle: Mutex<Vec<(Held, Instant)>>,
    /// As many as there may be connections.
    permits: Arc<Semaphore>,
    count: u32,
    meter: Meter,
}

impl Reader {
    /// Reads through `pool`.
    #[cfg(feature = "cluster")]
    pub(super) fn pooled(pool: DatabaseConnection) -> Self {
        Self { pool, held: None, replica: None }
    }

    /// Has the replica, if any, answer as long as it can.
    #[cfg(feature = "cluster")]
    pub(super) fn preferring(&self, replica: Option<Chosen>) -> Self {
        Self { replica: replica.map(Arc::new), ..self.clone() }
    }

    /// Reads through up to `count` connections of `pool`, which are kept.
    pub(super) fn holding(pool: DatabaseConnection, count: u32, service: &'static str) -> Self {
        let meter = Meter { service, pool: "reader" };
        let readers =
            Readers { idle: Mutex::default(), permits: Arc::new(Semaphore::new(count as usize)), count, meter };
        Self {
            pool,
            held: Some(Arc::new(readers)),
            #[cfg(feature = "cluster")]
            replica: None,
        }
    }

    /// The primary's pool, for a transaction that reads. A [`Reader`] answers each statement by itself.
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
        self.held.as_ref().is_none_or(|readers| readers.permits.available_permits() >= readers.count as usize)
    }

    /// Gives all connections back and closes them, when those who ask have their answers. Whoever comes later gets none.
    pub(super) async fn close(&self) -> Result<(), DbErr> {
        if let Some(readers) = &self.held {
            let all = readers.permits.acquire_many(readers.count).await;
            readers.permits.close();
            drop(all);
            let idle = std::mem::take(&mut *readers.idle());
            for (held, _) in idle {
                held.close().await;
            }
        }
        self.pool.clone().close().await
    }

    /// Asks on a connection of its own; once more when the guard against questions without end has cut off one that had only
    /// begun: it takes those that follow each other closely on a connection for one, and then counts anew.
    async fn ask(&self, readers: &Arc<Readers>, statement: Statement) -> Result<Answer, DbErr> {
        let asked = Instant::now();
        let answer = self.lend(readers).await?.ask(statement.clone()).await;
        let cut_off = answer.as_ref().is_err_and(failure::is_interrupted) && asked.elapsed() < file::READ_LIMIT / 2;
        if cut_off { self.lend(readers).await?.ask(statement).await } else { answer }
    }

    /// A connection for one statement.
    async fn lend(&self, readers: &Arc<Readers>) -> Result<Loan, DbErr> {
        let permit = Arc::clone(&readers.permits).acquire_owned().await;
        let permit = permit.map_err(|_| DbErr::Custom("the database is closed".to_owned()))?;
        let idle = readers.idle().pop();
        let held = match idle {
            Some((held, _)) => held,
            None => Held::take(&self.pool, readers.meter).await?,
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
        let unneeded = idle.first().is_some_and(|(_, since)| since.elapsed() > IDLE).then(|| idle.remove(0));
        idle.push((held, Instant::now()));
        drop(idle);
        if let Some((unneeded, _)) = unneeded {
            tokio::spawn(unneeded.close());
        }
    }
}

/// A connection that is being used for one statement.
struct Loan {
    readers: Arc<Readers>,
    lent: Option<(Held, OwnedSemaphorePermit)>,
}

impl Loan {
    async fn ask(mut self, statement: Statement) -> Result<Answer, DbErr> {
        let (held, _) = self.lent.as_ref().expect("it is there until the loan ends");
        let answer = held.ask(statement).await;
        if let Some((held, permit)) = self.lent.take() {
            if answer.is_ok() {
                self.readers.put(held);
            } else {
                // It may not be good any more.
                tokio::spawn(async move {
                    held.close().await;
                    drop(permit);
                });
            }
        }
        answer
    }
}

impl Drop for Loan {
    fn drop(&mut self) {
        // Whoever asked went away; the connection is still at it.
        if let Some((held, permit)) = self.lent.take() {
            held.runtime().clone().spawn(async move {
                held.close().await;
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
        ask_replica!(self, execute_raw, statement.clone());
        match &self.held {
            Some(readers) => self.ask(readers, statement).await.map(Answer::executed),
            None => self.pool.execute_raw(statement).await,
        }
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        ask_replica!(self, execute_unprepared, sql);
        match &self.held {
            Some(readers) => self.ask(readers, unprepared(sql)).await.map(Answer::executed),
            None => self.pool.execute_unprepared(sql).await,
        }
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        ask_replica!(self, query_one_raw, statement.clone());
        match &self.held {
            Some(readers) => self.ask(readers, statement).await.map(Answer::one),
            None => self.pool.query_one_raw(statement).await,
        }
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        ask_replica!(self, query_all_raw, statement.clone());
        match &self.held {
            Some(readers) => self.ask(readers, statement).await.map(Answer::all),
            None => self.pool.query_all_raw(statement).await,
        }
    }
}
