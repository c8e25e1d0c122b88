//! What every order changes: how many are left, how many were sold.
//!
//! Each order brings several such changes, and a transaction on a server costs more than what is in it: those that come close
//! together are written together.

use std::{
    collections::{BTreeMap, BTreeSet},
    mem,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use souk_contracts::events::OrderSnapshot;
use souk_kernel::{ErrorKind, EventId, Problem, ProductId, SkuId};
use souk_platform::{db::Tx, events::Receipt};
use tokio::sync::oneshot;

use crate::{
    app::{App, AppState},
    error::Error,
    store::{
        changes,
        documents::{self, Level},
    },
};

/// How long a change waits for others, besides those that come while one is being written.
const GATHER: Duration = Duration::from_millis(10);
/// How often it waits so long, unless [enough](Notes::are_enough) have come.
const GATHERINGS: u32 = 4;
/// Changes that are written together.
const TOGETHER: usize = 200;
/// So many are enough: those who bring them have few hands.
const ENOUGH: usize = 32;

/// What is to be noted.
#[derive(Clone, Debug)]
enum Note {
    /// Units of a SKU that can be bought. Levels are numbered, and an older one changes nothing: it may be repeated and
    /// reordered.
    Level(Level),
    /// Units that were sold.
    Sold(EventId, BTreeMap<ProductId, i64>),
}

impl Note {
    fn sku(&self) -> Option<SkuId> {
        match self {
            Self::Level(level) => Some(level.sku_id),
            Self::Sold(..) => None,
        }
    }
}

/// Who waits for what was noted.
type Waiting = oneshot::Sender<Result<(), Problem>>;

/// What waits for others.
#[derive(Default)]
pub struct Notes {
    /// Nothing when nobody writes.
    waiting: Mutex<Option<Vec<(Note, Waiting)>>>,
}

impl Notes {
    /// Adds one; whether somebody is needed who writes.
    fn add(&self, note: Note, waiting: Waiting) -> bool {
        let mut all = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let nobody_writes = all.is_none();
        all.get_or_insert_default().push((note, waiting));
        nobody_writes
    }

    /// Whether it makes no sense to wait for more: there are many, or one of the SKUs that change `again_and_again` has.
    fn are_enough(&self, again_and_again: &BTreeSet<SkuId>) -> bool {
        let all = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(all) = &*all else { return false };
        all.len() >= ENOUGH || all.iter().any(|(note, _)| note.sku().is_some_and(|sku| again_and_again.contains(&sku)))
    }

    /// What is to be written next; nobody writes any more when there is nothing.
    fn next(&self) -> Vec<(Note, Waiting)> {
        let mut all = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(waiting) = all.as_mut().filter(|waiting| !waiting.is_empty()) else {
            *all = None;
            return Vec::new();
        };
        let rest = waiting.split_off(waiting.len().min(TOGETHER));
        mem::replace(waiting, rest)
    }
}

/// Notes a level.
///
/// The index looks at the product at once when it ran out or came back. Other numbers are only shown, and go in with the next
/// change that wakes it.
pub async fn apply_level(app: &AppState, level: Level) -> Result<(), Error> {
    note(app, Note::Level(level)).await
}

/// Counts the units of a paid order.
pub async fn note_sales(app: &AppState, receipt: Receipt, order: &OrderSnapshot) -> Result<(), Error> {
    let mut sold: BTreeMap<ProductId, i64> = BTreeMap::new();
    for line in order.seller_orders.iter().flat_map(|part| &part.lines) {
        add(&mut sold, line.product_id, line.quantity);
    }
    note(app, Note::Sold(receipt.event_id, sold)).await
}

fn add(sums: &mut BTreeMap<ProductId, i64>, id: ProductId, units: i64) {
    let sum = sums.entry(id).or_default();
    *sum = sum.saturating_add(units);
}

/// Waits until it is written.
async fn note(app: &AppState, note: Note) -> Result<(), Error> {
    let (answer, answered) = oneshot::channel();
    if app.notes.add(note, answer) {
        // Not by the caller: when one is given up, the others still want theirs.
        tokio::spawn(write(Arc::clone(app)));
    }
    // Nobody answers when the process is going away.
    Ok(answered.await.unwrap_or_else(|_| Err(Problem::internal()))?)
}

/// Writes what waits, and answers those who wait, until nothing does.
async fn write(app: AppState) {
    // Changes of a SKU come one after the other, each when the one before is written. Two are what every order brings.
    let (mut written, mut again_and_again) = (BTreeSet::new(), BTreeSet::new());
    loop {
        for _ in 0..GATHERINGS {
            tokio::time::sleep(GATHER).await;
            if app.notes.are_enough(&again_and_again) {
                break;
            }
        }
        let (notes, waiting): (Vec<_>, Vec<_>) = app.notes.next().into_iter().unzip();
        if notes.is_empty() {
            return;
        }
        let now: BTreeSet<SkuId> = notes.iter().filter_map(Note::sku).collect();
        again_and_again = &now & &written;
        written = now;
        let result = record(&app, notes.clone()).await;
        if notes.len() > 1 && result.as_ref().is_err_and(|problem| problem.kind != ErrorKind::Unavailable) {
            // What can't be written must not keep the others from it.
            for (note, to) in notes.into_iter().zip(waiting).filter(|(_, to)| !to.is_closed()) {
                let _ = to.send(record(&app, vec![note]).await);
            }
            continue;
        }
        for to in waiting {
            // Whoever does not wait any more was given up, and comes again.
            let _ = to.send(result.clone());
        }
    }
}

async fn record(app: &App, notes: Vec<Note>) -> Result<(), Problem> {
    let turned = app.db.guarded(move |tx| async move { record_in(&tx, notes).await }).await?;
    if turned {
        app.changed.notify_one();
    }
    Ok(())
}

/// Writes them in one transaction; whether a product ran out or came back.
async fn record_in(tx: &Tx, notes: Vec<Note>) -> Result<bool, Error> {
    let mut levels: BTreeMap<SkuId, Level> = BTreeMap::new();
    let mut sales = BTreeMap::new();
    for note in notes {
        match note {
            Note::Level(level) => {
                let newest = levels.entry(level.sku_id).or_insert(level);
                if newest.version < level.version {
                    *newest = level;
                }
            }
            Note::Sold(event, units) => {
                sales.insert(event, units);
            }
        }
    }
    let levels = documents::newer(tx, levels).await?;
    let first = tx.accept_all(crate::NAME, sales.keys().copied().collect()).await?;
    let mut sold: BTreeMap<ProductId, i64> = BTreeMap::new();
    for (_, units) in sales.into_iter().filter(|(event, _)| first.contains(event)) {
        for (id, units) in units {
            add(&mut sold, id, units);
        }
    }
    let mut products: BTreeSet<ProductId> = sold.keys().copied().collect();
    // Products before levels, as with one product.
    documents::add_popularity(tx, &sold);
    let unknown = levels.iter().filter(|(_, known)| known.as_ref().is_none_or(|known| known.product_id.is_none()));
    let unknown: Vec<SkuId> = unknown.map(|(level, _)| level.sku_id).collect();
    let changes = documents::set_levels(tx, levels);
    products.extend(changes.iter().map(|change| change.product_id));
    // Their product may have come since, and looked at the level of before: from here on it waits for this transaction.
    let come = documents::known_levels(tx, &unknown).await?;
    let come = || come.iter().filter_map(|level| level.product_id);
    products.extend(come());
    changes::note(tx, products).await?;
    Ok(changes.iter().any(|change| change.turned) || come().next().is_some())
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use souk_kernel::Clock;
    use souk_platform::db::Database;

    use super::*;
    use crate::store::{Migrator, documents::Document};

    /// More than one statement takes.
    const PRODUCTS: usize = 120;

    fn sold(event: EventId, units: &[(ProductId, i64)]) -> Note {
        Note::Sold(event, units.iter().copied().collect())
    }

    #[tokio::test]
    async fn what_came_together_is_written_as_if_one_came_after_the_other() {
        let folder = tempfile::tempdir().unwrap();
        let url = souk_platform::db::testing::url(folder.path(), crate::NAME).await;
        let db = Database::open::<Migrator>(crate::NAME, &url, Clock::system()).await.unwrap();
        let products: Vec<(ProductId, SkuId)> = (0..PRODUCTS).map(|_| (ProductId::new(), SkuId::new())).collect();
        let stored = products.clone();
        db.guarded(move |tx| async move {
            for (id, sku_id) in stored {
                let snapshot = "{}".to_owned();
                let (rating_sum, rating_count, popularity) = (0, 0, 0);
                let new = Document { id, version: 1, public: true, snapshot, rating_sum, rating_count, popularity };
                assert!(documents::put(&tx, new, &[Level { sku_id, available: 0, version: 5 }]).await?);
            }
            Ok::<_, sea_orm::DbErr>(())
        })
        .await
        .unwrap();
        let record = async |notes: Vec<Note>| {
            db.guarded(move |tx| async move { record_in(&tx, notes).await }).await.map_err(|error| error.to_string())
        };
        let (unknown, event) = (SkuId::new(), EventId::new());
        let mut notes: Vec<Note> = Vec::new();
        for (number, (product, sku_id)) in (0..).zip(&products) {
            // Every other level is an old one.
            notes.push(Note::Level(Level { sku_id: *sku_id, available: number + 1, version: 4 + 2 * (number % 2) }));
            notes.push(sold(EventId::new(), &[(*product, number), (products[0].0, 1)]));
        }
        notes.push(Note::Level(Level { sku_id: products[1].1, available: 70, version: 8 }));
        notes.push(Note::Level(Level { sku_id: products[1].1, available: 60, version: 7 }));
        notes.push(Note::Level(Level { sku_id: unknown, available: 3, version: 1 }));
        notes.push(sold(event, &[(products[2].0, 1000)]));
        assert!(record(notes).await.unwrap(), "some came back");
        let again = vec![sold(event, &[(products[2].0, 1000)]), sold(EventId::new(), &[(products[3].0, 500)])];
        assert!(!record(again).await.unwrap());

        let (ids, mut skus): (Vec<_>, Vec<_>) = products.iter().copied().unzip();
        skus.push(unknown);
        let found = documents::find(db.reader(), &ids).await.unwrap();
        let found: HashMap<_, _> = found.into_iter().map(|found| (found.id, found.popularity)).collect();
        let levels = documents::known_levels(db.reader(), &skus).await.unwrap();
        let levels: HashMap<_, _> = levels
            .into_iter()
            .map(|level| (level.sku_id, (level.available, level.version, level.product_id)))
            .collect();
        for (number, (product, sku)) in (0..).zip(&products) {
            let more = match number {
                0 => i64::try_from(PRODUCTS).unwrap(),
                2 => 1000,
                3 => 500,
                _ => 0,
            };
            assert_eq!(found[product], number + more, "{number}");
            let (available, version) = match number {
                1 => (70, 8),
                _ if number % 2 == 0 => (0, 5),
                _ => (number + 1, 6),
            };
            assert_eq!(levels[sku], (available, version, Some(*product)), "{number}");
        }
        assert_eq!(levels[&unknown], (3, 1, None));
    }
}
