//! Teams of sellers.

use std::{collections::HashMap, fmt, str::FromStr};

use sea_orm::{
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, IntoActiveModel, PaginatorTrait, QueryFilter, QueryOrder,
    QuerySelect, QueryTrait,
    entity::prelude::*,
    sea_query::{Expr, SelectStatement},
};
use souk_kernel::{SellerId, Timestamp, UserId};
use souk_platform::security::{TeamRole, UnknownWord};

use super::{sellers, users};
use crate::domain::SellerState;

/// One person in one team. A person is in one team at most.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "seller_members")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub user_id: UserId,
    pub seller_id: SellerId,
    pub role: StoredRole,
    pub created_at: DateTimeUtc,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {
    #[sea_orm(belongs_to = "super::sellers::Entity", from = "Column::SellerId", to = "super::sellers::Column::Id")]
    Seller,
    #[sea_orm(belongs_to = "super::users::Entity", from = "Column::UserId", to = "super::users::Column::Id")]
    User,
}

impl Related<sellers::Entity> for Entity {
    fn to() -> RelationDef {
        Relation::Seller.def()
    }
}

impl Related<users::Entity> for Entity {
    fn to() -> RelationDef {
        Relation::User.def()
    }
}

impl ActiveModelBehavior for ActiveModel {}

/// A team role as the word that stands in the column.
#[derive(Clone, Copy, PartialEq, Eq, Debug, DeriveValueType)]
#[sea_orm(value_type = "String")]
pub struct StoredRole(pub TeamRole);

impl fmt::Display for StoredRole {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(out)
    }
}

impl FromStr for StoredRole {
    type Err = UnknownWord;
    fn from_str(word: &str) -> Result<Self, UnknownWord> {
        word.parse().map(Self)
    }
}

/// The team that somebody belongs to.
pub async fn find_team(conn: &impl ConnectionTrait, user: UserId) -> Result<Option<(Model, sellers::Model)>, DbErr> {
    let found = Entity::find_by_id(user).find_also_related(sellers::Entity).one(conn).await?;
    Ok(found.and_then(|(member, seller)| Some((member, seller?))))
}

/// The teams that several people belong to.
pub async fn teams_of(
    conn: &impl ConnectionTrait,
    users: Vec<UserId>,
) -> Result<HashMap<UserId, (Model, sellers::Model)>, DbErr> {
    let found = Entity::find().filter(Column::UserId.is_in(users)).find_also_related(sellers::Entity).all(conn).await?;
    Ok(found.into_iter().filter_map(|(member, seller)| Some((member.user_id, (member, seller?)))).collect())
}

/// Somebody's place in this very team.
pub async fn find_in_team(conn: &impl ConnectionTrait, seller: SellerId, user: UserId) -> Result<Option<Model>, DbErr> {
    Entity::find_by_id(user).filter(Column::SellerId.eq(seller)).one(conn).await
}

/// The team with its people, longest standing first.
pub async fn list(conn: &impl ConnectionTrait, seller: SellerId) -> Result<Vec<(Model, users::Model)>, DbErr> {
    let rows = Entity::find()
        .filter(Column::SellerId.eq(seller))
        .find_also_related(users::Entity)
        .order_by_asc(Column::CreatedAt)
        .order_by_asc(Column::UserId)
        .all(conn)
        .await?;
    Ok(rows.into_iter().filter_map(|(member, user)| Some((member, user?))).collect())
}

/// The teams of several sellers.
pub async fn of_sellers(conn: &impl ConnectionTrait, sellers: Vec<SellerId>) -> Result<Vec<Model>, DbErr> {
    Entity::find().filter(Column::SellerId.is_in(sellers)).order_by_asc(Column::CreatedAt).all(conn).await
}

pub async fn insert(
    conn: &impl ConnectionTrait,
    seller_id: SellerId,
    user_id: UserId,
    role: TeamRole,
    created_at: Timestamp,
) -> Result<(), DbErr> {
    let member = Model { user_id, seller_id, role: StoredRole(role), created_at };
    Entity::insert(member.into_active_model()).exec_without_returning(conn).await?;
    Ok(())
}

/// Somebody leaves this team; false when they weren't in it.
pub async fn remove(conn: &impl ConnectionTrait, seller: SellerId, user: UserId) -> Result<bool, DbErr> {
    let removed =
        Entity::delete_many().filter(Column::SellerId.eq(seller)).filter(Column::UserId.eq(user)).exec(conn).await?;
    Ok(removed.rows_affected == 1)
}

/// How many owners a team has.
pub async fn owners(conn: &impl ConnectionTrait, seller: SellerId) -> Result<u64, DbErr> {
    let role = StoredRole(TeamRole::Owner);
    Entity::find().filter(Column::SellerId.eq(seller)).filter(Column::Role.eq(role)).count(conn).await
}

/// Gives a member another role.
pub async fn set_role(conn: &impl ConnectionTrait, user: UserId, role: TeamRole) -> Result<(), DbErr> {
    let change = Entity::update_many().col_expr(Column::Role, Expr::value(StoredRole(role)));
    change.filter(Column::UserId.eq(user)).exec(conn).await?;
    Ok(())
}

/// Ids of everybody who has the seller role.
pub fn users_who_sell() -> SelectStatement {
    let sellers = sellers::Entity::find()
        .select_only()
        .column(sellers::Column::Id)
        .filter(sellers::Column::State.ne(SellerState::Pending))
        .into_query();
    Entity::find().select_only().column(Column::UserId).filter(Column::SellerId.in_subquery(sellers)).into_query()
}
