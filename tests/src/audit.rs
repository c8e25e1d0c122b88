//! What must hold when a test ends.

use std::time::{Duration, Instant};

use sea_orm::{FromQueryResult, JsonValue, Statement};
use souk::Databases;
use souk_platform::{db::Database, events::DeadLetters};

use crate::Market;

/// Fails when an event was refused, when another number of deliveries than `expected` was given up, or when an invariant
/// does not hold.
pub async fn passes(market: &Market, expected: usize) {
    let databases = market.databases();
    // A delivery that failed waits for its next try without being due; it gets the time for a few.
    let give_up = Instant::now() + RETRIES;
    loop {
        let left = undelivered(databases).await;
        if left.is_empty() {
            break;
        }
        assert!(Instant::now() < give_up, "events that nobody took: {left:#?}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let mut dead = Vec::new();
    for db in databases.all() {
        let page = DeadLetters(db).list(&souk_kernel::PageQuery::default()).await.expect("dead letters can be read");
        dead.extend(page.items);
    }
    assert_eq!(dead.len(), expected, "dead letters: {dead:#?}");
    let report = market.verify().await;
    assert!(report.is_clean(), "{report}");
}

const RETRIES: Duration = Duration::from_mins(1);

/// Events that were refused at least once or are due, over all services.
pub async fn undelivered(databases: &Databases) -> Vec<String> {
    let mut all = Vec::new();
    for db in databases.all() {
        all.extend(undelivered_of(db).await);
    }
    all
}

async fn undelivered_of(db: &Database) -> Vec<String> {
    let now = db.clock().now().timestamp_micros();
    let sql = format!("SELECT kind, subject, attempts, error FROM outbox WHERE pending IS NOT NULL OR due_at <= {now}");
    let query = Statement::from_string(db.reader().get_database_backend(), sql);
    let rows = JsonValue::find_by_statement(query).all(db.reader()).await.expect("the outbox can be read");
    rows.into_iter().map(|row| format!("{}: {row}", db.service())).collect()
}
