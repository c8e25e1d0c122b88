//! What must hold over all payments, refunds and the ledger, and the facts that other services' rules are held against.
//!
//! Everything is read page by page, each page in one read transaction: on a live system a page is one moment.

mod ledger;
mod payments;
mod refunds;

use sea_orm::{ColumnTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use souk_kernel::{Currency, OrderId, PaymentId};
use souk_platform::{db::Database, verify::Rule};

use crate::{domain::payment::PaymentStatus, store::entities::payment};

/// Rows of a page.
const PAGE: u64 = 1000;
/// Offenders that a rule names; more are only counted.
const NAMED: usize = 100;

/// The rules of this service, each over all of its data.
pub async fn rules(db: &Database) -> Result<Vec<Rule>, DbErr> {
    let mut rules = vec![ledger::check(db).await?];
    rules.extend(payments::check(db).await?);
    rules.extend(refunds::check(db).await?);
    Ok(rules)
}

/// A payment, for rules across services.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PaymentFact {
    pub id: PaymentId,
    pub order_id: OrderId,
    pub attempt: i32,
    pub status: PaymentStatus,
    pub amount: i64,
    pub currency: Currency,
    /// What went back.
    pub refunded: i64,
    /// What is on its way back.
    pub refunding: i64,
}

/// The next payments after `after`, by id; fewer than `limit` on the last page.
pub async fn facts(db: &Database, after: Option<PaymentId>, limit: u64) -> Result<Vec<PaymentFact>, DbErr> {
    let mut rows = payment::Entity::find().order_by_asc(payment::Column::Id).limit(limit);
    if let Some(after) = after {
        rows = rows.filter(payment::Column::Id.gt(after));
    }
    Ok(rows.all(db.reader()).await?.iter().map(fact).collect())
}

/// The payments of an order, first attempt first.
pub async fn facts_of_order(db: &Database, order: OrderId) -> Result<Vec<PaymentFact>, DbErr> {
    Ok(crate::store::payments::of_order(db.reader(), order).await?.iter().map(fact).collect())
}

const fn fact(row: &payment::Model) -> PaymentFact {
    PaymentFact {
        id: row.id,
        order_id: row.order_id,
        attempt: row.attempt,
        status: row.status,
        amount: row.amount,
        currency: row.currency,
        refunded: row.refunded_amount,
        refunding: row.refunding_amount,
    }
}

/// A rule while it is being checked.
struct Checking {
    name: &'static str,
    checked: u64,
    offenders: Vec<String>,
    unnamed: u64,
}

impl Checking {
    const fn new(name: &'static str) -> Self {
        Self { name, checked: 0, offenders: Vec::new(), unnamed: 0 }
    }

    /// Looks at one row; `wrong` says what is wrong with it.
    fn look(&mut self, wrong: Option<String>) {
        self.checked += 1;
        match wrong {
            Some(wrong) if self.offenders.len() < NAMED => self.offenders.push(wrong),
            Some(_) => self.unnamed += 1,
            None => {}
        }
    }

    fn done(mut self) -> Rule {
        if self.unnamed > 0 {
            self.offenders.push(format!("and {} more", self.unnamed));
        }
        Rule::new(self.name, self.checked, self.offenders)
    }
}

/// Says what differs, if something does.
fn differs(what: &str, is: i64, should_be: i64) -> Option<String> {
    (is != should_be).then(|| format!("{what} {is} instead of {should_be}"))
}

/// The first thing that is wrong, with whose it is.
fn first_wrong(whose: impl std::fmt::Display, findings: impl IntoIterator<Item = Option<String>>) -> Option<String> {
    findings.into_iter().flatten().next().map(|wrong| format!("{whose}: {wrong}"))
}
