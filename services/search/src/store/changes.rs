//! The order of changes: the index says in each of its commits up to which one it has got.

use sea_orm::{
    ActiveValue::{NotSet, Set},
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::OnConflict,
};
use souk_kernel::ProductId;
use souk_platform::db::{Reader, Tx};

use super::entities::{change, mark};

/// Changes after this one are kept, because an index that is being built will need them.
const KEPT: &str = "changes_kept_after";
/// Whether all products that catalog had before this service came have been asked for.
const FILLED: &str = "filled";

/// Has the index look at these products again. To be called last: from here to the commit no other transaction notes.
pub async fn note(tx: &Tx, ids: impl IntoIterator<Item = ProductId>) -> Result<(), DbErr> {
    let rows: Vec<_> = ids.into_iter().map(|id| change::ActiveModel { seq: NotSet, product_id: Set(id) }).collect();
    if rows.is_empty() {
        return Ok(());
    }
    // The index reads on from the last number that it saw: a lower one must not appear after it.
    tx.in_turn("search.changes").await?;
    tx.defer(&change::Entity::insert_many(rows));
    Ok(())
}

/// The changes after `seq`, at most so many.
pub async fn after(connection: &Reader, seq: i64, limit: u64) -> Result<Vec<(i64, ProductId)>, DbErr> {
    let find = change::Entity::find().filter(change::Column::Seq.gt(seq)).order_by_asc(change::Column::Seq);
    let rows = find.limit(limit).all(connection).await?;
    Ok(rows.into_iter().map(|row| (row.seq, row.product_id)).collect())
}

/// The number of the last change, 0 before the first.
pub async fn last(connection: &impl ConnectionTrait) -> Result<i64, DbErr> {
    let find = change::Entity::find().select_only().column(change::Column::Seq);
    let last: Option<i64> = find.order_by_desc(change::Column::Seq).into_tuple().one(connection).await?;
    Ok(last.unwrap_or_default())
}

/// Forgets changes that the index has, but never the last one: numbers go on from it.
pub async fn forget(connection: &impl ConnectionTrait, applied: i64) -> Result<u64, DbErr> {
    let kept = marked(connection, KEPT).await?.unwrap_or(i64::MAX);
    let end = applied.min(kept).min(last(connection).await? - 1);
    Ok(change::Entity::delete_many().filter(change::Column::Seq.lte(end)).exec(connection).await?.rows_affected)
}

/// From now on, keeps changes after the last one; gives its number.
pub async fn keep(connection: &impl ConnectionTrait) -> Result<i64, DbErr> {
    let last = last(connection).await?;
    set_mark(connection, KEPT, last).await?;
    Ok(last)
}

/// Nobody needs old changes any more.
pub async fn let_go(connection: &impl ConnectionTrait) -> Result<(), DbErr> {
    mark::Entity::delete_by_id(KEPT).exec(connection).await?;
    Ok(())
}

/// Whether the products from before have come in.
pub async fn is_filled(connection: &impl ConnectionTrait) -> Result<bool, DbErr> {
    Ok(marked(connection, FILLED).await?.is_some())
}

/// The products from before have come in.
pub async fn filled(connection: &impl ConnectionTrait) -> Result<(), DbErr> {
    set_mark(connection, FILLED, 1).await
}

async fn marked(connection: &impl ConnectionTrait, name: &str) -> Result<Option<i64>, DbErr> {
    Ok(mark::Entity::find_by_id(name).one(connection).await?.map(|mark| mark.value))
}

async fn set_mark(connection: &impl ConnectionTrait, name: &str, value: i64) -> Result<(), DbErr> {
    let row = mark::ActiveModel { name: Set(name.to_owned()), value: Set(value) };
    let conflict = OnConflict::column(mark::Column::Name).update_column(mark::Column::Value).to_owned();
    mark::Entity::insert(row).on_conflict(conflict).exec_without_returning(connection).await?;
    Ok(())
}
