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
use souk_kernel::{ErrorKind, Problem, ProductId, SkuId};
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
    Sold(Receipt, BTreeMap<ProductId, i64>),
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
    note(app, Note::Sold(receipt, sold)).await
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
    let mut sales = Vec::new();
    for note in notes {
        match note {
            Note::Level(level) => {
                let newest = levels.entry(level.sku_id).or_insert(level);
                if newest.version < level.version {
                    *newest = level;
                }
            }
            Note::Sold(receipt, units) => sales.push((receipt, units)),
        }
    }
    let levels = documents::newer(tx, levels).await?;
    let mut sold: BTreeMap<ProductId, i64> = BTreeMap::new();
    for (receipt, units) in sales {
        if tx.accept(receipt).await? {
            for (id, units) in units {
                add(&mut sold, id, units);
            }
        }
    }
    let mut products: BTreeSet<ProductId> = sold.keys().copied().collect();
    // Products before levels, each in the order of their ids, as with one product.
    for (id, units) in sold {
        documents::add_popularity(tx, id, units);
    }
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
