//! One-time tokens that reset a password. Only hashes are stored.

use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, PaginatorTrait, QueryFilter, entity::prelude::*,
};
use souk_kernel::{Timestamp, UserId};

use super::sessions::TokenHash;

/// One token, gone once used.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "password_resets")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false, column_type = "Binary(32)")]
    pub token_hash: Vec<u8>,
    pub user_id: UserId,
    pub created_at: DateTimeUtc,
    pub expires_at: DateTimeUtc,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// How many tokens were made for this user since `since`.
pub async fn count_since(conn: &impl ConnectionTrait, user: UserId, since: Timestamp) -> Result<u64, DbErr> {
    Entity::find().filter(Column::UserId.eq(user)).filter(Column::CreatedAt.gt(since)).count(conn).await
}

pub async fn insert(
    conn: &impl ConnectionTrait,
    hash: &TokenHash,
    user: UserId,
    created_at: Timestamp,
    expires_at: Timestamp,
) -> Result<(), DbErr> {
    let row = ActiveModel {
        token_hash: Set(hash.to_vec()),
        user_id: Set(user),
        created_at: Set(created_at),
        expires_at: Set(expires_at),
    };
    Entity::insert(row).exec_without_returning(conn).await?;
    Ok(())
}

/// Whose token this is, if it is still good.
pub async fn find_good(conn: &impl ConnectionTrait, hash: &TokenHash, now: Timestamp) -> Result<Option<UserId>, DbErr> {
    let found = Entity::find_by_id(hash.to_vec()).filter(Column::ExpiresAt.gt(now)).one(conn).await?;
    Ok(found.map(|reset| reset.user_id))
}

/// Ends all tokens of a user: one was used, or the account is gone.
pub async fn forget_all(conn: &impl ConnectionTrait, user: UserId) -> Result<(), DbErr> {
    Entity::delete_many().filter(Column::UserId.eq(user)).exec(conn).await?;
    Ok(())
}

/// Forgets expired ones.
pub async fn purge(conn: &impl ConnectionTrait, before: Timestamp) -> Result<u64, DbErr> {
    Ok(Entity::delete_many().filter(Column::ExpiresAt.lt(before)).exec(conn).await?.rows_affected)
}
