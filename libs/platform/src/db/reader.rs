//! The side of a database that reads.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use sea_orm::{
    ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, ExecResult, QueryResult, Statement,
    TransactionTrait,
};
use sea_orm_migration::async_trait::async_trait;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

#[cfg(feature = "cluster")]
use super::server::{Begun, Chosen, Connections, Sees};
use super::{
    failure, file,
    held::{Answer, Held, Meter, unprepared},
};

/// Readers that have not been used for so long are closed, but for one.
const IDLE: Duration = Duration::from_mins(1);

/// The side of a database that reads. Cheap to clone.
#[derive(Clone)]
pub struct Reader {
    source: Source,
    /// Answers as long as it can.
    #[cfg(feature = "cluster")]
    replica: Option<Arc<Chosen>>,
}

#[derive(Clone)]
enum Source {
    File {
        /// For whoever reads in a transaction.
        pool: DatabaseConnection,
        readers: Arc<Readers>,
    },
    #[cfg(feature = "cluster")]
    Server(Connections),
}

/// A view of one moment: what it shows does not change while others write.
pub struct Moment(Beginning);

enum Beginning {
    /// A transaction on a file always is one.
    File(DatabaseTransaction),
    #[cfg(feature = "cluster")]
    Server(Begun),
}

/// Has the replica answer, if there is one that does.
macro_rules! ask_replica {
    ($self:ident, $method:ident, $question:expr) => {
        #[cfg(feature = "cluster")]
        if let Some(replica) = &$self.replica
            && let Some(answer) = replica.hear(replica.connections().$method($question)).await
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
    /// Reads on a server.
    #[cfg(feature = "cluster")]
    pub(super) fn on_server(connections: Connections) -> Self {
        Self { source: Source::Server(connections), replica: None }
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
            source: Source::File { pool, readers: Arc::new(readers) },
            #[cfg(feature = "cluster")]
            replica: None,
        }
    }

    /// What statements are to be written for.
    pub fn get_database_backend(&self) -> DbBackend {
        match &self.source {
            Source::File { pool, .. } => pool.get_database_backend(),
            #[cfg(feature = "cluster")]
            Source::Server(connections) => connections.get_database_backend(),
        }
    }

    /// What there is now, for several questions; on the primary. A [`Reader`] answers each by itself.
    pub async fn moment(&self) -> Result<Moment, DbErr> {
        Ok(Moment(match &self.source {
            Source::File { pool, .. } => Beginning::File(pool.begin().await?),
            #[cfg(feature = "cluster")]
            Source::Server(connections) => Beginning::Server(connections.begin(Sees::Moment).await?),
        }))
    }

    /// The server's connections; `None` for a file.
    #[cfg(feature = "cluster")]
    pub(super) fn connections(&self) -> Option<&Connections> {
        match &self.source {
            Source::File { .. } => None,
            Source::Server(connections) => Some(connections),
        }
    }

    /// Whether the database answers.
    pub async fn ping(&self) -> Result<(), DbErr> {
        self.execute_unprepared("SELECT 1").await.map(drop)
    }

    /// Whether no connection is lent.
    #[cfg(test)]
    pub(super) fn is_free(&self) -> bool {
        match &self.source {
            Source::File { readers, .. } => readers.permits.available_permits() >= readers.count as usize,
            #[cfg(feature = "cluster")]
            Source::Server(_) => true,
        }
    }

    /// Gives all connections back and closes them, when those who ask have their answers. Whoever comes later gets none.
    pub(super) async fn close(&self) -> Result<(), DbErr> {
        let (pool, readers) = match &self.source {
            Source::File { pool, readers } => (pool, readers),
            #[cfg(feature = "cluster")]
            Source::Server(connections) => {
                connections.close().await;
                return Ok(());
            }
        };
        let all = readers.permits.acquire_many(readers.count).await;
        readers.permits.close();
        drop(all);
        let idle = std::mem::take(&mut *readers.idle());
        for (held, _) in idle {
            held.close().await;
        }
        pool.clone().close().await
    }

    /// Asks on a connection of its own; once more when the guard against questions without end has cut off one that had only
    /// begun: it takes those that follow each other closely on a connection for one, and then counts anew.
    async fn ask(pool: &DatabaseConnection, readers: &Arc<Readers>, statement: Statement) -> Result<Answer, DbErr> {
        let asked = Instant::now();
        let answer = readers.lend(pool).await?.ask(statement.clone()).await;
        let cut_off = answer.as_ref().is_err_and(failure::is_interrupted) && asked.elapsed() < file::READ_LIMIT / 2;
        if cut_off { readers.lend(pool).await?.ask(statement).await } else { answer }
    }
}

impl Readers {
    /// A connection for one statement.
    async fn lend(self: &Arc<Self>, pool: &DatabaseConnection) -> Result<Loan, DbErr> {
        let permit = Arc::clone(&self.permits).acquire_owned().await;
        let permit = permit.map_err(|_| DbErr::Custom("the database is closed".to_owned()))?;
        let idle = self.idle().pop();
        let held = match idle {
            Some((held, _)) => held,
            None => Held::take(pool, self.meter).await?,
        };
        Ok(Loan { readers: Arc::clone(self), lent: Some((held, permit)) })
    }

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
        match &self.source {
            Source::File { pool, readers } => Self::ask(pool, readers, statement).await.map(Answer::executed),
            #[cfg(feature = "cluster")]
            Source::Server(connections) => connections.execute_raw(statement).await,
        }
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        ask_replica!(self, execute_unprepared, sql);
        match &self.source {
            Source::File { pool, readers } => Self::ask(pool, readers, unprepared(sql)).await.map(Answer::executed),
            #[cfg(feature = "cluster")]
            Source::Server(connections) => connections.execute_unprepared(sql).await,
        }
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        ask_replica!(self, query_one_raw, statement.clone());
        match &self.source {
            Source::File { pool, readers } => Self::ask(pool, readers, statement).await.map(Answer::one),
            #[cfg(feature = "cluster")]
            Source::Server(connections) => connections.query_one_raw(statement).await,
        }
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        ask_replica!(self, query_all_raw, statement.clone());
        match &self.source {
            Source::File { pool, readers } => Self::ask(pool, readers, statement).await.map(Answer::all),
            #[cfg(feature = "cluster")]
            Source::Server(connections) => connections.query_all_raw(statement).await,
        }
    }
}

macro_rules! of_the_moment {
    ($self:ident, $method:ident $(, $question:expr)?) => {
        match &$self.0 {
            Beginning::File(transaction) => transaction.$method($($question)?),
            #[cfg(feature = "cluster")]
            Beginning::Server(transaction) => transaction.$method($($question)?),
        }
    };
}

#[async_trait]
impl ConnectionTrait for Moment {
    fn get_database_backend(&self) -> DbBackend {
        of_the_moment!(self, get_database_backend)
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        of_the_moment!(self, execute_raw, statement).await
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        of_the_moment!(self, execute_unprepared, sql).await
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        of_the_moment!(self, query_one_raw, statement).await
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        of_the_moment!(self, query_all_raw, statement).await
    }
}
