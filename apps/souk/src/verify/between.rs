//! What must hold between services.

mod carts;
mod search;

use std::{
    collections::{BTreeMap, HashSet},
    time::Duration,
};

use sea_orm::DbErr;
use souk_catalog::verify::StockFact;
use souk_inventory::verify::{OrderUnits, SkuLevel};
use souk_kernel::{OrderId, SkuId};
use souk_orders::verify::{OrderFacts, OrderStatus};
use souk_payments::{PaymentStatus, verify::PaymentFact};
use souk_platform::{events::Backlog, verify::Rule};

use super::transit::Transit;
use crate::databases::Databases;

const PAGE: u64 = 500;
/// Looks at an order that seems wrong, and the pause between them.
const LOOKS: usize = 8;
const PAUSE: Duration = Duration::from_millis(250);

/// One order as the three services see it.
struct Seen {
    order: OrderFacts,
    payments: Vec<PaymentFact>,
    units: Vec<OrderUnits>,
}

type Check = (&'static str, fn(&Seen) -> Option<String>);

const CHECKS: [Check; 3] = [
    ("a confirmed order is paid once, in full", paid_once),
    ("a paid order is confirmed or refunded", paid_is_confirmed_or_refunded),
    ("an order's units are where its status says", units_follow),
];

/// All rules between services.
pub async fn rules(databases: &Databases, transit: &Transit) -> Result<Vec<Rule>, DbErr> {
    let mut rules: Vec<Rule> = CHECKS.iter().map(|(name, _)| Rule::new(name, 0, Vec::new())).collect();
    let mut known: HashSet<OrderId> = HashSet::new();
    let mut after = None;
    loop {
        let page = souk_orders::verify::facts(databases.orders(), after, PAGE).await?;
        let Some(last) = page.last() else { break };
        after = Some(last.order_id);
        for order in page {
            known.insert(order.order_id);
            let seen = look(databases, order).await?;
            let seen = settled(databases, transit, seen).await?;
            for (rule, (_, check)) in rules.iter_mut().zip(CHECKS) {
                rule.checked += 1;
                rule.offenders.extend(check(&seen).map(|wrong| format!("{}: {wrong}", seen.order.order_id)));
            }
        }
    }
    rules.push(payments_belong(databases, &known).await?);
    rules.push(units_belong(databases, &known).await?);
    rules.push(stock_is_shown(databases, transit).await?);
    rules.push(carts::wait_for_live_orders(databases, transit).await?);
    rules.push(search::products_are_known(databases, transit).await?);
    Ok(rules)
}

async fn look(databases: &Databases, order: OrderFacts) -> Result<Seen, DbErr> {
    let payments = souk_payments::verify::facts_of_order(databases.payments(), order.order_id).await?;
    let units = souk_inventory::verify::units_of(databases.inventory(), order.order_id).await?;
    Ok(Seen { order, payments, units })
}

fn is_suspect(seen: &Seen) -> bool {
    CHECKS.iter().any(|(_, check)| check(seen).is_some())
}

/// Looks again at what seems wrong until it is right, or stays wrong although nothing about it is under way.
async fn settled(databases: &Databases, transit: &Transit, mut seen: Seen) -> Result<Seen, DbErr> {
    let late = is_suspect(&seen) && transit.is_late(&["orders", "payments", "inventory"]).await;
    for _ in 0..LOOKS {
        if !is_suspect(&seen) {
            return Ok(seen);
        }
        tokio::time::sleep(PAUSE).await;
        match souk_orders::verify::facts_about(databases.orders(), seen.order.order_id).await? {
            Some(order) => seen = look(databases, order).await?,
            None => return Ok(seen),
        }
    }
    let mut subjects = vec![seen.order.order_id.to_string()];
    subjects.extend(seen.payments.iter().map(|payment| payment.id.to_string()));
    for db in [databases.orders(), databases.payments(), databases.inventory()] {
        if late || Backlog::concerns(db, &subjects).await? {
            // Its event is written and will be delivered: unfinished, not wrong.
            seen.payments.clear();
            seen.units.clear();
            seen.order.status = OrderStatus::Queued;
        }
    }
    Ok(seen)
}

fn is_paid(payment: &PaymentFact) -> bool {
    matches!(payment.status, PaymentStatus::Completed | PaymentStatus::PartiallyRefunded | PaymentStatus::Refunded)
}

/// What it holds for us, less what is on its way back.
fn held(payment: &PaymentFact) -> i64 {
    payment.amount - payment.refunded - payment.refunding
}

fn is_confirmed(order: &OrderFacts) -> bool {
    matches!(order.status, OrderStatus::Confirmed | OrderStatus::Completed)
}

fn paid_once(seen: &Seen) -> Option<String> {
    if !is_confirmed(&seen.order) {
        return None;
    }
    let Some(payment) = seen.payments.iter().find(|payment| Some(payment.id) == seen.order.payment_id) else {
        // What costs nothing needs none.
        return (seen.order.total > 0).then(|| "no payment stands behind it".to_owned());
    };
    if !is_paid(payment) {
        return Some(format!("its payment {} is {:?}", payment.id, payment.status));
    }
    if (payment.amount, payment.currency) != (seen.order.total, seen.order.currency) {
        return Some(format!("its total is {}, paid were {}", seen.order.total, payment.amount));
    }
    let twice = seen.payments.iter().find(|other| other.id != payment.id && is_paid(other) && held(other) > 0);
    twice.map(|other| format!("{} was paid as well and is not refunded", other.id))
}

fn paid_is_confirmed_or_refunded(seen: &Seen) -> Option<String> {
    if is_confirmed(&seen.order) {
        return None;
    }
    let kept = seen.payments.iter().find(|payment| is_paid(payment) && held(payment) > 0)?;
    Some(format!("is {:?}, but {} holds {}", seen.order.status, kept.id, held(kept)))
}

fn units_follow(seen: &Seen) -> Option<String> {
    let mut wanted: BTreeMap<SkuId, i64> = BTreeMap::new();
    for line in &seen.order.lines {
        *wanted.entry(line.sku_id).or_default() += line.quantity;
    }
    let sum = |wanted: &[&str]| {
        let mut units: BTreeMap<SkuId, i64> = BTreeMap::new();
        for row in seen.units.iter().filter(|row| wanted.contains(&row.status)) {
            *units.entry(row.sku_id).or_default() += row.quantity;
        }
        units
    };
    match seen.order.status {
        OrderStatus::Confirmed | OrderStatus::Completed => {
            (sum(&["committed", "restocked"]) != wanted).then(|| "its units have not left the shelf".to_owned())
        }
        OrderStatus::PendingPayment => (sum(&["active"]) != wanted).then(|| "its units are not held".to_owned()),
        OrderStatus::Rejected | OrderStatus::Expired | OrderStatus::Cancelled | OrderStatus::Refunded => {
            let kept: i64 = seen
                .units
                .iter()
                .map(|row| match row.status {
                    "active" => row.quantity,
                    "committed" => row.quantity - row.restocked,
                    _ => 0,
                })
                .sum();
            (kept > 0).then(|| format!("is {:?}, but {kept} of its units are not back", seen.order.status))
        }
        _ => None,
    }
}

async fn payments_belong(databases: &Databases, known: &HashSet<OrderId>) -> Result<Rule, DbErr> {
    let (mut checked, mut offenders, mut after) = (0, Vec::new(), None);
    loop {
        let page = souk_payments::verify::facts(databases.payments(), after, PAGE).await?;
        let Some(last) = page.last() else { break };
        after = Some(last.id);
        for payment in page {
            checked += 1;
            if !known.contains(&payment.order_id) && !is_new(databases, payment.order_id).await? {
                offenders.push(format!("{}: its order {} does not exist", payment.id, payment.order_id));
            }
        }
    }
    Ok(Rule::new("every payment belongs to an order", checked, offenders))
}

async fn units_belong(databases: &Databases, known: &HashSet<OrderId>) -> Result<Rule, DbErr> {
    let (mut checked, mut offenders, mut after) = (0, Vec::new(), None::<OrderUnits>);
    loop {
        let page = souk_inventory::verify::order_units(databases.inventory(), after.as_ref(), PAGE).await?;
        let Some(last) = page.last() else { break };
        after = Some(last.clone());
        for row in page {
            checked += 1;
            if !known.contains(&row.order_id) && !is_new(databases, row.order_id).await? {
                offenders.push(format!(
                    "{}: {} units for the order {} that does not exist",
                    row.sku_id, row.quantity, row.order_id
                ));
            }
        }
    }
    Ok(Rule::new("every held or sold unit belongs to an order", checked, offenders))
}

/// Whether the order came while we were looking.
async fn is_new(databases: &Databases, order_id: OrderId) -> Result<bool, DbErr> {
    Ok(souk_orders::verify::facts_about(databases.orders(), order_id).await?.is_some())
}

/// A SKU of which the catalogue shows another number than inventory has.
struct Misshown {
    shown: StockFact,
    level: Option<SkuLevel>,
}

impl Misshown {
    fn describe(&self) -> String {
        let StockFact { sku_id, available, version, .. } = self.shown;
        match self.level {
            Some(level) => format!(
                "{sku_id}: shows {available} available at version {version}, inventory has {} at {}",
                level.available, level.version
            ),
            None => format!("{sku_id}: shows {available} available, inventory does not know it"),
        }
    }
}

async fn stock_is_shown(databases: &Databases, transit: &Transit) -> Result<Rule, DbErr> {
    let (mut checked, mut offenders, mut after) = (0, Vec::new(), None);
    loop {
        let page = souk_catalog::verify::stock(databases.catalog(), after, PAGE).await?;
        let Some(last) = page.last() else { break };
        after = Some(last.sku_id);
        checked += page.len() as u64;
        let suspects = misshown(databases, page).await?;
        offenders.extend(still_misshown(databases, transit, suspects).await?.iter().map(Misshown::describe));
    }
    Ok(Rule::new("catalog shows what inventory has", checked, offenders))
}

/// Versions are not compared: a change that leaves the same number available is not told to the catalogue.
async fn misshown(databases: &Databases, facts: Vec<StockFact>) -> Result<Vec<Misshown>, DbErr> {
    let sku_ids: Vec<SkuId> = facts.iter().map(|shown| shown.sku_id).collect();
    let levels = souk_inventory::verify::levels_of(databases.inventory(), &sku_ids).await?;
    let pairs = facts.into_iter().map(|shown| Misshown { shown, level: levels.get(&shown.sku_id).copied() });
    Ok(pairs.filter(|pair| pair.level.is_none_or(|level| level.available != pair.shown.available)).collect())
}

/// Looks again until they are right. What stays wrong counts when the change is not on its way any more and did not
/// arrive since the last look either.
async fn still_misshown(
    databases: &Databases,
    transit: &Transit,
    mut suspects: Vec<Misshown>,
) -> Result<Vec<Misshown>, DbErr> {
    let late = !suspects.is_empty() && transit.is_late(&["catalog"]).await;
    for _ in 0..LOOKS {
        if suspects.is_empty() {
            return Ok(suspects);
        }
        tokio::time::sleep(PAUSE).await;
        let facts = shown_now(databases, &suspects).await?;
        suspects = misshown(databases, facts).await?;
    }
    if late {
        return Ok(Vec::new());
    }
    let mut stuck = Vec::with_capacity(suspects.len());
    for suspect in suspects {
        let subject = [suspect.shown.sku_id.to_string()];
        let under_way = Backlog::concerns(databases.inventory(), &subject).await?
            || Backlog::concerns(databases.catalog(), &subject).await?;
        if !under_way {
            stuck.push(suspect);
        }
    }
    let facts = shown_now(databases, &stuck).await?;
    stuck.retain(|suspect| facts.contains(&suspect.shown));
    Ok(stuck)
}

async fn shown_now(databases: &Databases, suspects: &[Misshown]) -> Result<Vec<StockFact>, DbErr> {
    let sku_ids: Vec<SkuId> = suspects.iter().map(|suspect| suspect.shown.sku_id).collect();
    souk_catalog::verify::stock_of(databases.catalog(), &sku_ids).await
}
