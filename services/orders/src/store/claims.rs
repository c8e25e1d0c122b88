//! Which process places a queued order: it says so for a few seconds at a time, and others leave the order alone until then.

use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Expr, LockBehavior, LockType},
};
use souk_kernel::{OrderId, Timestamp};

use super::orders::{Column, Entity};
use crate::domain::OrderStatus;

/// Queued orders that no process has claimed at `now`.
fn free(now: Timestamp) -> Condition {
    let lapsed = Condition::any().add(Column::ClaimedUntil.is_null()).add(Column::ClaimedUntil.lte(now));
    Condition::all().add(Column::Status.eq(OrderStatus::Queued)).add(lapsed)
}

/// Whether there is anything to take.
pub async fn any_free(conn: &impl ConnectionTrait, now: Timestamp) -> Result<bool, DbErr> {
    let one = Entity::find().select_only().column(Column::Id).filter(free(now)).limit(1);
    Ok(one.into_tuple::<OrderId>().one(conn).await?.is_some())
}

/// Takes up to `limit` free orders until `until`, oldest first, but for those that another process is taking at this moment.
pub async fn take(
    conn: &impl ConnectionTrait,
    now: Timestamp,
    until: Timestamp,
    limit: u64,
) -> Result<Vec<OrderId>, DbErr> {
    let ids: Vec<OrderId> = Entity::find()
        .select_only()
        .column(Column::Id)
        .filter(free(now))
        .order_by_asc(Column::Id)
        .limit(limit)
        .lock_with_behavior(LockType::Update, LockBehavior::SkipLocked)
        .into_tuple()
        .all(conn)
        .await?;
    extend(conn, &ids, until).await?;
    Ok(ids)
}

/// Takes one order until `until`; whether it was free.
pub async fn take_one(
    conn: &impl ConnectionTrait,
    id: OrderId,
    now: Timestamp,
    until: Timestamp,
) -> Result<bool, DbErr> {
    let taken = Entity::update_many()
        .col_expr(Column::ClaimedUntil, Expr::value(until))
        .filter(Column::Id.eq(id))
        .filter(free(now))
        .exec(conn)
        .await?;
    Ok(taken.rows_affected == 1)
}

/// Frees all orders: no process is there that may have claimed any.
pub async fn clear(conn: &impl ConnectionTrait) -> Result<(), DbErr> {
    let update = Entity::update_many()
        .col_expr(Column::ClaimedUntil, Expr::value(Option::<Timestamp>::None))
        .filter(Column::Status.eq(OrderStatus::Queued))
        .filter(Column::ClaimedUntil.is_not_null());
    update.exec(conn).await.map(drop)
}

/// Says again that these orders, as far as they are queued, are being placed.
pub async fn extend(conn: &impl ConnectionTrait, ids: &[OrderId], until: Timestamp) -> Result<(), DbErr> {
    if ids.is_empty() {
        return Ok(());
    }
    let update = Entity::update_many()
        .col_expr(Column::ClaimedUntil, Expr::value(until))
        .filter(Column::Id.is_in(ids.iter().copied()))
        .filter(Column::Status.eq(OrderStatus::Queued));
    update.exec(conn).await.map(drop)
}
