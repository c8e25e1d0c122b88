//! Orders that have given their cart back. One that was slow to bind its cart is refused it.

use sea_orm::{ActiveValue::Set, ColumnTrait, DbErr, EntityTrait, PaginatorTrait, QueryFilter, sea_query::OnConflict};
use souk_kernel::{OrderId, Timestamp};
use souk_platform::db::{Database, Tx};

use super::ended_order::{ActiveModel, Column, Entity};

/// Notes that no cart may be bound to the order any more.
pub fn note(tx: &Tx, order_id: OrderId) {
    let row = ActiveModel { order_id: Set(order_id), ended_at: Set(tx.now()) };
    tx.defer(&Entity::insert(row).on_conflict(OnConflict::column(Column::OrderId).do_nothing().to_owned()));
}

/// Whether that was noted.
pub async fn has(tx: &Tx, order_id: OrderId) -> Result<bool, DbErr> {
    Ok(Entity::find_by_id(order_id).count(tx).await? > 0)
}

/// Forgets those that ended before.
pub async fn forget(db: &Database, before: Timestamp) -> Result<(), DbErr> {
    let old = move || Column::EndedAt.lt(before);
    // A read first: most of the time there is nothing to do, and the writer is left alone.
    if Entity::find().filter(old()).one(db.reader()).await?.is_none() {
        return Ok(());
    }
    db.guarded(move |tx| async move {
        tx.defer(&Entity::delete_many().filter(old()));
        Ok(())
    })
    .await
}
