//! What the operator sees afterwards, held against what the buyers were told.

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use serde::{Deserialize, de::DeserializeOwned};
use tokio::time::{Instant, sleep};

use crate::{call::Call, chaos::buyers::Purchase, client::Connection, error::Error, report::Report, session::Session};

#[derive(Deserialize)]
struct OrderRow {
    id: String,
    status: String,
    email: Option<String>,
}

#[derive(Deserialize)]
struct PaymentRow {
    order_id: String,
    status: String,
}

struct Books {
    orders: HashMap<String, OrderRow>,
    /// Orders with a payment that the provider completed.
    paid: HashSet<String>,
    /// Payments completed twice for one order, and not refunded.
    paid_twice: u64,
}

/// Waits until no order of this run is in limbo, then writes down what must hold.
pub async fn settle(
    report: &mut Report,
    (connection, admin): (&mut Connection, &Session),
    run: &str,
    purchases: &[Purchase],
    deadline: Instant,
) -> Result<(), Error> {
    let began = Instant::now();
    let books = loop {
        let books = Books::read(connection, admin, run).await?;
        if books.in_limbo().is_empty() || Instant::now() >= deadline {
            break books;
        }
        sleep(Duration::from_millis(500)).await;
    };
    report.fact("settled after the last purchase", &format!("{:.1} s", began.elapsed().as_secs_f64()));
    let mut statuses: HashMap<&str, u64> = HashMap::new();
    for order in books.orders.values() {
        *statuses.entry(&order.status).or_default() += 1;
    }
    let mut statuses: Vec<_> = statuses.into_iter().collect();
    statuses.sort_unstable();
    for (status, count) in statuses {
        report.fact(format!("orders {status}"), &count);
    }

    let limbo = books.in_limbo();
    for id in limbo.iter().take(20) {
        report.fact("in limbo", &format!("{id} {}", books.orders[*id].status));
    }
    report.equal("orders in limbo (queued, or paid but open)", &0, &limbo.len());
    let lost = purchases.iter().filter(|purchase| !books.orders.contains_key(&purchase.order_id)).count();
    report.equal("acknowledged orders that are gone", &0, &lost);
    let forgotten = purchases.iter().filter(|purchase| purchase.paid && !books.kept(&purchase.order_id)).count();
    report.equal("paid orders neither confirmed nor refunded", &0, &forgotten);
    let withdrawn =
        purchases.iter().filter(|purchase| purchase.seen_confirmed && !books.confirmed(&purchase.order_id)).count();
    report.equal("orders seen confirmed that no longer are", &0, &withdrawn);
    let acknowledged: HashSet<&str> = purchases.iter().map(|purchase| purchase.order_id.as_str()).collect();
    report.equal("orders answered to two purchases", &0, &(purchases.len() - acknowledged.len()));
    report.equal("purchases with two orders", &0, &books.doubles());
    report.equal("orders paid twice", &0, &books.paid_twice);
    Ok(())
}

impl Books {
    async fn read(connection: &mut Connection, admin: &Session, run: &str) -> Result<Self, Error> {
        let orders: Vec<OrderRow> = list(connection, admin, "/api/v1/admin/orders").await?;
        let ours = format!("@{run}.chaos.example");
        let orders: HashMap<String, OrderRow> = orders
            .into_iter()
            .filter(|order| order.email.as_ref().is_some_and(|email| email.ends_with(&ours)))
            .map(|order| (order.id.clone(), order))
            .collect();
        let payments: Vec<PaymentRow> = list(connection, admin, "/api/v1/admin/payments").await?;
        let mut paid = HashSet::new();
        let mut paid_twice = 0;
        for payment in payments.into_iter().filter(|payment| orders.contains_key(&payment.order_id)) {
            if payment.status == "completed" && !paid.insert(payment.order_id) {
                paid_twice += 1;
            }
        }
        Ok(Self { orders, paid, paid_twice })
    }

    /// Orders that should have moved on: still queued, or paid without being confirmed or given up with a refund.
    fn in_limbo(&self) -> Vec<&str> {
        let stuck = |order: &&OrderRow| {
            order.status == "queued" || (self.paid.contains(&order.id) && !kept_status(&order.status))
        };
        self.orders.values().filter(stuck).map(|order| order.id.as_str()).collect()
    }

    fn kept(&self, id: &str) -> bool {
        self.orders.get(id).is_some_and(|order| kept_status(&order.status))
    }

    fn confirmed(&self, id: &str) -> bool {
        self.orders.get(id).is_some_and(|order| order.status == "confirmed")
    }

    /// Orders beyond the first of the same purchase: each purchase has an address of its own. One that was rejected never came to
    /// be: its buyer was told so, and may have tried again.
    fn doubles(&self) -> usize {
        let made = || self.orders.values().filter(|order| order.status != "rejected");
        let addresses: HashSet<&str> = made().filter_map(|order| order.email.as_deref()).collect();
        made().count() - addresses.len()
    }
}

/// What may become of an order that was paid.
fn kept_status(status: &str) -> bool {
    matches!(status, "confirmed" | "completed" | "refunded")
}

/// Every row of one of the operator's lists.
async fn list<T: DeserializeOwned>(connection: &mut Connection, admin: &Session, path: &str) -> Result<Vec<T>, Error> {
    let mut rows = Vec::new();
    let mut cursor = String::new();
    loop {
        let call = Call::get(format!("{path}?limit=100{cursor}"));
        let page = admin.send(connection, call).await?.page("read the operator's lists")?;
        rows.extend(page.rows);
        match page.next_cursor {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return Ok(rows),
        }
    }
}
