//! What must hold over all orders, whatever crashed or raced; and the facts that checks across services compare.

use sea_orm::{ColumnTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait};
use souk_kernel::{Currency, OrderId, PaymentId, SellerId, SellerOrderId, SkuId, Timestamp};
use souk_platform::{db::Database, verify::Rule};

use crate::{
    domain::{ReturnStatus, Step, returns::SoldLine},
    operations::payment_of,
    store::{self, Order, orders, returns},
};

pub use crate::domain::{Ending, OrderStatus, PartStatus, PaymentStatus};

/// Orders looked at in one go.
const PAGE: u64 = 500;
/// How long after its time an order may still wait for a timer or a job, in minutes.
const SLACK: i64 = 10;

/// One rule: its name, and what is wrong with an order, if anything.
type Check = (&'static str, fn(&Order, Timestamp) -> Option<String>);

const CHECKS: [Check; 5] = [
    ("an order's status follows from its ending, its payment and its parts", status_follows),
    ("the lines of an order add up to its parts, and the parts to the whole", parts_add_up),
    ("every status of an order is in its history", history_is_kept),
    ("no order is in limbo: it waits for a step, a timer or a person", is_not_in_limbo),
    ("no more units come back than were bought", returns_are_bounded),
];

/// Checks every order. Works while the service runs: an order that seems wrong is looked at again.
pub async fn rules(db: &Database) -> Result<Vec<Rule>, DbErr> {
    let mut rules: Vec<Rule> = CHECKS.iter().map(|(name, _)| Rule::new(name, 0, Vec::new())).collect();
    let mut after = None;
    loop {
        let page = page(db, after, PAGE).await?;
        let Some(last) = page.last() else { break };
        after = Some(last.row.id);
        let now = db.clock().now();
        for order in &page {
            let suspect = CHECKS.iter().any(|(_, check)| check(order, now).is_some());
            let settled = if suspect { settled(db, order.row.id).await? } else { None };
            let order = settled.as_ref().unwrap_or(order);
            for (rule, (_, check)) in rules.iter_mut().zip(CHECKS) {
                rule.checked += 1;
                rule.offenders.extend(check(order, now).map(|wrong| format!("{}: {wrong}", order.row.id)));
            }
        }
    }
    rules.push(returned_units(db).await?);
    Ok(rules)
}

async fn page(db: &Database, after: Option<OrderId>, limit: u64) -> Result<Vec<Order>, DbErr> {
    let rows = orders::Entity::find()
        .apply_if(after, |select, after| select.filter(orders::Column::Id.gt(after)))
        .order_by_asc(orders::Column::Id)
        .limit(limit)
        .all(db.reader())
        .await?;
    store::complete_all(db.reader(), rows).await
}

/// The order as it was between two changes, so that what was read together belongs together.
async fn settled(db: &Database, id: OrderId) -> Result<Option<Order>, DbErr> {
    for _ in 0..20 {
        let Some(row) = orders::find(db.reader(), id).await? else { return Ok(None) };
        let order = store::complete_with_history(db.reader(), row).await?;
        let again = orders::find(db.reader(), id).await?;
        if again.is_some_and(|again| again.version == order.row.version) {
            return Ok(Some(order));
        }
    }
    Ok(None)
}

fn status_follows(order: &Order, _: Timestamp) -> Option<String> {
    let (row, lifecycle) = (&order.row, order.lifecycle());
    let (status, fulfilment) = (lifecycle.status(), lifecycle.fulfilment());
    (row.status != status || row.fulfilment != fulfilment)
        .then(|| format!("is {:?}, {:?}; by its parts it is {status:?}, {fulfilment:?}", row.status, row.fulfilment))
}

fn parts_add_up(order: &Order, _: Timestamp) -> Option<String> {
    let row = &order.row;
    if row.total != row.subtotal - row.discount + row.shipping + row.tax {
        return Some("subtotal − discount + shipping + tax is not the total".to_owned());
    }
    let of_parts = |amount: fn(&store::parts::Model) -> i64| order.parts.iter().map(amount).sum::<i64>();
    let parts = [
        of_parts(|part| part.subtotal),
        of_parts(|part| part.discount),
        of_parts(|part| part.shipping),
        of_parts(|part| part.tax),
        of_parts(|part| part.total),
    ];
    let whole = [row.subtotal, row.discount, row.shipping, row.tax, row.total];
    if parts != whole {
        return Some(format!("parts {parts:?}, whole {whole:?}"));
    }
    order.parts.iter().find_map(|part| {
        let of_lines = |amount: fn(&store::lines::Model) -> i64| order.lines_of(part.id).map(amount).sum::<i64>();
        let lines = [
            of_lines(|line| line.line_total),
            of_lines(|line| line.discount),
            of_lines(|line| line.tax) + part.shipping_tax,
            of_lines(|line| line.commission),
        ];
        let wanted = [part.subtotal, part.discount, part.tax, part.commission];
        let priced = order.lines_of(part.id).all(|line| line.line_total == line.unit_price * line.quantity);
        (lines != wanted || !priced).then(|| format!("lines of {} {lines:?}, part {wanted:?}", part.id))
    })
}

fn history_is_kept(order: &Order, _: Timestamp) -> Option<String> {
    let last = |part| order.history.iter().rev().find(|entry| entry.seller_order_id == part);
    match last(None) {
        None => return Some("has no history".to_owned()),
        Some(entry) if entry.status != order.row.status.as_str() => {
            return Some(format!("its history ends with {}", entry.status));
        }
        Some(_) => {}
    }
    // A part follows its order until its seller ships it.
    order.parts.iter().find_map(|part| {
        let followed = matches!(part.status, PartStatus::Pending | PartStatus::Confirmed | PartStatus::Cancelled);
        let written = last(Some(part.id)).is_some_and(|entry| entry.status == part.status.as_str());
        (!followed && !written).then(|| format!("the history of {} does not end with {:?}", part.id, part.status))
    })
}

fn is_not_in_limbo(order: &Order, now: Timestamp) -> Option<String> {
    let row = &order.row;
    let late = now - chrono::TimeDelta::minutes(SLACK);
    match (row.status, row.step, row.expires_at) {
        (OrderStatus::Queued, Step::Freeze | Step::Price, _) => {
            // It is taken up again every few seconds, and given up after the time that units are held.
            (row.created_at < now - chrono::TimeDelta::days(1)).then(|| "is queued since yesterday".to_owned())
        }
        (OrderStatus::Queued, Step::Pay, Some(at))
        | (OrderStatus::PendingPayment | OrderStatus::PaymentFailed, Step::Wait, Some(at)) => {
            (at < late).then(|| format!("should have expired at {at}"))
        }
        (OrderStatus::Queued | OrderStatus::PendingPayment | OrderStatus::PaymentFailed, step, at) => {
            Some(format!("is {:?} at step {step:?}, with the timer {at:?}", row.status))
        }
        (_, Step::Done, None) => None,
        (status, step, at) => Some(format!("is {status:?}, but at step {step:?} with the timer {at:?}")),
    }
}

fn returns_are_bounded(order: &Order, _: Timestamp) -> Option<String> {
    order.lines.iter().find_map(|line| {
        let SoldLine { quantity, returned, .. } = line.sold();
        (!(0..=quantity).contains(&returned)).then(|| format!("{returned} of {quantity} of {} came back", line.sku_id))
    })
}

/// Returned units are those of approved returns.
async fn returned_units(db: &Database) -> Result<Rule, DbErr> {
    let mut rule = Rule::new("returned units are those of approved returns", 0, Vec::new());
    let mut after = None;
    loop {
        let page = returns::Entity::find()
            .filter(returns::Column::Status.eq(ReturnStatus::Approved))
            .apply_if(after, |select, after| select.filter(returns::Column::OrderId.gt(after)))
            .order_by_asc(returns::Column::OrderId)
            .limit(PAGE)
            .all(db.reader())
            .await?;
        let Some(last) = page.last() else { return Ok(rule) };
        let mut orders: Vec<OrderId> = page.iter().map(|row| row.order_id).collect();
        orders.dedup();
        // The last order of a page may have more returns on the next one, unless it is the only one.
        after = Some(last.order_id);
        for id in orders {
            rule.checked += 1;
            let approved = returns::of_order(db.reader(), id).await?;
            let lines = store::lines::of_order(db.reader(), id).await?;
            let items = approved.iter().filter(|row| row.status == ReturnStatus::Approved).flat_map(|row| &row.items.0);
            let (told, counted) =
                (items.map(|item| item.quantity).sum::<i64>(), lines.iter().map(|line| line.returned).sum::<i64>());
            if told != counted && settled(db, id).await?.is_some_and(|order| returned(&order) != told) {
                rule.offenders.push(format!("{id}: {counted} units counted, {told} approved"));
            }
        }
    }
}

fn returned(order: &Order) -> i64 {
    order.lines.iter().map(|line| line.returned).sum()
}

/// What other services' books are compared with.
#[derive(Clone, Debug)]
pub struct OrderFacts {
    pub order_id: OrderId,
    pub status: OrderStatus,
    pub ending: Option<Ending>,
    pub payment_status: Option<PaymentStatus>,
    pub total: i64,
    pub currency: Currency,
    /// The payment that counts.
    pub payment_id: Option<PaymentId>,
    /// Every payment that was opened for it, by attempt from 1.
    pub payments: Vec<PaymentId>,
    pub lines: Vec<LineFacts>,
    pub parts: Vec<PartFacts>,
}

/// Units of one SKU.
#[derive(Clone, Copy, Debug)]
pub struct LineFacts {
    pub sku_id: SkuId,
    pub quantity: i64,
    /// Units that came back by approved returns.
    pub returned: i64,
}

/// One seller's part.
#[derive(Clone, Copy, Debug)]
pub struct PartFacts {
    pub seller_order_id: SellerOrderId,
    pub seller_id: SellerId,
    pub status: PartStatus,
    pub total: i64,
    pub commission: i64,
}

/// Facts of up to `limit` orders, by id from after `after`; an empty page is the end.
pub async fn facts(db: &Database, after: Option<OrderId>, limit: u64) -> Result<Vec<OrderFacts>, DbErr> {
    Ok(page(db, after, limit).await?.iter().map(facts_of).collect())
}

/// The facts of one order, for a second look.
pub async fn facts_about(db: &Database, id: OrderId) -> Result<Option<OrderFacts>, DbErr> {
    Ok(settled(db, id).await?.as_ref().map(facts_of))
}

fn facts_of(order: &Order) -> OrderFacts {
    let row = &order.row;
    OrderFacts {
        order_id: row.id,
        status: row.status,
        ending: row.ending,
        payment_status: row.payment_status,
        total: row.total,
        currency: row.currency,
        payment_id: row.payment_id,
        payments: (1..=row.attempt).map(|attempt| payment_of(row.id, attempt)).collect(),
        lines: order
            .lines
            .iter()
            .map(|line| LineFacts { sku_id: line.sku_id, quantity: line.quantity, returned: line.returned })
            .collect(),
        parts: order
            .parts
            .iter()
            .map(|part| PartFacts {
                seller_order_id: part.id,
                seller_id: part.seller_id,
                status: part.status,
                total: part.total,
                commission: part.commission,
            })
            .collect(),
    }
}
