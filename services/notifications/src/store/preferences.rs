//! What people want to be told.

use std::collections::HashMap;

use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, entity::prelude::*,
    sea_query::OnConflict,
};
use souk_kernel::{Timestamp, UserId};

use crate::domain::Preferences;

/// One person's choices.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "preferences")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub user_id: UserId,
    pub choices: Preferences,
    pub version: i64,
    pub updated_at: DateTimeUtc,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// Somebody's choices and their version; the defaults, version 0, of who never chose.
pub async fn find(conn: &impl ConnectionTrait, user: UserId) -> Result<(Preferences, i64), DbErr> {
    let row = Entity::find_by_id(user).one(conn).await?;
    Ok(row.map_or_else(|| (Preferences::default(), 0), |row| (row.choices, row.version)))
}

/// The choices of those who chose.
pub async fn find_many(conn: &impl ConnectionTrait, users: Vec<UserId>) -> Result<HashMap<UserId, Preferences>, DbErr> {
    if users.is_empty() {
        return Ok(HashMap::new());
    }
    let rows = Entity::find().filter(Column::UserId.is_in(users)).all(conn).await?;
    Ok(rows.into_iter().map(|row| (row.user_id, row.choices)).collect())
}

pub async fn save(
    conn: &impl ConnectionTrait,
    user: UserId,
    choices: Preferences,
    version: i64,
    now: Timestamp,
) -> Result<(), DbErr> {
    let row = ActiveModel { user_id: Set(user), choices: Set(choices), version: Set(version), updated_at: Set(now) };
    let replace = OnConflict::column(Column::UserId)
        .update_columns([Column::Choices, Column::Version, Column::UpdatedAt])
        .to_owned();
    Entity::insert(row).on_conflict(replace).exec_without_returning(conn).await?;
    Ok(())
}

pub async fn forget_user(conn: &impl ConnectionTrait, user: UserId) -> Result<(), DbErr> {
    Entity::delete_by_id(user).exec(conn).await?;
    Ok(())
}
