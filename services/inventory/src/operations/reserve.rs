use serde::{Deserialize, Serialize};
use souk_kernel::{OrderId, SkuId, Timestamp};
use souk_platform::{db::Tx, events::Event};

use crate::{
    app::App,
    domain::{Demand, Hold, HoldStatus, Refusal, Standing, Totals},
    error::Error,
    store::{
        holds,
        stock::{self, Cause},
    },
};

/// How a reservation ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// All lines are held.
    Held,
    /// None is, because of these.
    Short(Vec<Shortage>),
}

/// A SKU of which there isn't enough.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Shortage {
    pub sku_id: SkuId,
    pub requested: i64,
    pub available: i64,
}

/// A timer: the order's hold runs out now. Only for inventory itself.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct ReservationExpired {
    pub order_id: OrderId,
}

impl Event for ReservationExpired {
    const TYPE: &'static str = "inventory.reservation_expired";
    fn key(&self) -> String {
        self.order_id.to_string()
    }
}

/// Holds all lines for the order, until `expires_at`, or none. Harmless when the order holds or has taken them already.
pub async fn reserve(app: &App, order_id: OrderId, demand: Demand, expires_at: Timestamp) -> Result<Outcome, Error> {
    if let Some(shortages) = sold_out(app, order_id, &demand).await? {
        return Ok(Outcome::Short(shortages));
    }
    let work = move |tx: Tx| async move { hold(&tx, order_id, &demand, expires_at).await };
    let (outcome, changed) = app.db.guarded(work).await?;
    app.stock_moved(&changed);
    Ok(outcome)
}

/// Turns away, without the writer, who asks for what is sold out: in a rush these are most. Whoever this lets through is
/// judged again in the transaction.
async fn sold_out(app: &App, order_id: OrderId, demand: &Demand) -> Result<Option<Vec<Shortage>>, Error> {
    let sku_ids: Vec<SkuId> = demand.keys().copied().collect();
    let shown = app.levels.of(&app.db, &sku_ids).await?;
    if shortages(demand, &shown).is_empty() {
        return Ok(None);
    }
    // Memory may be late: what is refused here is refused by what is stored.
    let stored = stock::read(app.db.reader(), &sku_ids).await?;
    let stored: Vec<Totals> = stored.values().map(crate::domain::Stock::totals).collect();
    app.levels.remember(&stored);
    let shortages = shortages(demand, &stored);
    if shortages.is_empty() || Standing::of(&holds::of_order(app.db.reader(), order_id).await?) != Standing::Nothing {
        return Ok(None);
    }
    Ok(Some(shortages))
}

fn shortages(demand: &Demand, levels: &[Totals]) -> Vec<Shortage> {
    let available: std::collections::HashMap<SkuId, i64> =
        levels.iter().map(|level| (level.sku_id, level.available())).collect();
    demand
        .iter()
        .map(|(sku_id, requested)| {
            let available = available.get(sku_id).copied().unwrap_or_default();
            Shortage { sku_id: *sku_id, requested: *requested, available }
        })
        .filter(|line| line.requested > line.available)
        .collect()
}

async fn hold(
    tx: &Tx,
    order_id: OrderId,
    demand: &Demand,
    expires_at: Timestamp,
) -> Result<(Outcome, Vec<Totals>), Error> {
    // The stock is taken before the order's holds are read: a second call for the same order waits
    // here, or fails at the end: it would write the same numbers into the ledger.
    let mut stocks = stock::take(tx, demand.keys().copied()).await?;
    let held = holds::of_order(tx, order_id).await?;
    match Standing::of(&held) {
        Standing::Held => return again(tx, order_id, &held, demand, expires_at),
        Standing::Committed => return Ok((Outcome::Held, Vec::new())),
        Standing::Returned => return Err(Error::Returned),
        Standing::Nothing => {}
    }
    let (mut new, mut short) = (Vec::new(), Vec::new());
    for (sku_id, requested) in demand {
        let parts =
            stocks.get_mut(sku_id).map_or(Err(Refusal::Short { available: 0 }), |stock| stock.reserve(*requested));
        match parts {
            Ok(parts) => new.extend(
                parts.into_iter().map(|(location, units)| Hold::new(order_id, *sku_id, location, units, expires_at)),
            ),
            Err(Refusal::Short { available }) => {
                short.push(Shortage { sku_id: *sku_id, requested: *requested, available });
            }
            Err(refusal) => return Err(refusal.into()),
        }
    }
    if !short.is_empty() {
        return Ok((Outcome::Short(short), Vec::new()));
    }
    let changed = stock::save(tx, stocks.values(), &Cause::order(order_id));
    holds::put(tx, new);
    tx.publish_at(ReservationExpired { order_id }, expires_at);
    Ok((Outcome::Held, changed))
}

/// The order holds units already: the same ones stay held, perhaps for longer.
fn again(
    tx: &Tx,
    order_id: OrderId,
    held: &[Hold],
    demand: &Demand,
    expires_at: Timestamp,
) -> Result<(Outcome, Vec<Totals>), Error> {
    let mut sums = Demand::new();
    let active = || held.iter().filter(|hold| hold.status == HoldStatus::Active);
    for hold in active() {
        *sums.entry(hold.sku_id).or_default() += hold.quantity;
    }
    if sums != *demand {
        return Err(Error::OtherUnits);
    }
    if active().all(|hold| hold.expires_at < expires_at) {
        holds::extend(tx, order_id, expires_at);
        tx.publish_at(ReservationExpired { order_id }, expires_at);
    }
    Ok((Outcome::Held, Vec::new()))
}
