//! Stock rows and, written with them, their ledger.

use std::collections::{BTreeMap, BTreeSet};

use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{ExprTrait, OnConflict},
};
use souk_contracts::events::StockChanged;
use souk_kernel::{OrderId, SellerId, SkuId, Timestamp};
use souk_platform::db::Tx;

use super::{BATCH, stock_event, stock_level};
use crate::domain::{Level, Place, Stock, Totals};

/// Why stock changes: written beside every entry of the ledger.
#[derive(Clone, Debug, Default)]
pub struct Cause {
    pub order_id: Option<OrderId>,
    pub reference: Option<String>,
    pub reason: Option<String>,
    pub actor: String,
}

impl Cause {
    /// The marketplace itself, for an order.
    pub fn order(order_id: OrderId) -> Self {
        Self { order_id: Some(order_id), actor: "system".to_owned(), ..Self::default() }
    }

    /// Says why, in words.
    pub fn because(self, reason: impl Into<String>) -> Self {
        Self { reason: Some(reason.into()), ..self }
    }
}

/// The stock of SKUs for who will [save] it, or nothing: [locked](lock) unless that fails anyway, by the ledger's key, if somebody
/// was faster.
pub async fn take(tx: &Tx, sku_ids: impl IntoIterator<Item = SkuId>) -> Result<BTreeMap<SkuId, Stock>, DbErr> {
    if tx.need_not_lock() {
        return read(tx, &in_order(sku_ids)).await;
    }
    lock(tx, sku_ids).await
}

/// Locks the stock of SKUs until the transaction ends, always in the same order. Unknown SKUs are left out.
pub async fn lock(tx: &Tx, sku_ids: impl IntoIterator<Item = SkuId>) -> Result<BTreeMap<SkuId, Stock>, DbErr> {
    let sku_ids = in_order(sku_ids);
    let mut found = BTreeMap::new();
    for some in sku_ids.chunks(BATCH) {
        let rows = stock_level::Entity::find()
            .filter(stock_level::Column::SkuId.is_in(some.iter().copied()))
            .order_by_asc(stock_level::Column::SkuId)
            .order_by_asc(stock_level::Column::Location)
            .lock_exclusive()
            .all(tx)
            .await?;
        fold(&mut found, rows);
    }
    Ok(found)
}

fn in_order(sku_ids: impl IntoIterator<Item = SkuId>) -> Vec<SkuId> {
    sku_ids.into_iter().collect::<BTreeSet<_>>().into_iter().collect()
}

/// The stock of SKUs as it is; unknown SKUs are left out.
pub async fn read(conn: &impl ConnectionTrait, sku_ids: &[SkuId]) -> Result<BTreeMap<SkuId, Stock>, DbErr> {
    let mut found = BTreeMap::new();
    for some in sku_ids.chunks(BATCH) {
        let rows = stock_level::Entity::find().filter(stock_level::Column::SkuId.is_in(some.iter().copied()));
        fold(&mut found, rows.all(conn).await?);
    }
    Ok(found)
}

/// One of the seller's SKUs, and when it last changed.
pub async fn find_for_seller(
    conn: &impl ConnectionTrait,
    sku_id: SkuId,
    seller_id: SellerId,
) -> Result<Option<(Stock, Timestamp)>, DbErr> {
    let rows = stock_level::Entity::find()
        .filter(stock_level::Column::SkuId.eq(sku_id))
        .filter(stock_level::Column::SellerId.eq(seller_id))
        .all(conn)
        .await?;
    let changed_at = rows.iter().map(|row| row.updated_at).max();
    let mut found = BTreeMap::new();
    fold(&mut found, rows);
    Ok(found.remove(&sku_id).zip(changed_at))
}

/// Which of a seller's stock rows are wanted.
#[derive(Clone, Copy, Debug)]
pub struct Wanted {
    pub seller_id: SellerId,
    /// Only rows with at most so many units available.
    pub available_max: Option<i64>,
}

/// A page of a seller's stock rows by SKU and location, beginning after `after`.
pub async fn list_for_seller(
    conn: &impl ConnectionTrait,
    wanted: Wanted,
    after: Option<(SkuId, String)>,
    offset: u64,
    limit: u64,
) -> Result<Vec<stock_level::Model>, DbErr> {
    use stock_level::Column::{Location, SkuId};
    let mut query = stock_level::Entity::find().filter(condition(wanted));
    if let Some((sku_id, location)) = after {
        let later_location = Condition::all().add(SkuId.eq(sku_id)).add(Location.gt(location));
        query = query.filter(Condition::any().add(SkuId.gt(sku_id)).add(later_location));
    }
    query.order_by_asc(SkuId).order_by_asc(Location).offset(offset).limit(limit).all(conn).await
}

/// How many rows [`list_for_seller`] has in all.
pub async fn count_for_seller(conn: &impl ConnectionTrait, wanted: Wanted) -> Result<u64, DbErr> {
    stock_level::Entity::find().filter(condition(wanted)).count(conn).await
}

fn condition(wanted: Wanted) -> Condition {
    use stock_level::Column::{OnHand, Reserved, SellerId};
    let few = |most: i64| OnHand.into_expr().sub(Reserved.into_expr()).lte(most);
    Condition::all().add(SellerId.eq(wanted.seller_id)).add_option(wanted.available_max.map(few))
}

/// Stores what happened to the stocks: folded state and ledger, and `stock.changed` where buyers see another number.
/// Gives the new totals of all that changed. Two statements, however many rows.
pub fn save<'a>(tx: &Tx, stocks: impl IntoIterator<Item = &'a Stock>, cause: &Cause) -> Vec<Totals> {
    let (mut levels, mut entries, mut changed) = (Vec::new(), Vec::new(), Vec::new());
    for stock in stocks.into_iter().filter(|stock| !stock.entries().is_empty()) {
        levels.extend(stock.changed().map(|place| row_of(stock, place, tx.now())));
        entries.extend(entries_of(stock, cause, tx.now()));
        let totals = stock.totals();
        if stock.availability_changed() {
            tx.publish(event_of(totals));
        }
        changed.push(totals);
    }
    upsert_levels(tx, levels);
    append(tx, entries);
    changed
}

/// Stores the first state of new SKUs. Nothing is announced: whoever opens a SKU knows what it put there.
pub fn open(tx: &Tx, stocks: &[Stock], cause: &Cause) {
    let levels = stocks.iter().flat_map(|stock| stock.places().iter().map(|place| row_of(stock, place, tx.now())));
    upsert_levels(tx, levels.collect());
    append(tx, stocks.iter().flat_map(|stock| entries_of(stock, cause, tx.now())).collect());
}

/// Sets a row to what its ledger says.
pub fn repair(tx: &Tx, stock: &Stock, folded: &Place, changed_at: Timestamp) {
    upsert_levels(tx, vec![row_of(stock, folded, changed_at)]);
}

fn upsert_levels(tx: &Tx, mut rows: Vec<stock_level::Model>) {
    use stock_level::Column::{Location, OnHand, Reserved, SkuId, UpdatedAt, Version};
    // As they are locked.
    rows.sort_by(|one, other| (one.sku_id, &one.location).cmp(&(other.sku_id, &other.location)));
    let take_over =
        OnConflict::columns([SkuId, Location]).update_columns([OnHand, Reserved, Version, UpdatedAt]).to_owned();
    for some in batches(rows) {
        let insert = stock_level::Entity::insert_many(some.into_iter().map(stock_level::ActiveModel::from));
        tx.defer(&insert.on_conflict(take_over.clone()));
    }
}

/// The ledger's key is the SKU and the number of the change: had somebody changed the same state meanwhile, this fails.
fn append(tx: &Tx, entries: Vec<stock_event::Model>) {
    for some in batches(entries) {
        tx.defer(&stock_event::Entity::insert_many(some.into_iter().map(stock_event::ActiveModel::from)));
    }
}

pub(super) fn batches<T>(rows: Vec<T>) -> impl Iterator<Item = Vec<T>> {
    let mut rest = rows.into_iter();
    std::iter::from_fn(move || {
        let some: Vec<T> = rest.by_ref().take(BATCH).collect();
        (!some.is_empty()).then_some(some)
    })
}

fn fold(found: &mut BTreeMap<SkuId, Stock>, rows: Vec<stock_level::Model>) {
    for row in rows {
        let level = Level { on_hand: row.on_hand, reserved: row.reserved };
        let place = Place { location: row.location, level, version: row.version };
        found.entry(row.sku_id).or_insert_with(|| Stock::new(row.sku_id, row.seller_id)).load(place);
    }
}

fn row_of(stock: &Stock, place: &Place, now: Timestamp) -> stock_level::Model {
    stock_level::Model {
        sku_id: stock.sku_id(),
        location: place.location.clone(),
        seller_id: stock.seller_id(),
        on_hand: place.level.on_hand,
        reserved: place.level.reserved,
        version: place.version,
        updated_at: now,
    }
}

fn entries_of<'a>(stock: &'a Stock, cause: &'a Cause, at: Timestamp) -> impl Iterator<Item = stock_event::Model> + 'a {
    stock.entries().iter().map(move |entry| {
        let (on_hand_delta, reserved_delta) = entry.movement.deltas();
        stock_event::Model {
            sku_id: stock.sku_id(),
            version: entry.version,
            location: entry.location.clone(),
            kind: entry.movement.kind,
            on_hand_delta,
            reserved_delta,
            order_id: cause.order_id,
            reference: cause.reference.clone(),
            reason: cause.reason.clone(),
            actor: cause.actor.clone(),
            at,
        }
    })
}

fn event_of(totals: Totals) -> StockChanged {
    StockChanged {
        sku_id: totals.sku_id,
        seller_id: totals.seller_id,
        on_hand: totals.on_hand,
        reserved: totals.reserved,
        available: totals.available(),
        version: totals.version,
    }
}
