//! `souk verify`: the invariants, held against the whole data set. Reads only, and works while the server runs.
//!
//! Every service checks what it can see by itself; here is what holds between services. On a live system two services are
//! never read at the same instant: an order that looks wrong is looked at again, and is not wrong while an event about it
//! is still on its way.

mod between;
mod transit;

use std::{collections::BTreeMap, fmt};

use sea_orm::DbErr;
use souk_platform::{db::Database, events::Backlog, verify::Rule};

use self::transit::Transit;
use crate::{config::Config, data_dir::DataDir, databases::Databases};

/// How long a due event may wait before it counts as forgotten.
const FORGOTTEN: chrono::TimeDelta = chrono::TimeDelta::minutes(10);
/// Offenders shown for each rule.
const SHOWN: usize = 20;

/// What was found.
#[derive(Clone, Debug)]
pub struct Report {
    /// The rules of each service, and those between services.
    pub rules: BTreeMap<&'static str, Vec<Rule>>,
    /// Events that were given up; they are kept, so nothing is lost, but somebody should look.
    pub dead_letters: u64,
    /// Events that are on their way at this moment.
    pub undelivered: u64,
}

impl Report {
    /// Whether every rule holds.
    pub fn is_clean(&self) -> bool {
        self.rules.values().flatten().all(Rule::holds)
    }
}

/// Checks everything.
pub async fn run(databases: &Databases, data: &DataDir, config: &Config) -> Result<Report, DbErr> {
    let mut rules: BTreeMap<&'static str, Vec<Rule>> = BTreeMap::new();
    let folder = data.search();
    let transit = Transit::open(config).await;
    let (identity, catalog, inventory, cart, orders, payments, notifications, search, between) = tokio::try_join!(
        souk_identity::verify::rules(databases.identity()),
        souk_catalog::verify::rules(databases.catalog()),
        souk_inventory::verify::rules(databases.inventory()),
        souk_cart::verify::rules(databases.cart()),
        souk_orders::verify::rules(databases.orders()),
        souk_payments::verify::rules(databases.payments()),
        souk_notifications::verify::rules(databases.notifications()),
        souk_search::verify::rules(databases.search(), &folder, &config.search),
        between::rules(databases, &transit),
    )?;
    rules.extend([
        ("identity", identity),
        ("catalog", catalog),
        ("inventory", inventory),
        ("cart", cart),
        ("orders", orders),
        ("payments", payments),
        ("notifications", notifications),
        ("search", search),
        ("between services", between),
    ]);
    let (mut dead_letters, mut undelivered, mut forgotten) = (0, 0, Vec::new());
    for db in databases.all() {
        let backlog = Backlog::of(db).await?;
        dead_letters += backlog.dead;
        undelivered += backlog.due;
        forgotten.extend(forgotten_since(db).await?);
    }
    let seen = undelivered + dead_letters;
    let mut events = vec![Rule::new("every event is delivered, or is a dead letter", seen, forgotten)];
    events.extend(transit.rule().await);
    rules.insert("events", events);
    Ok(Report { rules, dead_letters, undelivered })
}

async fn forgotten_since(db: &Database) -> Result<Option<String>, DbErr> {
    let oldest = Backlog::oldest_due(db).await?;
    // While no server runs nothing is delivered: the backlog of a stopped installation reads as forgotten too, which is
    // what an operator wants to hear.
    Ok(oldest
        .filter(|since| db.clock().now() - *since > FORGOTTEN)
        .map(|since| format!("{}: an event waits since {}", db.service(), since.to_rfc3339())))
}

impl fmt::Display for Report {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (service, rules) in &self.rules {
            for rule in rules {
                let verdict = if rule.holds() { "ok    " } else { "BROKEN" };
                writeln!(out, "{verdict} {service}: {} ({} checked)", rule.name, rule.checked)?;
                for offender in rule.offenders.iter().take(SHOWN) {
                    writeln!(out, "         {offender}")?;
                }
                if rule.offenders.len() > SHOWN {
                    writeln!(out, "         and {} more", rule.offenders.len() - SHOWN)?;
                }
            }
        }
        writeln!(out, "events on their way: {}, dead letters: {}", self.undelivered, self.dead_letters)?;
        writeln!(out, "{}", if self.is_clean() { "clean" } else { "NOT CLEAN" })
    }
}
