//! Units held for orders.

use std::collections::BTreeSet;

use sea_orm::{
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect, TryInsertResult,
    sea_query::{Expr, OnConflict},
};
use souk_kernel::{OrderId, Timestamp};
use souk_platform::db::Tx;

use super::{reservation, restock, stock::batches};
use crate::domain::{Hold, HoldStatus};

/// The order's holds, whatever their status.
pub async fn of_order(conn: &impl ConnectionTrait, order_id: OrderId) -> Result<Vec<Hold>, DbErr> {
    let rows = reservation::Entity::find().filter(reservation::Column::OrderId.eq(order_id)).all(conn).await?;
    Ok(rows.into_iter().map(hold).collect())
}

/// The order's holds for who will [end] or [extend] them, or nothing: [locked](lock), unless those fail if they are not as they were
/// seen.
pub async fn take(tx: &Tx, order_id: OrderId) -> Result<Vec<Hold>, DbErr> {
    if tx.need_not_lock() {
        return of_order(tx, order_id).await;
    }
    lock(tx, order_id).await
}

/// The order's holds, locked until the transaction ends.
pub async fn lock(tx: &Tx, order_id: OrderId) -> Result<Vec<Hold>, DbErr> {
    let rows = reservation::Entity::find()
        .filter(reservation::Column::OrderId.eq(order_id))
        .order_by_asc(reservation::Column::SkuId)
        .order_by_asc(reservation::Column::Location)
        .lock_exclusive()
        .all(tx)
        .await?;
    Ok(rows.into_iter().map(hold).collect())
}

/// Whether the order has an active hold that ran out.
pub async fn has_expired(conn: &impl ConnectionTrait, order_id: OrderId, now: Timestamp) -> Result<bool, DbErr> {
    let row = reservation::Entity::find()
        .filter(reservation::Column::OrderId.eq(order_id))
        .filter(reservation::Column::Status.eq(HoldStatus::Active))
        .filter(reservation::Column::ExpiresAt.lte(now))
        .one(conn)
        .await?;
    Ok(row.is_some())
}

/// Stores holds as they are now.
pub fn put(tx: &Tx, holds: Vec<Hold>) {
    use reservation::Column::{ExpiresAt, Location, OrderId, Quantity, Restocked, SkuId, Status};
    let take_over = OnConflict::columns([OrderId, SkuId, Location])
        .update_columns([Quantity, Restocked, Status, ExpiresAt])
        .to_owned();
    for some in batches(holds) {
        tx.defer(&reservation::Entity::insert_many(some.into_iter().map(row)).on_conflict(take_over.clone()));
    }
}

/// Ends the active holds of an order among those that were `seen`: others that it may have by now run out at another time.
pub fn end(tx: &Tx, order_id: OrderId, seen: &[Hold], status: HoldStatus) {
    let times: BTreeSet<Timestamp> = seen.iter().map(|hold| hold.expires_at).collect();
    let those = reservation::Column::ExpiresAt.is_in(times);
    change_active(tx, order_id, those, reservation::Column::Status, Expr::value(status));
}

/// Has the active holds of an order run out later than they do.
pub fn extend(tx: &Tx, order_id: OrderId, expires_at: Timestamp) {
    let earlier = reservation::Column::ExpiresAt.lt(expires_at);
    change_active(tx, order_id, earlier, reservation::Column::ExpiresAt, Expr::value(expires_at));
}

fn change_active(tx: &Tx, order_id: OrderId, which: Expr, column: reservation::Column, value: Expr) {
    let change = reservation::Entity::update_many()
        .col_expr(column, value)
        .filter(reservation::Column::OrderId.eq(order_id))
        .filter(reservation::Column::Status.eq(HoldStatus::Active))
        .filter(which);
    tx.defer_checked(&change);
}

/// Notes that a restock is done. False when it was before.
pub async fn note_restock(tx: &Tx, order_id: OrderId, reference: String) -> Result<bool, DbErr> {
    let row = restock::Model { order_id, reference, at: tx.now() };
    let insert = restock::Entity::insert(restock::ActiveModel::from(row)).on_conflict_do_nothing();
    Ok(matches!(insert.exec_without_returning(tx).await?, TryInsertResult::Inserted(rows) if rows > 0))
}

fn hold(row: reservation::Model) -> Hold {
    Hold {
        order_id: row.order_id,
        sku_id: row.sku_id,
        location: row.location,
        quantity: row.quantity,
        restocked: row.restocked,
        status: row.status,
        expires_at: row.expires_at,
    }
}

fn row(hold: Hold) -> reservation::ActiveModel {
    reservation::Model {
        order_id: hold.order_id,
        sku_id: hold.sku_id,
        location: hold.location,
        quantity: hold.quantity,
        restocked: hold.restocked,
        status: hold.status,
        expires_at: hold.expires_at,
    }
    .into()
}
