//! External stock systems, their names for our SKUs, and what became of their batches.

use std::collections::HashMap;

use sea_orm::{
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect,
    TryInsertResult,
    sea_query::{Expr, OnConflict},
};
use souk_kernel::{SellerId, SkuId};
use souk_platform::db::Tx;

use super::{BATCH, source, source_item, source_report, stock::batches};

/// Adds a source. False when the name is taken.
pub async fn add(tx: &Tx, row: source::Model) -> Result<bool, DbErr> {
    let insert = source::Entity::insert(source::ActiveModel::from(row)).on_conflict_do_nothing();
    Ok(matches!(insert.exec_without_returning(tx).await?, TryInsertResult::Inserted(rows) if rows > 0))
}

/// A source by its name, for the system that signs with its secret.
pub async fn find(conn: &impl ConnectionTrait, name: &str) -> Result<Option<source::Model>, DbErr> {
    source::Entity::find_by_id(name.to_owned()).one(conn).await
}

/// One of the seller's sources.
pub async fn find_for_seller(
    conn: &impl ConnectionTrait,
    name: &str,
    seller_id: SellerId,
) -> Result<Option<source::Model>, DbErr> {
    source::Entity::find_by_id(name.to_owned()).filter(source::Column::SellerId.eq(seller_id)).one(conn).await
}

/// A page of the seller's sources by name, beginning after `after`, and how many there are.
pub async fn list_for_seller(
    conn: &impl ConnectionTrait,
    seller_id: SellerId,
    after: Option<String>,
    offset: u64,
    limit: u64,
) -> Result<(Vec<source::Model>, u64), DbErr> {
    let all = source::Entity::find().filter(source::Column::SellerId.eq(seller_id));
    let total = all.clone().count(conn).await?;
    let page = match after {
        Some(after) => all.filter(source::Column::Name.gt(after)),
        None => all,
    };
    let rows = page.order_by_asc(source::Column::Name).offset(offset).limit(limit).all(conn).await?;
    Ok((rows, total))
}

/// How many sources the seller has.
pub async fn count_for_seller(conn: &impl ConnectionTrait, seller_id: SellerId) -> Result<u64, DbErr> {
    source::Entity::find().filter(source::Column::SellerId.eq(seller_id)).count(conn).await
}

/// What of a source can be changed.
#[derive(Clone, Debug, Default)]
pub struct SourceChange {
    pub enabled: Option<bool>,
    pub location: Option<String>,
    pub secret: Option<String>,
}

/// Changes one of the seller's sources.
pub async fn change(tx: &Tx, name: &str, seller_id: SellerId, change: SourceChange) -> Result<(), DbErr> {
    let mut update = source::Entity::update_many()
        .filter(source::Column::Name.eq(name))
        .filter(source::Column::SellerId.eq(seller_id));
    let SourceChange { enabled, location, secret } = change;
    if enabled.is_none() && location.is_none() && secret.is_none() {
        return Ok(());
    }
    if let Some(enabled) = enabled {
        update = update.col_expr(source::Column::Enabled, Expr::value(enabled));
    }
    if let Some(location) = location {
        update = update.col_expr(source::Column::Location, Expr::value(location));
    }
    if let Some(secret) = secret {
        update = update.col_expr(source::Column::Secret, Expr::value(secret));
    }
    update.exec(tx).await.map(|_| ())
}

/// Removes one of the seller's sources with its mapping and reports. False when there is none.
pub async fn remove(tx: &Tx, name: &str, seller_id: SellerId) -> Result<bool, DbErr> {
    let delete = source::Entity::delete_many()
        .filter(source::Column::Name.eq(name))
        .filter(source::Column::SellerId.eq(seller_id));
    Ok(delete.exec(tx).await?.rows_affected > 0)
}

/// What is known about a source's names.
pub async fn items(
    conn: &impl ConnectionTrait,
    source: &str,
    names: &[String],
) -> Result<HashMap<String, source_item::Model>, DbErr> {
    let mut found = HashMap::new();
    for some in names.chunks(BATCH) {
        let rows = source_item::Entity::find()
            .filter(source_item::Column::Source.eq(source))
            .filter(source_item::Column::ExternalSku.is_in(some.iter().map(String::as_str)))
            .all(conn)
            .await?;
        found.extend(rows.into_iter().map(|row| (row.external_sku.clone(), row)));
    }
    Ok(found)
}

/// The latest number that a source gave for SKUs, whatever it called them.
pub async fn newest(
    conn: &impl ConnectionTrait,
    source: &str,
    sku_ids: &[SkuId],
) -> Result<HashMap<SkuId, souk_kernel::Timestamp>, DbErr> {
    let mut newest = HashMap::new();
    for some in sku_ids.chunks(BATCH) {
        let rows = source_item::Entity::find()
            .filter(source_item::Column::Source.eq(source))
            .filter(source_item::Column::SkuId.is_in(some.iter().copied()))
            .filter(source_item::Column::AsOf.is_not_null())
            .all(conn)
            .await?;
        for row in rows {
            if let Some(as_of) = row.as_of {
                let latest = newest.entry(row.sku_id).or_insert(as_of);
                *latest = as_of.max(*latest);
            }
        }
    }
    Ok(newest)
}

/// Which of these sources have a name for a SKU.
pub async fn naming(conn: &impl ConnectionTrait, sources: &[String], sku_id: SkuId) -> Result<Vec<String>, DbErr> {
    source_item::Entity::find()
        .select_only()
        .column(source_item::Column::Source)
        .distinct()
        .filter(source_item::Column::SkuId.eq(sku_id))
        .filter(source_item::Column::Source.is_in(sources.iter().map(String::as_str)))
        .into_tuple()
        .all(conn)
        .await
}

/// A source's name for each of these SKUs, or for all that it names. Of several, the seller's own choice comes first.
pub async fn names_of(
    conn: &impl ConnectionTrait,
    source: &str,
    sku_ids: Option<&[SkuId]>,
) -> Result<HashMap<SkuId, String>, DbErr> {
    let mut rows = source_item::Entity::find().filter(source_item::Column::Source.eq(source));
    if let Some(sku_ids) = sku_ids {
        rows = rows.filter(source_item::Column::SkuId.is_in(sku_ids.iter().copied()));
    }
    let rows = rows
        .order_by_asc(source_item::Column::Pinned)
        .order_by_desc(source_item::Column::ExternalSku)
        .all(conn)
        .await?;
    Ok(rows.into_iter().map(|row| (row.sku_id, row.external_sku)).collect())
}

/// Stores what is known about names.
pub async fn put_items(tx: &Tx, rows: Vec<source_item::Model>) -> Result<(), DbErr> {
    use source_item::Column::{AsOf, ExternalSku, Pinned, SkuId, Source};
    let take_over = OnConflict::columns([Source, ExternalSku]).update_columns([SkuId, Pinned, AsOf]).to_owned();
    for some in batches(rows) {
        let insert = source_item::Entity::insert_many(some.into_iter().map(source_item::ActiveModel::from));
        insert.on_conflict(take_over.clone()).exec_without_returning(tx).await?;
    }
    Ok(())
}

/// Forgets names.
pub async fn remove_items(tx: &Tx, source: &str, names: &[String]) -> Result<(), DbErr> {
    for some in names.chunks(BATCH) {
        source_item::Entity::delete_many()
            .filter(source_item::Column::Source.eq(source))
            .filter(source_item::Column::ExternalSku.is_in(some.iter().map(String::as_str)))
            .exec(tx)
            .await?;
    }
    Ok(())
}

/// A page of the names that a source and the seller have given, and how many there are.
pub async fn mapping(
    conn: &impl ConnectionTrait,
    source: &str,
    after: Option<String>,
    offset: u64,
    limit: u64,
) -> Result<(Vec<source_item::Model>, u64), DbErr> {
    let all = source_item::Entity::find().filter(source_item::Column::Source.eq(source));
    let total = all.clone().count(conn).await?;
    let page = match after {
        Some(after) => all.filter(source_item::Column::ExternalSku.gt(after)),
        None => all,
    };
    let rows = page.order_by_asc(source_item::Column::ExternalSku).offset(offset).limit(limit).all(conn).await?;
    Ok((rows, total))
}

/// Stores a report under the source's next number and forgets those older than the last `keep`.
pub async fn add_report(tx: &Tx, report: source_report::Model, keep: i64) -> Result<(), DbErr> {
    let (source, number) = (report.source.clone(), report.number);
    source::Entity::update_many()
        .col_expr(source::Column::Reports, Expr::value(number))
        .filter(source::Column::Name.eq(source.as_str()))
        .exec(tx)
        .await?;
    source_report::Entity::insert(source_report::ActiveModel::from(report)).exec_without_returning(tx).await?;
    if number > keep {
        source_report::Entity::delete_many()
            .filter(source_report::Column::Source.eq(source.as_str()))
            .filter(source_report::Column::Number.lte(number - keep))
            .exec(tx)
            .await?;
    }
    Ok(())
}

/// A page of a source's reports, newest first, beginning before number `before`, and how many there are.
pub async fn reports(
    conn: &impl ConnectionTrait,
    source: &str,
    before: Option<i64>,
    offset: u64,
    limit: u64,
) -> Result<(Vec<source_report::Model>, u64), DbErr> {
    let all = source_report::Entity::find().filter(source_report::Column::Source.eq(source));
    let total = all.clone().count(conn).await?;
    let page = match before {
        Some(before) => all.filter(source_report::Column::Number.lt(before)),
        None => all,
    };
    let rows = page.order_by_desc(source_report::Column::Number).offset(offset).limit(limit).all(conn).await?;
    Ok((rows, total))
}
