//! What runs between us and external systems by itself, and what is to be told to them.

use std::collections::HashMap;

use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait, JoinType, QueryFilter, QueryOrder, QuerySelect,
    RelationTrait,
    sea_query::{Expr, OnConflict},
};
use souk_kernel::{SellerId, SkuId, Timestamp};
use souk_platform::db::Tx;

use super::{BATCH, channel, publication, source, stock::batches};
use crate::domain::channel::Direction;

/// The channels of these sources.
pub async fn of_sources(conn: &impl ConnectionTrait, sources: &[&str]) -> Result<Vec<channel::Model>, DbErr> {
    let wanted = channel::Entity::find().filter(channel::Column::Source.is_in(sources.iter().copied()));
    wanted.all(conn).await
}

/// A source's channel, locked until the transaction ends.
pub async fn lock(tx: &Tx, source: &str, direction: Direction) -> Result<Option<channel::Model>, DbErr> {
    channel::Entity::find_by_id((source.to_owned(), direction)).lock_exclusive().one(tx).await
}

/// Stores a channel as it is now.
pub fn put(tx: &Tx, row: channel::Model) {
    use channel::Column::{
        ClaimedUntil, Direction, Error, Etag, EverySeconds, Failures, LastAt, Modified, NextAt, Number, Source, Url,
    };
    let columns = [Url, EverySeconds, Number, ClaimedUntil, NextAt, LastAt, Failures, Error, Etag, Modified];
    let take_over = OnConflict::columns([Source, Direction]).update_columns(columns).to_owned();
    tx.defer(&channel::Entity::insert_many([channel::ActiveModel::from(row)]).on_conflict(take_over));
}

/// Ends a channel; what was still to be told is forgotten.
pub fn remove(tx: &Tx, source: &str, direction: Direction) {
    tx.defer(
        &channel::Entity::delete_many()
            .filter(channel::Column::Source.eq(source))
            .filter(channel::Column::Direction.eq(direction)),
    );
    if direction == Direction::Publish {
        tx.defer(&publication::Entity::delete_many().filter(publication::Column::Source.eq(source)));
    }
}

/// Takes the channel for us alone until `until`. False when somebody else has it, or it is no longer as it was seen.
pub async fn claim(tx: &Tx, seen: &channel::Model, until: Timestamp) -> Result<bool, DbErr> {
    let free =
        Condition::any().add(channel::Column::ClaimedUntil.is_null()).add(channel::Column::ClaimedUntil.lte(tx.now()));
    let update = channel::Entity::update_many()
        .col_expr(channel::Column::ClaimedUntil, Expr::value(until))
        .filter(same(seen))
        .filter(free);
    Ok(update.exec(tx).await?.rows_affected > 0)
}

/// Whether the channel is still ours, as it was claimed; then it stays locked until the transaction ends.
pub async fn still_ours(tx: &Tx, claimed: &channel::Model) -> Result<bool, DbErr> {
    let update = channel::Entity::update_many()
        .col_expr(channel::Column::ClaimedUntil, Expr::value(None::<Timestamp>))
        .filter(same(claimed))
        .filter(channel::Column::ClaimedUntil.eq(claimed.claimed_until));
    Ok(update.exec(tx).await?.rows_affected > 0)
}

fn same(row: &channel::Model) -> Condition {
    Condition::all()
        .add(channel::Column::Source.eq(row.source.as_str()))
        .add(channel::Column::Direction.eq(row.direction))
        .add(channel::Column::Number.eq(row.number))
}

/// Has the next pull fetch the whole feed, changed or not.
pub fn forget_validators(tx: &Tx, source: &str) {
    tx.defer(
        &channel::Entity::update_many()
            .col_expr(channel::Column::Etag, Expr::value(None::<String>))
            .col_expr(channel::Column::Modified, Expr::value(None::<String>))
            .filter(channel::Column::Source.eq(source)),
    );
}

/// Channels of sources that are switched on and should have been used before `then`.
pub async fn overdue(conn: &impl ConnectionTrait, then: Timestamp) -> Result<Vec<channel::Model>, DbErr> {
    channel::Entity::find()
        .join(JoinType::InnerJoin, channel::Relation::Source.def())
        .filter(source::Column::Enabled.eq(true))
        .filter(channel::Column::NextAt.lt(then))
        .order_by_asc(channel::Column::NextAt)
        .limit(BATCH as u64)
        .all(conn)
        .await
}

/// The sources that are told what changes, by seller.
pub async fn published(conn: &impl ConnectionTrait) -> Result<HashMap<SellerId, Vec<String>>, DbErr> {
    let rows: Vec<(SellerId, String)> = channel::Entity::find()
        .select_only()
        .column(source::Column::SellerId)
        .column(channel::Column::Source)
        .join(JoinType::InnerJoin, channel::Relation::Source.def())
        .filter(channel::Column::Direction.eq(Direction::Publish))
        .into_tuple()
        .all(conn)
        .await?;
    let mut by_seller: HashMap<SellerId, Vec<String>> = HashMap::new();
    for (seller_id, name) in rows {
        by_seller.entry(seller_id).or_default().push(name);
    }
    Ok(by_seller)
}

/// Notes that SKUs are to be told to a source.
pub fn note(tx: &Tx, source: &str, skus: impl IntoIterator<Item = (SkuId, i64)>) {
    use publication::Column::{SkuId, Source, Version};
    let newest = OnConflict::columns([Source, SkuId]).update_column(Version).to_owned();
    let rows =
        skus.into_iter().map(|(sku_id, version)| publication::Model { source: source.to_owned(), sku_id, version });
    for some in batches(rows.collect()) {
        let insert = publication::Entity::insert_many(some.into_iter().map(publication::ActiveModel::from));
        tx.defer(&insert.on_conflict(newest.clone()));
    }
}

/// Some of the SKUs that are to be told to a source.
pub async fn noted(conn: &impl ConnectionTrait, source: &str, limit: u64) -> Result<Vec<publication::Model>, DbErr> {
    publication::Entity::find()
        .filter(publication::Column::Source.eq(source))
        .order_by_asc(publication::Column::SkuId)
        .limit(limit)
        .all(conn)
        .await
}

/// SKUs were told as they were at these versions; what changed later is still to be told.
pub fn told(tx: &Tx, source: &str, skus: &[(SkuId, i64)]) {
    for (sku_id, version) in skus {
        tx.defer(
            &publication::Entity::delete_many()
                .filter(publication::Column::Source.eq(source))
                .filter(publication::Column::SkuId.eq(*sku_id))
                .filter(publication::Column::Version.lte(*version)),
        );
    }
}
