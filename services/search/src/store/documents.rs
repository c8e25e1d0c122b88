//! Products and the levels of their SKUs.

use std::collections::{BTreeMap, HashMap};

use sea_orm::{
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, IntoActiveModel, PaginatorTrait, QueryFilter, QueryOrder,
    QuerySelect,
    sea_query::{CaseStatement, Condition, Expr, ExprTrait, OnConflict},
};
use souk_contracts::events::ProductSnapshot;
use souk_kernel::{ProductId, SkuId};
use souk_platform::db::{Reader, Tx};

use super::entities::{document, level};
pub use super::entities::{document::Model as Document, level::Model as KnownLevel};

/// Ids in one `IN (…)`, rows in one `INSERT`.
const ROWS: usize = 200;
/// Rows that one `UPDATE` gives different values: its text names them all.
const CASES: usize = 64;

/// A level of a SKU.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Level {
    pub sku_id: SkuId,
    pub available: i64,
    pub version: i64,
}

/// A document of a snapshot; counts that only events know are none.
pub fn document(snapshot: &ProductSnapshot) -> serde_json::Result<Document> {
    Ok(Document {
        id: snapshot.product_id,
        version: snapshot.version,
        public: is_public(&snapshot.status),
        snapshot: serde_json::to_string(snapshot)?,
        rating_sum: 0,
        rating_count: 0,
        popularity: 0,
    })
}

/// Whether buyers may find products of this status.
pub fn is_public(status: &str) -> bool {
    status == "active"
}

/// Stores what catalog announced, unless something newer is known; whether it was stored. Counts stay.
pub async fn put(tx: &Tx, document: Document, levels: &[Level]) -> Result<bool, DbErr> {
    let id = document.id;
    let newer = document::Entity::update_many()
        .col_expr(document::Column::Version, Expr::value(document.version))
        .col_expr(document::Column::Public, Expr::value(document.public))
        .col_expr(document::Column::Snapshot, Expr::value(document.snapshot.as_str()))
        .filter(document::Column::Id.eq(id))
        .filter(document::Column::Version.lte(document.version));
    // Of a first version nothing is known, so it is usually stored in one go.
    let is_first = document.version == 1;
    let is_new = is_first && insert(tx, document.clone()).await?;
    let is_stored = is_new || newer.exec(tx).await?.rows_affected > 0;
    if !is_stored && (is_first || !insert(tx, document).await?) {
        return Ok(false);
    }
    let of_product: Vec<(Level, ProductId)> = levels.iter().map(|level| (*level, id)).collect();
    insert_levels(tx, &of_product, level::Column::ProductId);
    if !is_new {
        raise_levels(tx, levels);
    }
    Ok(true)
}

/// Whether it was not there yet.
async fn insert(connection: &impl ConnectionTrait, document: Document) -> Result<bool, DbErr> {
    let nothing = OnConflict::column(document::Column::Id).do_nothing().to_owned();
    let insert = document::Entity::insert(document.into_active_model()).on_conflict(nothing);
    match insert.exec_without_returning(connection).await {
        Ok(rows) => Ok(rows > 0),
        Err(DbErr::RecordNotInserted) => Ok(false),
        Err(error) => Err(error),
    }
}

fn insert_levels(tx: &Tx, levels: &[(Level, ProductId)], on_conflict: level::Column) {
    for levels in levels.chunks(ROWS) {
        let rows = levels.iter().map(|(level, product)| {
            let Level { sku_id, available, version } = *level;
            level::Model { sku_id, product_id: Some(*product), available, version }.into_active_model()
        });
        let conflict = OnConflict::column(level::Column::SkuId).update_column(on_conflict).to_owned();
        tx.defer(&level::Entity::insert_many(rows).on_conflict(conflict));
    }
}

/// The product is gone, unless something newer is known.
pub async fn hide(connection: &impl ConnectionTrait, id: ProductId, version: i64) -> Result<bool, DbErr> {
    let hidden = document::Entity::update_many()
        .col_expr(document::Column::Public, Expr::value(false))
        .col_expr(document::Column::Version, Expr::value(version))
        .filter(document::Column::Id.eq(id))
        .filter(document::Column::Version.lte(version));
    Ok(hidden.exec(connection).await?.rows_affected > 0)
}

/// Replaces whole pages as catalog lists them; products of which something newer is known stay.
pub async fn replace(tx: &Tx, documents: Vec<Document>, levels: &[(Level, ProductId)]) -> Result<(), DbErr> {
    let ids: Vec<ProductId> = documents.iter().map(|document| document.id).collect();
    let known = versions(tx, &ids).await?;
    let fresh = |document: &Document| known.get(&document.id).is_none_or(|known| *known <= document.version);
    let mut rows = documents.into_iter().filter(fresh).map(IntoActiveModel::into_active_model).peekable();
    while rows.peek().is_some() {
        let columns = [
            document::Column::Version,
            document::Column::Public,
            document::Column::Snapshot,
            document::Column::RatingSum,
            document::Column::RatingCount,
            document::Column::Popularity,
        ];
        let conflict = OnConflict::column(document::Column::Id).update_columns(columns).to_owned();
        let rows: Vec<_> = rows.by_ref().take(ROWS).collect();
        document::Entity::insert_many(rows).on_conflict(conflict).exec_without_returning(tx).await?;
    }
    let skus: Vec<SkuId> = levels.iter().map(|(level, _)| level.sku_id).collect();
    let known = known_levels(tx, &skus).await?;
    let known: HashMap<SkuId, KnownLevel> = known.into_iter().map(|level| (level.sku_id, level)).collect();
    let (mut fresh, mut newer) = (Vec::new(), Vec::new());
    for (level, product) in levels {
        match known.get(&level.sku_id) {
            Some(known) if known.version >= level.version && known.product_id.is_some() => {}
            Some(known) if known.version < level.version => {
                newer.push(*level);
                fresh.push((*level, *product));
            }
            _ => fresh.push((*level, *product)),
        }
    }
    raise_levels(tx, &newer);
    insert_levels(tx, &fresh, level::Column::ProductId);
    Ok(())
}

async fn versions(connection: &impl ConnectionTrait, ids: &[ProductId]) -> Result<HashMap<ProductId, i64>, DbErr> {
    let mut found = HashMap::with_capacity(ids.len());
    for ids in ids.chunks(ROWS) {
        let find = document::Entity::find().select_only().columns([document::Column::Id, document::Column::Version]);
        let rows: Vec<(ProductId, i64)> =
            find.filter(document::Column::Id.is_in(ids.iter().copied())).into_tuple().all(connection).await?;
        found.extend(rows);
    }
    Ok(found)
}

/// The documents between two ids.
pub async fn between(
    connection: &impl ConnectionTrait,
    after: Option<ProductId>,
    last: ProductId,
) -> Result<Vec<Document>, DbErr> {
    let mut find = document::Entity::find();
    if let Some(after) = after {
        find = find.filter(document::Column::Id.gt(after));
    }
    find.filter(document::Column::Id.lte(last)).all(connection).await
}

/// What a new level changed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LevelChange {
    pub product_id: ProductId,
    /// Whether it ran out, or came back.
    pub turned: bool,
}

/// Of these levels those that are newer than what is known, with what is known.
pub async fn newer(
    connection: &impl ConnectionTrait,
    levels: BTreeMap<SkuId, Level>,
) -> Result<Vec<(Level, Option<KnownLevel>)>, DbErr> {
    let skus: Vec<SkuId> = levels.keys().copied().collect();
    let known = known_levels(connection, &skus).await?;
    let mut known: HashMap<SkuId, KnownLevel> = known.into_iter().map(|level| (level.sku_id, level)).collect();
    let pairs = levels.into_values().map(|level| (level, known.remove(&level.sku_id)));
    Ok(pairs.filter(|(level, known)| known.as_ref().is_none_or(|known| known.version < level.version)).collect())
}

/// Notes levels that are [newer]. One that is older by now changes nothing, so this may be repeated and reordered. Levels of SKUs
/// whose product is not known yet change no product.
pub fn set_levels(tx: &Tx, levels: Vec<(Level, Option<KnownLevel>)>) -> Vec<LevelChange> {
    let (mut changes, mut newer_levels) = (Vec::new(), Vec::new());
    for (new, known) in levels {
        if let Some(known) = known {
            newer_levels.push(new);
            let turned = (known.available > 0) != (new.available > 0);
            changes.extend(known.product_id.map(|product_id| LevelChange { product_id, turned }));
        } else {
            let Level { sku_id, available, version } = new;
            let row = level::Model { sku_id, product_id: None, available, version };
            tx.defer(&level::Entity::insert(row.into_active_model()));
        }
    }
    raise_levels(tx, &newer_levels);
    changes
}

/// Sets levels that are known already where these are newer, each of another SKU, in one statement for many.
fn raise_levels(tx: &Tx, levels: &[Level]) {
    for some in levels.chunks(CASES) {
        let (mut available, mut version) = (CaseStatement::new(), CaseStatement::new());
        let mut older = Condition::any();
        for level in padded(some) {
            let this = || level::Column::SkuId.eq(level.sku_id);
            available = available.case(this(), level.available);
            version = version.case(this(), level.version);
            older = older.add(this().and(level::Column::Version.lt(level.version)));
        }
        let change = level::Entity::update_many()
            .col_expr(level::Column::Available, available.finally(Expr::col(level::Column::Available)).into())
            .col_expr(level::Column::Version, version.finally(Expr::col(level::Column::Version)).into())
            .filter(older);
        tx.defer(&change);
    }
}

/// As many as the next power of two, the last one again and again: so there are few texts, which databases know by heart.
fn padded<T: Copy>(some: &[T]) -> impl Iterator<Item = T> {
    let missing = some.len().next_power_of_two() - some.len();
    some.iter().copied().chain(some.last().copied().into_iter().cycle().take(missing))
}

/// Notes a product's stars.
pub fn set_rating(tx: &Tx, id: ProductId, sum: i64, count: i64) {
    let change = document::Entity::update_many()
        .col_expr(document::Column::RatingSum, Expr::value(sum))
        .col_expr(document::Column::RatingCount, Expr::value(count))
        .filter(document::Column::Id.eq(id));
    tx.defer(&change);
}

/// Adds units that were sold.
pub fn add_popularity(tx: &Tx, sold: &BTreeMap<ProductId, i64>) {
    let sold: Vec<(ProductId, i64)> = sold.iter().map(|(id, units)| (*id, *units)).collect();
    for some in sold.chunks(CASES) {
        let units =
            padded(some).fold(CaseStatement::new(), |units, (id, sold)| units.case(document::Column::Id.eq(id), sold));
        let change = document::Entity::update_many()
            .col_expr(document::Column::Popularity, Expr::col(document::Column::Popularity).add(units.finally(0_i64)))
            .filter(document::Column::Id.is_in(padded(some).map(|(id, _)| id)));
        tx.defer(&change);
    }
}

/// These documents; unknown ones are left out.
pub async fn find(connection: &Reader, ids: &[ProductId]) -> Result<Vec<Document>, DbErr> {
    let mut found = Vec::with_capacity(ids.len());
    for ids in ids.chunks(ROWS) {
        found.extend(
            document::Entity::find().filter(document::Column::Id.is_in(ids.iter().copied())).all(connection).await?,
        );
    }
    Ok(found)
}

/// The next documents by id, for what walks over all of them.
pub async fn next(connection: &Reader, after: Option<ProductId>, limit: u64) -> Result<Vec<Document>, DbErr> {
    let mut find = document::Entity::find();
    if let Some(after) = after {
        find = find.filter(document::Column::Id.gt(after));
    }
    find.order_by_asc(document::Column::Id).limit(limit).all(connection).await
}

/// Documents that buyers may find.
pub async fn count_public(connection: &Reader) -> Result<u64, DbErr> {
    document::Entity::find().filter(document::Column::Public.eq(true)).count(connection).await
}

/// Documents in all.
pub async fn count(connection: &Reader) -> Result<u64, DbErr> {
    document::Entity::find().count(connection).await
}

/// Units that can be bought of these SKUs; unknown ones are left out.
pub async fn levels(connection: &Reader, skus: &[SkuId]) -> Result<HashMap<SkuId, i64>, DbErr> {
    let known = known_levels(connection, skus).await?;
    Ok(known.into_iter().map(|level| (level.sku_id, level.available)).collect())
}

/// What is known of the levels of these SKUs.
pub async fn known_levels(connection: &impl ConnectionTrait, skus: &[SkuId]) -> Result<Vec<KnownLevel>, DbErr> {
    let mut found = Vec::with_capacity(skus.len());
    for skus in skus.chunks(ROWS) {
        let find = level::Entity::find().filter(level::Column::SkuId.is_in(skus.iter().copied()));
        found.extend(find.all(connection).await?);
    }
    Ok(found)
}

/// Ids, versions, and whether buyers may find them, of the next documents by id.
pub async fn standings(
    connection: &Reader,
    after: Option<ProductId>,
    limit: u64,
) -> Result<Vec<(ProductId, i64, bool)>, DbErr> {
    let columns = [document::Column::Id, document::Column::Version, document::Column::Public];
    let mut find = document::Entity::find().select_only().columns(columns);
    if let Some(after) = after {
        find = find.filter(document::Column::Id.gt(after));
    }
    find.order_by_asc(document::Column::Id).limit(limit).into_tuple().all(connection).await
}

/// The same of one document.
pub async fn standing(connection: &Reader, id: ProductId) -> Result<Option<(ProductId, i64, bool)>, DbErr> {
    let columns = [document::Column::Id, document::Column::Version, document::Column::Public];
    let find = document::Entity::find_by_id(id).select_only().columns(columns);
    find.into_tuple().one(connection).await
}
