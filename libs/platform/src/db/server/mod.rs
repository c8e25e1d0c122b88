//! A database on a server: many connections, each with one transaction at a time.
//!
//! The server runs transactions side by side. Where one would see what could not have been had they run one after another,
//! it sacrifices one of them, and that one is run again ([`Isolation::Serial`]).

mod connections;
mod dialect;
mod kept;
mod lease;
mod mariadb;
mod migrate;
mod postgres;
mod replicas;
mod together;
mod transaction;
mod widen;

use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};

use futures::{FutureExt, future::join_all};
use sea_orm::{ConnectionTrait, DbBackend, DbErr, Statement};
use sea_orm_migration::MigratorTrait;
use sha2::{Digest, Sha256};
use souk_kernel::Clock;
use sqlx::pool::PoolOptions;
use tokio::sync::{Notify, Semaphore};

pub(super) use connections::{Begun, Connections, Sees};
pub(crate) use lease::{Lease, Leases};
pub(super) use replicas::{Chosen, Replicas};
pub(super) use transaction::Transaction;

use super::{
    Connect, Database, OpenError, Reader, Shared, Tx, Writing,
    conflict::Conflict,
    failure,
    held::left_running,
    outbox,
    tx::{Deferred, Open},
};
use crate::context;

/// How often a transaction is run that keeps standing in the way of others.
const TRIES: u32 = 40;
/// How often one is run that writes what is there already, or has waited for too long.
const TRIES_TAKEN: u32 = 2;
/// The longest pause between two runs.
const LONGEST_PAUSE: Duration = Duration::from_millis(64);

/// Connections of each pool that are made before a process answers others.
const WARM: usize = 4;

/// What runs on the server.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Engine {
    Postgres,
    MariaDb,
}

/// What a transaction may see of others that run beside it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Isolation {
    /// Nothing: it is as if they ran one after another.
    Serial,
    /// What they committed before each of its statements.
    Guarded,
}

/// The writing side of a database on a server.
pub(super) struct Server {
    writers: Connections,
    /// Transactions that are run again go one at a time: otherwise they would stand in each other's way once more.
    again: Semaphore,
    leases: Leases,
    replicas: Option<Replicas>,
}

impl Database {
    /// Opens the database on the server that `connect` names.
    pub(super) async fn open_on_server<M: MigratorTrait>(
        service: &'static str,
        engine: Engine,
        connect: &Connect,
        clock: Clock,
    ) -> Result<Self, OpenError> {
        let opened = match engine {
            Engine::Postgres => postgres::open::<M>(service, connect).await?,
            Engine::MariaDb => mariadb::open::<M>(service, connect).await?,
        };
        let postgres::Opened { writers, readers, leases, replicas } = opened;
        let server = Server { writers, again: Semaphore::new(1), leases, replicas };
        let shared = Shared {
            service,
            reader: Reader::on_server(readers),
            writing: Writing::Server(Box::new(server)),
            clock,
            published: Notify::new(),
            fresh: std::sync::Mutex::default(),
        };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// Runs `work` on the server, to its end even if the caller goes away.
    pub(super) async fn on_server<T, E, F, Fut>(&self, isolation: Isolation, work: F) -> Result<T, E>
    where
        F: FnOnce(Tx) -> Fut + Clone + Send + 'static,
        Fut: Future<Output = Result<T, E>> + Send + 'static,
        T: Send + 'static,
        E: From<DbErr> + Send + 'static,
    {
        let (shared, context) = (Arc::clone(&self.shared), context::current());
        let run = tokio::spawn(async move { run(&shared, isolation, &context, work).await });
        run.await.map_err(|_| DbErr::Custom("the transaction was abandoned".to_owned()))?
    }
}

impl Server {
    pub fn depth(&self) -> usize {
        self.writers.waiting()
    }

    pub fn leases(&self) -> &Leases {
        &self.leases
    }

    pub fn replicas(&self) -> Option<&Replicas> {
        self.replicas.as_ref()
    }

    /// A replica that has all that was committed before; nothing if the primary has to answer.
    pub async fn replica(&self) -> Option<Chosen> {
        self.replicas.as_ref()?.choose().await
    }

    pub async fn close(&self) {
        if let Some(replicas) = &self.replicas {
            replicas.close().await;
        }
        self.writers.close().await;
    }

    /// Asks several things at once, so that there are as many connections.
    pub async fn warm_up(&self, reader: &Reader) {
        let writers = (0..WARM).map(|_| self.writers.execute_unprepared("SELECT 1"));
        let readers = (0..WARM).map(|_| reader.execute_unprepared("SELECT 1"));
        let (writing, reading) = tokio::join!(join_all(writers), join_all(readers));
        for error in writing.into_iter().chain(reading).filter_map(Result::err) {
            tracing::warn!(%error, "a database server could not be connected to yet");
        }
    }
}

/// A pool of up to `size` connections, for one of which nobody waits for longer than `patience`. It makes them and counts them;
/// none comes back to it ([`kept`]).
fn pool<DB: sqlx::Database>(size: u32, patience: Duration) -> PoolOptions<DB> {
    PoolOptions::new().max_connections(size).acquire_timeout(patience).idle_timeout(None).max_lifetime(None)
}

/// Takes a lock that ends with the transaction; nothing where only one writes.
pub(super) fn turn(backend: DbBackend, what: &str) -> Option<Statement> {
    let (sql, value) = match backend {
        DbBackend::Postgres => ("SELECT pg_advisory_xact_lock($1)", lock_key(what)),
        DbBackend::MySql => (widen::TURN, lock_key(what).rem_euclid(widen::ROWS)),
        _ => return None,
    };
    Some(Statement::from_sql_and_values(backend, sql, [value.into()]))
}

/// A number for what is locked; locks are numbered for each database of a server.
fn lock_key(what: &str) -> i64 {
    let hash = Sha256::digest(format!("souk/{what}"));
    i64::from_be_bytes(hash[..8].try_into().expect("eight bytes"))
}

/// A name for what is locked of `database`, where locks are named for a whole server.
fn lock_name(database: &str, what: &str) -> String {
    let hash = Sha256::digest(format!("souk/{database}/{what}"));
    format!("souk/{}", hex::encode(&hash[..16]))
}

/// How one run of a transaction ended.
enum Ran<T, E> {
    Ended(Result<T, E>),
    /// Something was taken for granted that may not have been so, and nothing was kept.
    Presumed,
    /// Nothing of it was kept; here is what the caller hears if it is not run again.
    Conflict(Conflict, E),
}

async fn run<T, E, F, Fut>(shared: &Shared, isolation: Isolation, context: &context::Context, work: F) -> Result<T, E>
where
    F: FnOnce(Tx) -> Fut + Clone,
    Fut: Future<Output = Result<T, E>>,
    E: From<DbErr>,
{
    let Writing::Server(server) = &shared.writing else {
        return Err(DbErr::Custom("the database is a file".to_owned()).into());
    };
    let (mut ran, mut taken) = (0, 0);
    let mut turn = None;
    // It takes statements that look at what others have done.
    let mut presumes = server.writers.get_database_backend() == DbBackend::Postgres;
    loop {
        ran += 1;
        let (conflict, error) = match once(shared, server, isolation, context, presumes, work.clone()).await {
            Ran::Ended(result) => return result,
            Ran::Presumed => {
                presumes = false;
                metrics::counter!("souk_db_conflicts_total", "service" => shared.service).increment(1);
                continue;
            }
            Ran::Conflict(conflict, error) => (conflict, error),
        };
        taken += u32::from(conflict != Conflict::Sacrificed);
        if ran >= TRIES || taken >= TRIES_TAKEN {
            return Err(error);
        }
        metrics::counter!("souk_db_conflicts_total", "service" => shared.service).increment(1);
        if turn.is_none() {
            turn = Some(server.again.acquire().await.map_err(|_| closed())?);
        } else {
            // Other processes have their own turns.
            tokio::time::sleep(pause(ran)).await;
        }
    }
}

/// Grows, and differs from process to process.
fn pause(ran: u32) -> Duration {
    let longest = (Duration::from_millis(1) * 2_u32.pow(ran.min(10))).min(LONGEST_PAUSE);
    longest.mul_f64(rand::random_range(0.5..1.0))
}

/// What a transaction hears that made nothing of a failure.
pub(super) fn went_on() -> DbErr {
    DbErr::Custom("a transaction went on after one of its statements had failed".to_owned())
}

fn closed() -> DbErr {
    DbErr::Custom("the database is closed".to_owned())
}

async fn once<T, E, F, Fut>(
    shared: &Shared,
    server: &Server,
    isolation: Isolation,
    context: &context::Context,
    presumes: bool,
    work: F,
) -> Ran<T, E>
where
    F: FnOnce(Tx) -> Fut,
    Fut: Future<Output = Result<T, E>>,
    E: From<DbErr>,
{
    let transaction = Transaction::new(server.writers.clone(), isolation);
    let transaction = Arc::new(Open::Server(transaction));
    let tx = Tx::new(Arc::downgrade(&transaction), &shared.clock, context.clone(), presumes);
    let result = AssertUnwindSafe(work(tx.clone())).catch_unwind().await.unwrap_or_else(|_| {
        tracing::error!("a transaction panicked");
        Err(DbErr::Custom("the transaction panicked".to_owned()).into())
    });
    let result = match result {
        // The server would take the commit for a rollback, and say nothing.
        Ok(_) if tx.has_failed() => Err(went_on().into()),
        result => result,
    };
    let (error, conflict, cut_off) = match result {
        Ok(value) => match commit(transaction, &tx).await {
            Ok(published) => {
                if published {
                    shared.published.notify_one();
                }
                return Ran::Ended(Ok(value));
            }
            Err(error) => {
                let (conflict, cut_off) = (Conflict::of(&error), failure::takes_time(&error));
                (error.into(), conflict, cut_off)
            }
        },
        Err(error) => {
            roll_back(transaction).await;
            (error, tx.conflict(), tx.was_cut_off())
        }
    };
    match conflict {
        _ if tx.has_presumed() && !cut_off => Ran::Presumed,
        Some(conflict) => Ran::Conflict(conflict, error),
        None => Ran::Ended(Err(error)),
    }
}

/// Commits the transaction with what it announces; whether that was anything.
async fn commit(transaction: Arc<Open>, tx: &Tx) -> Result<bool, DbErr> {
    let Some(Open::Server(transaction)) = Arc::into_inner(transaction) else {
        return Err(left_running());
    };
    let events = tx.take_published();
    let mut last = tx.take_deferred();
    let backend = transaction.backend();
    last.extend(events.chunks(outbox::WRITTEN_TOGETHER).map(|some| {
        let statement = outbox::insertion(backend, some);
        Deferred { statement, changes: 0 }
    }));
    transaction.commit(last).await.map(|()| !events.is_empty())
}

async fn roll_back(transaction: Arc<Open>) {
    if let Some(Open::Server(transaction)) = Arc::into_inner(transaction) {
        transaction.roll_back().await;
    }
}

#[cfg(test)]
mod tests;
