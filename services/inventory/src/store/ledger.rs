//! Reading the ledger: page by page for the seller, folded for `verify` and `rebuild`.

use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DbBackend, DbErr, EntityTrait, FromQueryResult, JoinType, QueryFilter,
    QueryOrder, QuerySelect, Select,
    sea_query::{Expr, ExprTrait, IntoCondition, Query, SelectStatement},
};
use souk_kernel::{SkuId, Timestamp};

use super::{portable::sum, stock_event, stock_level};
use crate::domain::MovementKind;

/// A page of a SKU's ledger, newest first, beginning before the change with number `before`.
pub async fn page(
    conn: &impl ConnectionTrait,
    sku_id: SkuId,
    before: Option<i64>,
    offset: u64,
    limit: u64,
) -> Result<Vec<stock_event::Model>, DbErr> {
    let mut query = stock_event::Entity::find().filter(stock_event::Column::SkuId.eq(sku_id));
    if let Some(before) = before {
        query = query.filter(stock_event::Column::Version.lt(before));
    }
    query.order_by_desc(stock_event::Column::Version).offset(offset).limit(limit).all(conn).await
}

/// The external system that made a change; nothing when it came from elsewhere.
pub async fn source_of(conn: &impl ConnectionTrait, sku_id: SkuId, version: i64) -> Result<Option<String>, DbErr> {
    let entry = stock_event::Entity::find_by_id((sku_id, version))
        .filter(stock_event::Column::Kind.eq(MovementKind::Synced))
        .one(conn)
        .await?;
    Ok(entry.and_then(|entry| entry.reference))
}

/// A stock row beside the fold of its ledger.
#[derive(Clone, Debug, PartialEq, Eq, FromQueryResult)]
pub struct Comparison {
    pub sku_id: SkuId,
    pub location: String,
    pub on_hand: i64,
    pub reserved: i64,
    pub version: i64,
    pub ledger_on_hand: i64,
    pub ledger_reserved: i64,
    pub ledger_version: i64,
}

impl Comparison {
    /// Whether row and ledger say the same.
    pub const fn agrees(&self) -> bool {
        self.on_hand == self.ledger_on_hand
            && self.reserved == self.ledger_reserved
            && self.version == self.ledger_version
    }
}

/// A page of stock rows with their folds, read in one statement so that a running server doesn't come in between.
pub async fn compare(
    conn: &impl ConnectionTrait,
    after: Option<(SkuId, String)>,
    limit: u64,
) -> Result<Vec<Comparison>, DbErr> {
    use stock_level::Column::{Location, OnHand, Reserved, SkuId, Version};
    let backend = conn.get_database_backend();
    let event = |column: stock_event::Column| Expr::col((stock_event::Entity, column));
    let same_row = Expr::col((stock_level::Entity, SkuId))
        .eq(event(stock_event::Column::SkuId))
        .and(Expr::col((stock_level::Entity, Location)).eq(event(stock_event::Column::Location)));
    let mut query = stock_level::Entity::find()
        .select_only()
        .columns([SkuId, Location, OnHand, Reserved, Version])
        .expr_as(sum(backend, event(stock_event::Column::OnHandDelta)), "ledger_on_hand")
        .expr_as(sum(backend, event(stock_event::Column::ReservedDelta)), "ledger_reserved")
        .expr_as(event(stock_event::Column::Version).max().if_null(0_i64), "ledger_version");
    QuerySelect::query(&mut query).join(JoinType::LeftJoin, stock_event::Entity, same_row.into_condition());
    for column in [SkuId, Location, OnHand, Reserved, Version] {
        query = query.group_by(column);
    }
    if let Some((sku_id, location)) = after {
        let later_location = Condition::all().add(SkuId.eq(sku_id)).add(Location.gt(location));
        query = query.filter(Condition::any().add(SkuId.gt(sku_id)).add(later_location));
    }
    query.order_by_asc(SkuId).order_by_asc(Location).limit(limit).into_model::<Comparison>().all(conn).await
}

/// A stock row as the ledger alone knows it.
#[derive(Clone, Debug, FromQueryResult)]
pub struct Fold {
    pub sku_id: SkuId,
    pub location: String,
    pub on_hand: i64,
    pub reserved: i64,
    pub version: i64,
    pub changed_at: Timestamp,
}

/// Rows of which the ledger tells and that are not there; at most `limit`.
pub async fn forgotten(conn: &impl ConnectionTrait, limit: u64) -> Result<Vec<Fold>, DbErr> {
    use stock_event::Column::{Location, SkuId};
    let backend = conn.get_database_backend();
    let row: SelectStatement = Query::select()
        .expr(Expr::val(1))
        .from(stock_level::Entity)
        .and_where(Expr::col((stock_level::Entity, stock_level::Column::SkuId)).equals((stock_event::Entity, SkuId)))
        .and_where(
            Expr::col((stock_level::Entity, stock_level::Column::Location)).equals((stock_event::Entity, Location)),
        )
        .to_owned();
    folds(backend).filter(Expr::exists(row).not()).limit(limit).into_model::<Fold>().all(conn).await
}

/// What the ledger says about each location of a SKU.
pub async fn folds_of(conn: &impl ConnectionTrait, sku_id: SkuId) -> Result<Vec<Fold>, DbErr> {
    let of_sku = stock_event::Column::SkuId.eq(sku_id);
    folds(conn.get_database_backend()).filter(of_sku).into_model::<Fold>().all(conn).await
}

fn folds(backend: DbBackend) -> Select<stock_event::Entity> {
    use stock_event::Column::{At, Location, OnHandDelta, ReservedDelta, SkuId, Version};
    stock_event::Entity::find()
        .select_only()
        .columns([SkuId, Location])
        .expr_as(sum(backend, OnHandDelta.into_expr()), "on_hand")
        .expr_as(sum(backend, ReservedDelta.into_expr()), "reserved")
        .expr_as(Version.into_expr().max(), "version")
        .expr_as(At.into_expr().max(), "changed_at")
        .group_by(SkuId)
        .group_by(Location)
}

/// SKUs whose changes are not numbered 1, 2, 3, …; at most `limit`.
pub async fn gaps(conn: &impl ConnectionTrait, limit: u64) -> Result<Vec<SkuId>, DbErr> {
    use stock_event::Column::{SkuId, Version};
    stock_event::Entity::find()
        .select_only()
        .column(SkuId)
        .group_by(SkuId)
        .having(Version.into_expr().count().ne(Version.into_expr().max()))
        .limit(limit)
        .into_tuple()
        .all(conn)
        .await
}
