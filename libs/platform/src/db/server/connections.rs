//! Statements and transactions on the connections of a server.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use sea_orm::{
    ConnAcquireErr, ConnectionTrait, DbBackend, DbErr, ExecResult, QueryResult, RuntimeErr, SqlxError, Statement,
    Values,
};
use sea_orm_migration::async_trait::async_trait;
use sea_query_sqlx::SqlxValues;
use sqlx::{AssertSqlSafe, Executor, MySql, Postgres};
use tokio::{runtime::Handle, sync::Mutex, time::timeout};

use super::kept::{Kept, Loan};
use crate::db::held::Meter;

/// How long a connection may take to roll back, and to be done with what it was asked before.
const ROLLBACK_LIMIT: Duration = Duration::from_secs(5);

/// The connections of one pool. Each statement is a transaction of its own; see [`Connections::begin`].
#[derive(Clone)]
pub(in crate::db) struct Connections {
    engine: Engine,
    meter: Meter,
}

#[derive(Clone)]
enum Engine {
    Postgres(Arc<Kept<Postgres>>),
    MariaDb(Arc<Kept<MySql>>),
}

/// What a transaction sees of others that run beside it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::db) enum Sees {
    /// What they committed before each of its statements.
    Committed,
    /// What they committed before its first statement.
    Moment,
    /// Nothing of them: it is as if they ran one after another.
    Serial,
}

/// A transaction. Dropped before its end, it is rolled back.
pub(in crate::db) struct Begun {
    /// `None` when it has ended.
    lent: Mutex<Option<Box<Lent>>>,
    backend: DbBackend,
}

/// A connection in use.
struct Lent {
    loan: LoanOf,
    meter: Meter,
}

enum LoanOf {
    Postgres(Loan<Postgres>),
    MariaDb(Loan<MySql>),
}

impl Connections {
    pub(super) fn postgres(kept: Arc<Kept<Postgres>>, meter: Meter) -> Self {
        Self { engine: Engine::Postgres(kept), meter }
    }

    pub(super) fn mariadb(kept: Arc<Kept<MySql>>, meter: Meter) -> Self {
        Self { engine: Engine::MariaDb(kept), meter }
    }

    /// How many wait for a connection.
    pub fn waiting(&self) -> usize {
        match &self.engine {
            Engine::Postgres(kept) => kept.waiting(),
            Engine::MariaDb(kept) => kept.waiting(),
        }
    }

    pub async fn begin(&self, sees: Sees) -> Result<Begun, DbErr> {
        let mut begun =
            Begun { lent: Mutex::new(Some(Box::new(self.lend().await?))), backend: self.get_database_backend() };
        let lent = begun.lent.get_mut().as_mut().ok_or_else(ended)?;
        lent.begin(sees).await?;
        Ok(begun)
    }

    /// Closes all of them, when those who ask have their answers.
    pub async fn close(&self) {
        match &self.engine {
            Engine::Postgres(kept) => kept.close().await,
            Engine::MariaDb(kept) => kept.close().await,
        }
    }

    async fn lend(&self) -> Result<Lent, DbErr> {
        let loan = match &self.engine {
            Engine::Postgres(kept) => kept.lend().await.map(LoanOf::Postgres),
            Engine::MariaDb(kept) => kept.lend().await.map(LoanOf::MariaDb),
        };
        let loan = loan.map_err(|error| match error {
            SqlxError::PoolTimedOut => DbErr::ConnectionAcquire(ConnAcquireErr::Timeout),
            SqlxError::PoolClosed => DbErr::ConnectionAcquire(ConnAcquireErr::ConnectionClosed),
            error => DbErr::Conn(RuntimeErr::SqlxError(error.into())),
        })?;
        Ok(Lent { loan, meter: self.meter })
    }
}

/// Runs the same on a connection of whichever engine it is.
macro_rules! on {
    ($lent:ident, $connection:ident => $run:expr) => {
        match &mut $lent.loan {
            LoanOf::Postgres(loan) => {
                let $connection = loan.connection();
                $run
            }
            LoanOf::MariaDb(loan) => {
                let $connection = loan.connection();
                $run
            }
        }
    };
}

/// The same for a statement with its values.
macro_rules! ask {
    ($lent:ident, $statement:ident, $method:ident) => {{
        let Statement { sql, values, .. } = $statement;
        let (sql, values): (Arc<str>, _) = (sql.into(), SqlxValues(values.unwrap_or(Values(Vec::new()))));
        let query = AssertSqlSafe(Arc::clone(&sql));
        let began = Instant::now();
        let answer = on!($lent, connection => {
            sqlx::query_with(query, values).$method(connection).await.map(Answered::answered)
        });
        $lent.meter.measure(began.elapsed(), &sql);
        answer
    }};
}

impl Lent {
    async fn execute(&mut self, statement: Statement) -> Result<ExecResult, DbErr> {
        ask!(self, statement, execute).map_err(not_executed)
    }

    async fn execute_unprepared(&mut self, sql: &str) -> Result<ExecResult, DbErr> {
        let done =
            on!(self, connection => connection.execute(AssertSqlSafe(sql.to_owned())).await.map(Answered::answered));
        done.map_err(not_executed)
    }

    async fn query_one(&mut self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        // All rows are taken off the connection, so that nobody else finds the rest, or a late error.
        Ok(self.query_all(statement).await?.into_iter().next())
    }

    async fn query_all(&mut self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        ask!(self, statement, fetch_all).map_err(not_answered)
    }

    async fn begin(&mut self, sees: Sees) -> Result<(), DbErr> {
        self.note(true);
        let level = match sees {
            Sees::Committed => return self.say("BEGIN").await,
            Sees::Moment => "ISOLATION LEVEL REPEATABLE READ",
            Sees::Serial => "ISOLATION LEVEL SERIALIZABLE",
        };
        match self.loan {
            LoanOf::Postgres(_) => self.say(&format!("BEGIN {level}")).await,
            LoanOf::MariaDb(_) => {
                // Of the next transaction.
                self.say(&format!("SET TRANSACTION {level}")).await?;
                self.say("BEGIN").await
            }
        }
    }

    /// Without being counted.
    async fn say(&mut self, sql: &str) -> Result<(), DbErr> {
        let sql = AssertSqlSafe(sql.to_owned());
        on!(self, connection => connection.execute(sql).await.map(drop)).map_err(not_executed)
    }

    /// Rolls back, and is kept; or is closed, with what it has begun, if that can't be done.
    async fn roll_back(mut self) {
        let rolled_back = async {
            // The first try may only hear how what nobody waited for has ended.
            match self.say("ROLLBACK").await {
                Ok(()) => Ok(()),
                Err(_) => self.say("ROLLBACK").await,
            }
        };
        match timeout(ROLLBACK_LIMIT, rolled_back).await {
            Ok(Ok(())) => {
                self.note(false);
                self.give_back();
            }
            Ok(Err(error)) => tracing::debug!(%error, "a connection is closed that can't roll back"),
            Err(_) => tracing::debug!("a connection is closed that does not roll back"),
        }
    }

    /// Whether a transaction may be open.
    fn note(&mut self, open: bool) {
        match &mut self.loan {
            LoanOf::Postgres(loan) => loan.transaction(open),
            LoanOf::MariaDb(loan) => loan.transaction(open),
        }
    }

    fn runtime(&self) -> Handle {
        match &self.loan {
            LoanOf::Postgres(loan) => loan.runtime(),
            LoanOf::MariaDb(loan) => loan.runtime(),
        }
    }

    fn give_back(self) {
        match self.loan {
            LoanOf::Postgres(loan) => loan.give_back(),
            LoanOf::MariaDb(loan) => loan.give_back(),
        }
    }
}

impl Begun {
    pub async fn commit(mut self) -> Result<(), DbErr> {
        self.lent.get_mut().as_mut().ok_or_else(ended)?.say("COMMIT").await?;
        if let Some(mut lent) = self.lent.get_mut().take() {
            lent.note(false);
            lent.give_back();
        }
        Ok(())
    }

    pub async fn roll_back(mut self) {
        if let Some(lent) = self.lent.get_mut().take() {
            lent.roll_back().await;
        }
    }
}

impl Drop for Begun {
    fn drop(&mut self) {
        if let Some(lent) = self.lent.get_mut().take() {
            let runtime = lent.runtime();
            // It may outlive the runtime.
            let _entered = runtime.enter();
            tokio::spawn(lent.roll_back());
        }
    }
}

#[async_trait]
impl ConnectionTrait for Connections {
    fn get_database_backend(&self) -> DbBackend {
        match &self.engine {
            Engine::Postgres(_) => DbBackend::Postgres,
            Engine::MariaDb(_) => DbBackend::MySql,
        }
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        let mut lent = self.lend().await?;
        let done = lent.execute(statement).await?;
        lent.give_back();
        Ok(done)
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        let mut lent = self.lend().await?;
        let done = lent.execute_unprepared(sql).await?;
        lent.give_back();
        Ok(done)
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        let mut lent = self.lend().await?;
        let row = lent.query_one(statement).await?;
        lent.give_back();
        Ok(row)
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        let mut lent = self.lend().await?;
        let rows = lent.query_all(statement).await?;
        lent.give_back();
        Ok(rows)
    }
}

#[async_trait]
impl ConnectionTrait for Begun {
    fn get_database_backend(&self) -> DbBackend {
        self.backend
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        self.lent.lock().await.as_mut().ok_or_else(ended)?.execute(statement).await
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        self.lent.lock().await.as_mut().ok_or_else(ended)?.execute_unprepared(sql).await
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        self.lent.lock().await.as_mut().ok_or_else(ended)?.query_one(statement).await
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        self.lent.lock().await.as_mut().ok_or_else(ended)?.query_all(statement).await
    }
}

/// The library's answer as the entities know it.
trait Answered<T> {
    fn answered(self) -> T;
}

macro_rules! answered {
    ($done:ty, $row:ty) => {
        impl Answered<ExecResult> for $done {
            fn answered(self) -> ExecResult {
                self.into()
            }
        }

        impl Answered<Vec<QueryResult>> for Vec<$row> {
            fn answered(self) -> Vec<QueryResult> {
                self.into_iter().map(QueryResult::from).collect()
            }
        }
    };
}

answered!(sqlx::postgres::PgQueryResult, sqlx::postgres::PgRow);
answered!(sqlx::mysql::MySqlQueryResult, sqlx::mysql::MySqlRow);

fn not_executed(error: SqlxError) -> DbErr {
    DbErr::Exec(RuntimeErr::SqlxError(error.into()))
}

fn not_answered(error: SqlxError) -> DbErr {
    DbErr::Query(RuntimeErr::SqlxError(error.into()))
}

fn ended() -> DbErr {
    DbErr::Custom("the transaction has ended".to_owned())
}

#[cfg(test)]
mod tests;
