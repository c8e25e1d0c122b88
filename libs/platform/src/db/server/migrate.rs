//! Bringing the tables up to date, by one process at a time.

use std::collections::HashSet;

use sea_orm::{ConnectionTrait, DatabaseConnection, DbErr, sea_query::Query};
use sea_orm_migration::{MigratorTrait, SchemaManager};

use crate::db::open::PlatformMigrator;

/// Applies what is missing. The caller holds the lock.
pub async fn up<M: MigratorTrait>(connection: &DatabaseConnection) -> Result<(), DbErr> {
    PlatformMigrator::up(connection, None).await?;
    M::up(connection, None).await
}

/// How many migrations are missing. Makes nothing, not even the table that they are noted in.
pub async fn missing<M: MigratorTrait>(connection: &DatabaseConnection) -> Result<usize, DbErr> {
    Ok(missing_of::<PlatformMigrator>(connection).await? + missing_of::<M>(connection).await?)
}

async fn missing_of<M: MigratorTrait>(connection: &DatabaseConnection) -> Result<usize, DbErr> {
    let table = M::migration_table_name();
    if !SchemaManager::new(connection).has_table(table.to_string()).await? {
        return Ok(M::migrations().len());
    }
    let query = Query::select().column("version").from(table).to_owned();
    let applied = connection.query_all(&query).await?;
    let applied = applied.iter().map(|row| row.try_get("", "version")).collect::<Result<HashSet<String>, _>>()?;
    Ok(M::migrations().iter().filter(|migration| !applied.contains(migration.name())).count())
}
