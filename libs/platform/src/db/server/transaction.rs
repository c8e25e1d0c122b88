//! A transaction of a server. It begins with its first statement that writes or locks, and one that is a single statement is none.

use sea_orm::{ConnectionTrait, DbBackend, DbErr, ExecResult, QueryResult, Statement};
use tokio::sync::OnceCell;

use super::{Begun, Connections, Isolation, Sees, dialect::execute, together::together};
use crate::db::tx::Deferred;

/// A transaction that has begun if it had to.
pub(in crate::db) struct Transaction {
    writers: Connections,
    isolation: Isolation,
    begun: OnceCell<Begun>,
}

impl Transaction {
    pub fn new(writers: Connections, isolation: Isolation) -> Self {
        Self { writers, isolation, begun: OnceCell::new() }
    }

    pub fn backend(&self) -> DbBackend {
        self.writers.get_database_backend()
    }

    pub async fn execute(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        execute(self.begun().await?, statement).await
    }

    pub async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        self.begun().await?.execute_unprepared(sql).await
    }

    pub async fn query_one(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        if self.asks_before(&statement) {
            return self.writers.query_one_raw(statement).await;
        }
        self.begun().await?.query_one_raw(statement).await
    }

    pub async fn query_all(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        if self.asks_before(&statement) {
            return self.writers.query_all_raw(statement).await;
        }
        self.begun().await?.query_all_raw(statement).await
    }

    /// Whether a question can be asked before the transaction begins: each of its statements sees what was committed before that
    /// statement anyway, and as long as it has neither written nor locked anything there is nothing else that it could see.
    fn asks_before(&self, statement: &Statement) -> bool {
        self.isolation == Isolation::Guarded && !self.begun.initialized() && only_reads(&statement.sql)
    }

    /// Runs statements whose answers nobody needs.
    pub async fn execute_all(&self, statements: Vec<Deferred>) -> Result<(), DbErr> {
        for statement in together(self.backend(), statements) {
            self.execute(statement).await?;
        }
        Ok(())
    }

    /// Commits, after the `last` statements; if one of them fails, nothing is kept.
    pub async fn commit(self, last: Vec<Deferred>) -> Result<(), DbErr> {
        let mut last = together(self.backend(), last);
        // A statement commits on its own, but not as one that others run as if it had been before or after them.
        if !self.begun.initialized() && last.len() <= 1 && self.isolation == Isolation::Guarded {
            return match last.pop() {
                Some(statement) => execute(&self.writers, statement).await.map(drop),
                None => Ok(()),
            };
        }
        for statement in last {
            if let Err(error) = self.execute(statement).await {
                self.roll_back().await;
                return Err(error);
            }
        }
        match self.begun.into_inner() {
            Some(transaction) => transaction.commit().await,
            None => Ok(()),
        }
    }

    pub async fn roll_back(self) {
        if let Some(transaction) = self.begun.into_inner() {
            transaction.roll_back().await;
        }
    }

    async fn begun(&self) -> Result<&Begun, DbErr> {
        let sees = match self.isolation {
            Isolation::Serial => Sees::Serial,
            Isolation::Guarded => Sees::Committed,
        };
        self.begun.get_or_try_init(|| self.writers.begin(sees)).await
    }
}

/// Whether a question locks nothing and changes nothing. Functions that do are run by [`Transaction::execute`].
fn only_reads(sql: &str) -> bool {
    sql.starts_with("SELECT ") && !sql.contains(" FOR ") && !sql.contains(" LOCK IN ")
}

#[cfg(test)]
mod tests {
    use super::only_reads;

    #[test]
    fn what_locks_or_writes_belongs_to_the_transaction() {
        assert!(only_reads(r#"SELECT "a"."id" FROM "a" WHERE "a"."id" = $1"#));
        assert!(!only_reads(r#"SELECT "a"."id" FROM "a" WHERE "a"."id" = $1 FOR UPDATE SKIP LOCKED"#));
        assert!(!only_reads("SELECT `a`.`id` FROM `a` LOCK IN SHARE MODE"));
        assert!(!only_reads(r#"WITH p0 AS (DELETE FROM "a" RETURNING 1) SELECT count(*) FROM p0"#));
        assert!(!only_reads(r#"INSERT INTO "a" VALUES ($1) RETURNING "id""#));
    }
}
