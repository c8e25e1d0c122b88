//! Accounts.

use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait, IntoActiveModel, QueryFilter, entity::prelude::*,
    sea_query::Expr,
};
use serde::{Deserialize, Serialize};
use souk_kernel::{Page, PageQuery, Timestamp, UserId};
use souk_platform::{
    db::{Reader, newest_first},
    security::Role,
};

use super::{matching, members, sellers};
use crate::{
    domain::{AccountStatus, Address, Roles, email_key},
    error::Error,
};

/// One account. The personal fields of a deleted one are wiped.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "users")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: UserId,
    /// As its owner wrote it.
    pub email: String,
    /// In lower case; unique.
    #[sea_orm(unique)]
    pub email_key: String,
    pub name: String,
    /// A PHC string; empty when nobody can log in.
    pub password_hash: String,
    pub phone: Option<String>,
    pub locale: String,
    pub preferences: Preferences,
    pub addresses: Addresses,
    pub is_support: bool,
    pub is_admin: bool,
    pub status: AccountStatus,
    pub version: i64,
    pub created_at: DateTimeUtc,
    pub updated_at: DateTimeUtc,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// What a person set for the pages; free for clients to fill.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, FromJsonQueryResult)]
pub struct Preferences(pub serde_json::Map<String, serde_json::Value>);

/// The address book.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, FromJsonQueryResult)]
pub struct Addresses(pub Vec<Address>);

impl Model {
    /// What an operator granted.
    pub fn granted(&self) -> Roles {
        Roles { support: self.is_support, admin: self.is_admin }
    }
}

/// An account and the team that its owner belongs to.
#[derive(Clone, Debug)]
pub struct Person {
    pub user: Model,
    pub team: Option<(members::Model, sellers::Model)>,
}

impl Person {
    /// All roles at this moment.
    pub fn roles(&self) -> Vec<Role> {
        self.user.granted().all(self.team.as_ref().is_some_and(|(_, seller)| seller.state.sells()))
    }
}

/// The account, unless it was deleted.
pub async fn find(conn: &impl ConnectionTrait, id: UserId) -> Result<Option<Model>, DbErr> {
    Entity::find_by_id(id).filter(Column::Status.ne(AccountStatus::Deleted)).one(conn).await
}

/// The account with this address, in whatever case it is written.
pub async fn find_by_email(conn: &impl ConnectionTrait, email: &str) -> Result<Option<Model>, DbErr> {
    Entity::find().filter(Column::EmailKey.eq(email_key(email))).one(conn).await
}

/// The account with its team, unless it was deleted.
pub async fn find_person(conn: &impl ConnectionTrait, id: UserId) -> Result<Option<Person>, DbErr> {
    let Some(user) = find(conn, id).await? else { return Ok(None) };
    Ok(Some(Person { team: members::find_team(conn, id).await?, user }))
}

/// The active accounts among these.
pub async fn find_active(conn: &impl ConnectionTrait, ids: Vec<UserId>) -> Result<Vec<Model>, DbErr> {
    Entity::find().filter(Column::Id.is_in(ids)).filter(Column::Status.eq(AccountStatus::Active)).all(conn).await
}

/// What an operator looks for.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Part of the address or of the name.
    pub text: Option<String>,
    /// The whole address.
    pub email: Option<String>,
    pub role: Option<Role>,
    pub status: Option<AccountStatus>,
}

/// Accounts, newest first, deleted ones only when asked for.
pub async fn list(conn: &Reader, filter: Filter, page: PageQuery) -> Result<Page<Model>, Error> {
    let mut rows = Entity::find();
    rows = match filter.status {
        Some(status) => rows.filter(Column::Status.eq(status)),
        None => rows.filter(Column::Status.ne(AccountStatus::Deleted)),
    };
    if let Some(text) = filter.text {
        let by_email = Column::EmailKey.contains(email_key(&text));
        rows = rows.filter(Condition::any().add(by_email).add(matching::has(Column::Name, &text)));
    }
    if let Some(email) = filter.email {
        rows = rows.filter(Column::EmailKey.eq(email_key(&email)));
    }
    rows = match filter.role {
        Some(Role::Admin) => rows.filter(Column::IsAdmin.eq(true)),
        Some(Role::Support) => rows.filter(Column::IsSupport.eq(true)),
        Some(Role::Seller) => rows.filter(Column::Id.in_subquery(members::users_who_sell())),
        Some(Role::Buyer) | None => rows,
    };
    newest_first(conn, rows, Column::Id, |user| user.id, &page).await
}

pub async fn insert(conn: &impl ConnectionTrait, user: Model) -> Result<(), DbErr> {
    Entity::insert(user.into_active_model()).exec_without_returning(conn).await?;
    Ok(())
}

/// Writes an account back as a new version, if it still has the one that was read; false when somebody was faster.
pub async fn save(conn: &impl ConnectionTrait, user: &mut Model, now: Timestamp) -> Result<bool, DbErr> {
    let seen = user.version;
    user.version += 1;
    user.updated_at = now;
    let updated = Entity::update_many()
        .set(user.clone().into_active_model().reset_all())
        .filter(Column::Id.eq(user.id))
        .filter(Column::Version.eq(seen))
        .exec(conn)
        .await?;
    Ok(updated.rows_affected == 1)
}

/// Replaces a password hash, if it is still the old one. The version stays, because nobody sees the hash.
pub async fn replace_hash(conn: &impl ConnectionTrait, id: UserId, old: &str, new: String) -> Result<bool, DbErr> {
    let updated = Entity::update_many()
        .col_expr(Column::PasswordHash, Expr::value(new))
        .filter(Column::Id.eq(id))
        .filter(Column::PasswordHash.eq(old))
        .exec(conn)
        .await?;
    Ok(updated.rows_affected == 1)
}
