//! Rows that belong to sellers.
//!
//! A finder for a seller names the seller. On PostgreSQL the database minds it too: a policy on the tables shows only the
//! rows of the seller for whom is being read, should a finder ever forget.

use sea_orm::{ConnectionTrait, DbBackend, DbErr, ExecResult, QueryResult, Statement};
use sea_orm_migration::{SchemaManager, async_trait::async_trait};
use souk_kernel::SellerId;
#[cfg(feature = "cluster")]
use souk_kernel::TypedId;

use super::{Database, Reader};
#[cfg(feature = "cluster")]
use super::{
    Writing,
    server::{Begun, Chosen, Connections, Sees},
};

/// Reads for one seller.
pub struct SellerReader(Way);

enum Way {
    /// As the service itself: the database knows no policies.
    Service(Reader),
    /// In a transaction that is marked with the seller.
    #[cfg(feature = "cluster")]
    Seller(Begun),
    /// In such a transaction on a replica.
    #[cfg(feature = "cluster")]
    Copy(Box<Copy>),
}

#[cfg(feature = "cluster")]
struct Copy {
    replica: Chosen,
    transaction: Begun,
    seller: SellerId,
    primary: Connections,
    /// One on the primary, once the replica has failed.
    instead: tokio::sync::OnceCell<Begun>,
}

impl Database {
    /// For reading on a seller's behalf.
    #[cfg_attr(not(feature = "cluster"), expect(clippy::unused_async, unused_variables, reason = "as with policies"))]
    pub async fn reader_for(&self, seller: SellerId) -> Result<SellerReader, DbErr> {
        #[cfg(feature = "cluster")]
        if let Some(connections) = self.policed() {
            return Ok(SellerReader(Way::Seller(begin(connections, seller).await?)));
        }
        Ok(SellerReader(Way::Service(self.reader().clone())))
    }

    /// The connections of a database that knows policies.
    #[cfg(feature = "cluster")]
    fn policed(&self) -> Option<&Connections> {
        self.reader().connections().filter(|connections| connections.get_database_backend() == DbBackend::Postgres)
    }

    /// For reading much on a seller's behalf: as [`Database::copies`].
    pub async fn copies_for(&self, seller: SellerId) -> Result<SellerReader, DbErr> {
        #[cfg(feature = "cluster")]
        if let Writing::Server(server) = &self.shared.writing
            && let Some(primary) = self.policed()
            && let Some(replica) = server.replica().await
            && let Some(transaction) = replica.hear(begin(replica.connections(), seller)).await
        {
            let (transaction, primary) = (transaction?, primary.clone());
            let instead = tokio::sync::OnceCell::new();
            return Ok(SellerReader(Way::Copy(Box::new(Copy { replica, transaction, seller, primary, instead }))));
        }
        self.reader_for(seller).await
    }
}

#[cfg(feature = "cluster")]
async fn begin(connections: &Connections, seller: SellerId) -> Result<Begun, DbErr> {
    let transaction = connections.begin(Sees::Committed).await?;
    let seller = seller.uuid().to_string();
    // Ends with the transaction, so that the connection's next user is nobody again.
    let mark = "SELECT set_config('souk.seller', $1, true)";
    let mark = Statement::from_sql_and_values(DbBackend::Postgres, mark, [seller.into()]);
    transaction.query_one_raw(mark).await?;
    Ok(transaction)
}

#[cfg(feature = "cluster")]
impl Copy {
    async fn instead(&self) -> Result<&Begun, DbErr> {
        self.instead.get_or_try_init(|| begin(&self.primary, self.seller)).await
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

/// Asks whoever answers for the seller.
macro_rules! ask {
    ($self:ident, $method:ident, $first:expr, $then:expr) => {
        match &$self.0 {
            Way::Service(connection) => connection.$method($then).await,
            #[cfg(feature = "cluster")]
            Way::Seller(connection) => connection.$method($then).await,
            #[cfg(feature = "cluster")]
            Way::Copy(copy) => match copy.replica.hear(copy.transaction.$method($first)).await {
                Some(answer) => answer,
                None => copy.instead().await?.$method($then).await,
            },
        }
    };
}

#[async_trait]
impl ConnectionTrait for SellerReader {
    fn get_database_backend(&self) -> DbBackend {
        match &self.0 {
            Way::Service(connection) => connection.get_database_backend(),
            #[cfg(feature = "cluster")]
            Way::Seller(connection) => connection.get_database_backend(),
            #[cfg(feature = "cluster")]
            Way::Copy(copy) => copy.transaction.get_database_backend(),
        }
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        ask!(self, execute_raw, statement.clone(), statement)
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        ask!(self, execute_unprepared, sql, sql)
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        ask!(self, query_one_raw, statement.clone(), statement)
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        ask!(self, query_all_raw, statement.clone(), statement)
    }
}
