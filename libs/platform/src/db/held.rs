//! Connections to a file that are kept instead of going back to their pool after each use.
//!
//! A pool asks every connection that comes back whether it is still alive. For a SQLite connection, which is a thread, that
//! costs as much as most questions do: what counts is how often one goes there. So statements whose answer nobody waits for
//! are kept until one comes that has to go anyway.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use futures::TryStreamExt;
use sea_orm::{
    DatabaseConnection, DbBackend, DbErr, ExecResult, QueryResult, RuntimeErr, SqlxError, Statement, Values,
};
use sea_query_sqlx::SqlxValues;
use sqlx::{AssertSqlSafe, Either, Executor, Sqlite, pool::PoolConnection, sqlite::SqliteQueryResult};
use tokio::{runtime::Handle, sync::Mutex as AsyncMutex};

/// From here on a statement is worth a line in the log.
const SLOW: Duration = Duration::from_secs(1);

/// A connection to a file. Each statement is a transaction of its own until [`Held::begin`].
pub(super) struct Held {
    /// `None` only while it is dropped.
    connection: Option<AsyncMutex<PoolConnection<Sqlite>>>,
    ahead: Mutex<Ahead>,
    meter: Meter,
    runtime: Handle,
}

/// Whose statements are counted, and as what.
#[derive(Clone, Copy)]
pub(super) struct Meter {
    pub service: &'static str,
    pub pool: &'static str,
}

impl Meter {
    /// Counts one trip to the connection, and says so when it was slow.
    pub fn measure(self, elapsed: Duration, sql: &str) {
        let Self { service, pool } = self;
        metrics::counter!("souk_db_statements_total", "service" => service, "pool" => pool).increment(1);
        tracing::trace!(service, pool, ?elapsed, sql, "a statement");
        if elapsed > SLOW {
            tracing::warn!(service, pool, ?elapsed, sql, "a slow statement");
        }
    }
}

/// What goes to the connection before the next statement that is answered.
#[derive(Default)]
struct Ahead {
    statements: Vec<Statement>,
    /// How many of them, from the beginning, belong to others than who asks next.
    others: usize,
    /// Whether the first of them begins the transaction.
    begins: bool,
    /// Whether what a transaction leaves behind is run before the next one comes.
    guarded: bool,
    state: State,
}

/// How the last trip ended.
#[derive(Default)]
enum State {
    #[default]
    Well,
    /// It has not, or whoever asked did not wait for its end: then the rest of it may not have run.
    Running,
    /// A statement failed that does not belong to who asked.
    Spoiled(DbErr),
}

/// What came of a statement.
#[derive(Default)]
pub(super) struct Answer {
    rows: Vec<QueryResult>,
    done: SqliteQueryResult,
}

impl Answer {
    pub fn executed(self) -> ExecResult {
        self.done.into()
    }

    pub fn one(self) -> Option<QueryResult> {
        self.rows.into_iter().next()
    }

    pub fn all(self) -> Vec<QueryResult> {
        self.rows
    }

    /// The number of the row that the connection has inserted last.
    pub fn last_row(&self) -> i64 {
        self.done.last_insert_rowid()
    }
}

impl Held {
    pub async fn take(pool: &DatabaseConnection, meter: Meter) -> Result<Self, DbErr> {
        let connection = pool.get_sqlite_connection_pool().acquire().await;
        let connection = connection.map_err(|error| DbErr::Conn(RuntimeErr::SqlxError(error.into())))?;
        Ok(Self {
            connection: Some(AsyncMutex::new(connection)),
            ahead: Mutex::default(),
            meter,
            runtime: Handle::current(),
        })
    }

    pub fn runtime(&self) -> &Handle {
        &self.runtime
    }

    /// Closes it; the pool makes another one when it is needed. For one that may not do what it is told any more.
    pub async fn close(mut self) {
        let Some(connection) = self.connection.take() else { return };
        if let Err(error) = connection.into_inner().close().await {
            tracing::warn!(%error, "a connection was closed in a bad state");
        }
    }

    /// Begins a transaction, with the next statement. If `guarded`, what one part of it leaves behind is run by
    /// [`Held::part`], so that it fails for itself.
    pub fn begin(&self, guarded: bool) {
        // IMMEDIATE: the write lock is taken (and waited for) at the beginning, so that no statement in between can lose it.
        let statements = vec![unprepared("BEGIN IMMEDIATE")];
        *self.waiting() = Ahead { statements, others: 1, begins: true, guarded, state: State::Well };
    }

    /// Whether the connection has been told to begin.
    pub fn has_begun(&self) -> bool {
        !self.waiting().begins
    }

    /// Whether nothing waits but the beginning.
    pub fn is_untouched(&self) -> bool {
        let ahead = self.waiting();
        ahead.begins && ahead.statements.len() == 1
    }

    /// Drops what waits.
    pub fn forget(&self) {
        *self.waiting() = Ahead::default();
    }

    /// Adds a statement that goes along with the next one. Its answer is lost, but if it can't be done, the next one can't.
    pub fn ahead(&self, statement: Statement) {
        self.waiting().statements.push(statement);
    }

    /// One of several parts of the transaction has ended: what waits now belongs to others than who asks from here on.
    pub async fn part(&self) -> Result<(), DbErr> {
        if self.waiting().guarded {
            return self.flush().await;
        }
        let mut ahead = self.waiting();
        ahead.others = ahead.statements.len();
        Ok(())
    }

    /// Why a statement that belongs to others than who asked has failed, or may not have run.
    pub fn spoiled(&self) -> Option<DbErr> {
        match &self.waiting().state {
            State::Well => None,
            State::Running => Some(left_running()),
            State::Spoiled(error) => Some(error.clone()),
        }
    }

    /// Runs what waits.
    pub async fn flush(&self) -> Result<(), DbErr> {
        let last = self.waiting().statements.pop();
        match last {
            Some(statement) => self.ask(statement).await.map(drop),
            None => Ok(()),
        }
    }

    /// Runs what waits, then `statement`, in one go.
    pub async fn ask(&self, statement: Statement) -> Result<Answer, DbErr> {
        let mut connection = self.connection.as_ref().expect("it is there until it is dropped").lock().await;
        let (statement, before, others, begins) = {
            let mut ahead = self.waiting();
            if let State::Running = ahead.state {
                return Err(left_running());
            }
            ahead.state = State::Running;
            let mut statements = std::mem::take(&mut ahead.statements);
            let before = statements.len();
            statements.push(statement);
            (join(statements), before, std::mem::take(&mut ahead.others), std::mem::take(&mut ahead.begins))
        };
        let began = Instant::now();
        let sql: Arc<str> = statement.sql.into();
        let values = SqlxValues(statement.values.unwrap_or(Values(Vec::new())));
        let mut steps = connection.fetch_many(sqlx::query_with(AssertSqlSafe(Arc::clone(&sql)), values));
        let (mut ended, mut answer) = (0, Answer::default());
        let result = loop {
            match steps.try_next().await {
                Ok(Some(Either::Left(done))) => {
                    ended += 1;
                    answer.done = done;
                }
                Ok(Some(Either::Right(row))) if ended == before => answer.rows.push(row.into()),
                Ok(Some(Either::Right(_))) => {}
                Ok(None) => break Ok(answer),
                Err(error) => break Err(failed(error)),
            }
        };
        drop(steps);
        {
            let mut ahead = self.waiting();
            ahead.state = match &result {
                Err(error) if ended < others => State::Spoiled(error.clone()),
                _ => State::Well,
            };
            ahead.begins = begins && ended == 0;
        }
        self.meter.measure(began.elapsed(), &sql);
        result
    }

    fn waiting(&self) -> MutexGuard<'_, Ahead> {
        self.ahead.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        // Going back to the pool is a task, also where what holds it outlives the runtime.
        let _entered = self.runtime.enter();
        self.connection.take();
    }
}

fn failed(error: SqlxError) -> DbErr {
    DbErr::Query(RuntimeErr::SqlxError(error.into()))
}

pub(super) fn left_running() -> DbErr {
    DbErr::Custom("a transaction left a statement running behind".to_owned())
}

/// A statement without values.
pub(super) fn unprepared(sql: &str) -> Statement {
    Statement::from_string(DbBackend::Sqlite, sql)
}

/// Several statements as one.
fn join(mut statements: Vec<Statement>) -> Statement {
    if statements.len() == 1
        && let Some(statement) = statements.pop()
    {
        return statement;
    }
    let (mut sql, mut values) = (Vec::with_capacity(statements.len()), Vec::new());
    for statement in statements {
        sql.push(statement.sql);
        values.extend(statement.values.into_iter().flat_map(|values| values.0));
    }
    Statement::from_sql_and_values(DbBackend::Sqlite, sql.join("; "), values)
}
