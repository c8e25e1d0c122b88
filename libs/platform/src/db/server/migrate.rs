//! Bringing the tables up to date, by one process at a time.

use sea_orm::{DatabaseConnection, DbErr};
use sea_orm_migration::MigratorTrait;

use crate::db::open::PlatformMigrator;

/// Applies what is missing. The caller holds the lock.
pub async fn up<M: MigratorTrait>(connection: &DatabaseConnection) -> Result<(), DbErr> {
    PlatformMigrator::up(connection, None).await?;
    M::up(connection, None).await
}

/// How many migrations are missing.
pub async fn missing<M: MigratorTrait>(connection: &DatabaseConnection) -> Result<usize, DbErr> {
    let platform = PlatformMigrator::get_pending_migrations(connection).await?.len();
    Ok(platform + M::get_pending_migrations(connection).await?.len())
}
