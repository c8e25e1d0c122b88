//! Orders that have given their cart back. One that was slow to bind its cart is refused it.

use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder,
    QuerySelect, sea_query::OnConflict,
};
use souk_kernel::{OrderId, Timestamp, TypedId};
use souk_platform::db::Tx;

use super::{
    carts::first_id_of,
    ended_order::{ActiveModel, Column, Entity},
};

/// Notes that no cart may be bound to the order any more.
pub fn note(tx: &Tx, order_id: OrderId) {
    let row = ActiveModel { order_id: Set(order_id), ended_at: Set(tx.now()) };
    tx.defer(&Entity::insert(row).on_conflict(OnConflict::column(Column::OrderId).do_nothing().to_owned()));
}

/// Whether that was noted.
pub async fn has(tx: &Tx, order_id: OrderId) -> Result<bool, DbErr> {
    Ok(Entity::find_by_id(order_id).count(tx).await? > 0)
}

/// Orders of which that was noted before `before`, at most `limit` of those after `after`, in the order of their ids.
pub async fn noted(
    conn: &impl ConnectionTrait,
    before: Timestamp,
    after: Option<OrderId>,
    limit: u64,
) -> Result<Vec<OrderId>, DbErr> {
    let mut query = Entity::find()
        .select_only()
        .column(Column::OrderId)
        // Ids begin with the time at which they were made: what was made later has ended later.
        .filter(Column::OrderId.lt(OrderId::from_uuid(first_id_of(before))))
        .filter(Column::EndedAt.lt(before));
    if let Some(after) = after {
        query = query.filter(Column::OrderId.gt(after));
    }
    query.order_by_asc(Column::OrderId).limit(limit).into_tuple().all(conn).await
}

/// Forgets it of these orders.
pub fn forget(tx: &Tx, ids: Vec<OrderId>) {
    tx.defer(&Entity::delete_many().filter(Column::OrderId.is_in(ids)));
}
