//! Commission rules and their versions.

use sea_orm::{
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder, sea_query::Expr,
};
use souk_kernel::{CategoryId, CommissionRuleId, Page, PageQuery, SellerId};
use souk_platform::db::Tx;

use super::{CommissionRule, PageError, entities::commission_rule, newest};
use crate::domain::commission::Scope;

/// What names a scope in the unique column.
pub fn scope_key(scope: Scope) -> String {
    let part = |id: Option<String>| id.unwrap_or_default();
    format!("{}/{}", part(scope.seller.map(|id| id.to_string())), part(scope.category.map(|id| id.to_string())))
}

/// The rules in force.
pub async fn in_force(conn: &impl ConnectionTrait) -> Result<Vec<CommissionRule>, DbErr> {
    commission_rule::Entity::find().filter(commission_rule::Column::LiveScope.is_not_null()).all(conn).await
}

/// The rule in force for exactly this scope.
pub async fn for_scope(conn: &impl ConnectionTrait, scope: Scope) -> Result<Option<CommissionRule>, DbErr> {
    commission_rule::Entity::find().filter(commission_rule::Column::LiveScope.eq(scope_key(scope))).one(conn).await
}

/// The versions of a rule, newest first; none when there is no such rule.
pub async fn versions(conn: &impl ConnectionTrait, id: CommissionRuleId) -> Result<Vec<CommissionRule>, DbErr> {
    commission_rule::Entity::find()
        .filter(commission_rule::Column::Id.eq(id))
        .order_by_desc(commission_rule::Column::Version)
        .all(conn)
        .await
}

pub async fn insert(tx: &Tx, rule: CommissionRule) -> Result<(), DbErr> {
    commission_rule::Entity::insert(rule.into_active_model()).exec_without_returning(tx).await.map(drop)
}

/// Takes a version out of force; false when it wasn't in force.
pub async fn retire(tx: &Tx, id: CommissionRuleId, version: i64) -> Result<bool, DbErr> {
    let updated = commission_rule::Entity::update_many()
        .col_expr(commission_rule::Column::LiveScope, Expr::value(None::<String>))
        .filter(commission_rule::Column::Id.eq(id))
        .filter(commission_rule::Column::Version.eq(version))
        .filter(commission_rule::Column::LiveScope.is_not_null())
        .exec(tx)
        .await?;
    Ok(updated.rows_affected > 0)
}

/// What an operator looks for.
#[derive(Clone, Copy, Debug, Default)]
pub struct Filter {
    pub seller: Option<SellerId>,
    pub category: Option<CategoryId>,
}

/// A page of the rules in force, newest first.
pub async fn list(
    conn: &impl ConnectionTrait,
    filter: Filter,
    page: &PageQuery,
) -> Result<Page<CommissionRule>, PageError> {
    let mut rows = commission_rule::Entity::find().filter(commission_rule::Column::LiveScope.is_not_null());
    if let Some(seller) = filter.seller {
        rows = rows.filter(commission_rule::Column::SellerId.eq(seller));
    }
    if let Some(category) = filter.category {
        rows = rows.filter(commission_rule::Column::CategoryId.eq(category));
    }
    let order = (commission_rule::Column::CreatedAt, commission_rule::Column::Id);
    newest(conn, rows, order, page, |row| (row.created_at, row.id)).await
}
