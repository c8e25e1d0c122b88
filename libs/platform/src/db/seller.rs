//! Rows that belong to sellers.
//!
//! A finder for a seller names the seller. On PostgreSQL the database minds it too: a policy on the tables shows only the
//! rows of the seller for whom is being read, should a finder ever forget.

use sea_orm::{
    ConnectionTrait, DatabaseTransaction, DbBackend, DbErr, ExecResult, QueryResult, Statement, TransactionTrait,
};
use sea_orm_migration::{SchemaManager, async_trait::async_trait};
use souk_kernel::{SellerId, TypedId};

use super::{Database, Reader};

/// Reads for one seller.
pub enum SellerReader {
    /// As the service itself: the database knows no policies.
    Service(Reader),
    /// In a transaction that is marked with the seller.
    Seller(DatabaseTransaction),
}

impl Database {
    /// For reading on a seller's behalf.
    pub async fn reader_for(&self, seller: SellerId) -> Result<SellerReader, DbErr> {
        if self.reader().get_database_backend() != DbBackend::Postgres {
            return Ok(SellerReader::Service(self.reader().clone()));
        }
        let reader = self.reader().pool().begin().await?;
        let seller = seller.uuid().to_string();
        // Ends with the transaction, so that the connection's next user is nobody again.
        let mark = "SELECT set_config('souk.seller', $1, true)";
        reader.query_one_raw(Statement::from_sql_and_values(DbBackend::Postgres, mark, [seller.into()])).await?;
        Ok(SellerReader::Seller(reader))
    }
}

/// Has the database show only a seller's own rows of these tables (by their column `seller_id`) to who reads for that
/// seller. For migrations.
pub async fn protect(manager: &SchemaManager<'_>, tables: &[&str]) -> Result<(), DbErr> {
    let connection = manager.get_connection();
    if connection.get_database_backend() != DbBackend::Postgres {
        return Ok(());
    }
    for table in tables {
        // `FORCE`: the service owns its tables, and owners are exempt otherwise.
        let sql = format!(
            "ALTER TABLE {table} ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
             CREATE POLICY own_rows ON {table} USING (
                 NULLIF(current_setting('souk.seller', true), '') IS NULL
                 OR seller_id = NULLIF(current_setting('souk.seller', true), '')::uuid)"
        );
        connection.execute_unprepared(&sql).await?;
    }
    Ok(())
}

#[async_trait]
impl ConnectionTrait for SellerReader {
    fn get_database_backend(&self) -> DbBackend {
        match self {
            Self::Service(connection) => connection.get_database_backend(),
            Self::Seller(connection) => connection.get_database_backend(),
        }
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        match self {
            Self::Service(connection) => connection.execute_raw(statement).await,
            Self::Seller(connection) => connection.execute_raw(statement).await,
        }
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        match self {
            Self::Service(connection) => connection.execute_unprepared(sql).await,
            Self::Seller(connection) => connection.execute_unprepared(sql).await,
        }
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        match self {
            Self::Service(connection) => connection.query_one_raw(statement).await,
            Self::Seller(connection) => connection.query_one_raw(statement).await,
        }
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        match self {
            Self::Service(connection) => connection.query_all_raw(statement).await,
            Self::Seller(connection) => connection.query_all_raw(statement).await,
        }
    }
}
