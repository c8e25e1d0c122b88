use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use serde::{Deserialize, Serialize};
use souk_contracts::catalog::FindSkusRequest;
use souk_kernel::{SkuId, Timestamp};
use souk_platform::db::Tx;

use crate::{
    app::App,
    domain::{
        MovementKind, Refusal, Stock, Totals,
        source::{self, Item, Match, Reason},
    },
    error::Error,
    store::{
        self, source_item, source_report, sources,
        stock::{self, Cause},
    },
};

/// What a source says, at once.
#[derive(Clone, Debug)]
pub struct Batch {
    /// Items that could be read, in their order.
    pub items: Vec<Item>,
    /// The moment for which the numbers are true.
    pub as_of: Timestamp,
    /// Lines that could not be read, as they stand there.
    pub unreadable: Vec<String>,
}

/// What became of an item.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ResultKind {
    /// The stock is that now.
    Applied,
    /// It was that already.
    Unchanged,
    /// It was not taken over; the reason says why.
    Refused,
}

/// One item and what became of it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ItemResult {
    /// The source's name for the SKU.
    pub sku: String,
    pub sku_id: Option<SkuId>,
    pub on_hand: Option<i64>,
    pub result: ResultKind,
    pub reason: Option<Reason>,
}

/// Takes over what a source says, every item by itself, and reports what became of each.
///
/// A long file is several batches with a report each: no one of them holds up the orders that wait for the writer.
pub async fn sync(app: &App, source: store::source::Model, batch: Batch) -> Result<Vec<ItemResult>, Error> {
    if !source.enabled {
        return Err(Error::SourceDisabled);
    }
    let Batch { items, as_of, mut unreadable } = batch;
    let names = Arc::new(resolve(app, &source, &items).await?);
    let keep = i64::from(app.config.reports_kept);
    let (mut results, mut seen) = (Vec::with_capacity(items.len() + unreadable.len()), HashSet::new());
    let mut items = items.into_iter().peekable();
    loop {
        let some = items.by_ref().take(store::BATCH).collect();
        let part = Batch { items: some, as_of, unreadable: std::mem::take(&mut unreadable) };
        let (source, names, named_before) = (source.clone(), Arc::clone(&names), seen.clone());
        let work = move |tx: Tx| async move { run(&tx, &source, part, &names, named_before, keep).await };
        let (of_part, changed) = app.db.guarded(work).await?;
        app.stock_was_set(&changed).await;
        seen.extend(of_part.iter().filter_map(|item| item.sku_id));
        results.extend(of_part);
        if items.peek().is_none() {
            return Ok(results);
        }
    }
}

/// A name's SKU, and whether the seller said so.
type Names = HashMap<String, (SkuId, bool)>;

/// Our SKUs for the source's names: as the seller mapped them, else our own ids, else the seller's SKU codes.
async fn resolve(app: &App, source: &store::source::Model, items: &[Item]) -> Result<Names, Error> {
    let names: Vec<String> = items.iter().map(|item| item.sku.clone()).collect::<HashSet<_>>().into_iter().collect();
    let pinned = sources::items(app.db.reader(), &source.name, &names).await?;
    let (mut found, mut codes) = (Names::with_capacity(names.len()), Vec::new());
    for name in names {
        match (pinned.get(&name).filter(|item| item.pinned), name.parse::<SkuId>()) {
            (Some(item), _) => drop(found.insert(name, (item.sku_id, true))),
            (None, Ok(sku_id)) => drop(found.insert(name, (sku_id, false))),
            (None, Err(_)) => codes.push(name),
        }
    }
    for some in codes.chunks(store::BATCH) {
        let request = FindSkusRequest { seller_id: source.seller_id.to_string(), codes: some.to_vec() };
        for sku in app.catalog.clone().find_skus(request).await?.into_inner().skus {
            if let Ok(sku_id) = sku.sku_id.parse() {
                found.insert(sku.code, (sku_id, false));
            }
        }
    }
    Ok(found)
}

async fn run(
    tx: &Tx,
    source: &store::source::Model,
    batch: Batch,
    names: &Names,
    mut seen: HashSet<SkuId>,
    keep: i64,
) -> Result<(Vec<ItemResult>, Vec<Totals>), Error> {
    // Read again: another batch may have given the next report its number, and the source may be gone.
    let source = sources::find_for_seller(tx, &source.name, source.seller_id).await?.ok_or(Error::UnknownSource)?;
    let found = batch.items.iter().filter_map(|item| names.get(&item.sku));
    let sku_ids: Vec<SkuId> = found.map(|(sku_id, _)| *sku_id).collect();
    let mut stocks = stock::lock(tx, sku_ids.iter().copied()).await?;
    stocks.retain(|_, stock| stock.seller_id() == source.seller_id);
    let newest = sources::newest(tx, &source.name, &sku_ids).await?;

    let (mut results, mut known) = (Vec::with_capacity(batch.items.len()), Vec::new());
    for item in batch.items {
        let (sku_id, pinned) = names.get(&item.sku).copied().unzip();
        let sku_id = sku_id.filter(|sku_id| stocks.contains_key(sku_id));
        let found = sku_id.map(|sku_id| Match { sku_id, as_of: newest.get(&sku_id).copied() });
        let verdict = source::judge(&item, found, batch.as_of, &mut seen).and_then(|sku_id| {
            let stock = stocks.get_mut(&sku_id).ok_or(Reason::UnknownSku)?;
            take_over(stock, &source.location, item.on_hand)
        });
        let (result, reason) = match verdict {
            Ok(kind) => (kind, None),
            Err(reason) => (ResultKind::Refused, Some(reason)),
        };
        if let (Some(sku_id), None) = (sku_id, reason) {
            known.push(source_item::Model {
                source: source.name.clone(),
                external_sku: item.sku.clone(),
                sku_id,
                pinned: pinned.unwrap_or_default(),
                as_of: Some(batch.as_of),
            });
        }
        results.push(ItemResult { sku: item.sku, sku_id, on_hand: Some(item.on_hand), result, reason });
    }
    results.extend(batch.unreadable.into_iter().map(|line| ItemResult {
        sku: line,
        sku_id: None,
        on_hand: None,
        result: ResultKind::Refused,
        reason: Some(Reason::Unreadable),
    }));

    let cause =
        Cause { reference: Some(source.name.clone()), actor: format!("source:{}", source.name), ..Cause::default() };
    let changed = stock::save(tx, stocks.values(), &cause);
    sources::put_items(tx, known).await?;
    sources::add_report(tx, report_of(&source, &results, tx.now()), keep).await?;
    Ok((results, changed))
}

fn take_over(stock: &mut Stock, location: &str, on_hand: i64) -> Result<ResultKind, Reason> {
    let before = stock.version();
    match stock.set_on_hand(Some(location), on_hand, MovementKind::Synced) {
        Ok(()) if stock.version() == before => Ok(ResultKind::Unchanged),
        Ok(()) => Ok(ResultKind::Applied),
        Err(Refusal::BelowReserved { .. }) => Err(Reason::BelowReserved),
        Err(Refusal::TooMany | Refusal::Short { .. } | Refusal::NotHeld) => Err(Reason::TooManyLocations),
    }
}

/// What is told of a batch that failed as a whole.
pub(super) fn failed_report(source: &store::source::Model, error: String, at: Timestamp) -> source_report::Model {
    source_report::Model { error: Some(error), ..report_of(source, &[], at) }
}

fn report_of(source: &store::source::Model, results: &[ItemResult], at: Timestamp) -> source_report::Model {
    let count = |kind| {
        let of_kind = results.iter().filter(|result| result.result == kind).count();
        i64::try_from(of_kind).expect("a batch has a few thousand items")
    };
    let refused: Vec<&ItemResult> = results.iter().filter(|result| result.result == ResultKind::Refused).collect();
    source_report::Model {
        source: source.name.clone(),
        number: source.reports + 1,
        at,
        applied: count(ResultKind::Applied),
        unchanged: count(ResultKind::Unchanged),
        refused: count(ResultKind::Refused),
        refusals: serde_json::to_value(refused).expect("results are plain data, which always encodes"),
        error: None,
    }
}
