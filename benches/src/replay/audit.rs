//! The books afterwards: what the marketplace says, held against what the file adds up to.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use serde::Deserialize;
use tokio::time::{Instant, sleep};

use crate::{
    call::Call,
    client::{Connection, Target},
    drive::{Budget, Worker, drive},
    error::Error,
    market::level,
    options::Options,
    replay::{SPARE, plan::Plan, pounds, rows::Sums, shop::Shop, trade::Trade},
    report::Report,
    session::Session,
};

/// Refunds end when the provider says so.
const REFUNDS_SETTLE: Duration = Duration::from_mins(1);

pub struct Books {
    pub plan: Arc<Plan>,
    pub sums: Sums,
    pub shop: Arc<Shop>,
    pub admin: Arc<Session>,
    pub trade: Trade,
}

#[derive(Deserialize)]
struct OrderRow {
    totals: Totals,
    seller_orders: Vec<SellerOrder>,
}

#[derive(Deserialize)]
struct Totals {
    subtotal: i64,
    total: i64,
    tax: i64,
}

#[derive(Deserialize)]
struct SellerOrder {
    items: Vec<Item>,
}

#[derive(Deserialize)]
struct Item {
    #[serde(default)]
    commission: i64,
}

#[derive(Deserialize)]
struct PaymentRow {
    amount: i64,
    refunded_amount: i64,
}

#[derive(Deserialize)]
struct Balance {
    pending: i64,
    available: i64,
    paid_out: i64,
}

/// What the marketplace's answers add up to.
#[derive(Default)]
struct Found {
    orders: u64,
    subtotal: i64,
    total: i64,
    paid: i64,
    refunded: i64,
    /// Commission and tax, less what refunds gave back of them pro rata.
    kept: i64,
    off_price: u64,
}

pub async fn run(options: &Options, target: &Target, report: &mut Report, books: Books) -> Result<(), Error> {
    let books = Arc::new(books);
    let found = Arc::new(Mutex::new(Found::default()));
    let orders = (options.connections.into(), Arc::new(Budget::count(books.plan.orders.len() as u64)));
    let read = |worker| read_orders(worker, books.clone(), found.clone());
    drive(options, target, "read orders", orders, read).await?;
    let moved = Arc::new(Mutex::new(Moved::default()));
    let skus = (options.connections.into(), Arc::new(Budget::count(books.plan.skus.len() as u64)));
    let count = |worker| count_units(worker, books.clone(), moved.clone());
    drive(options, target, "count units", skus, count).await?;
    let mut connection = Connection::new(target);
    let call = Call::get("/api/v1/seller/balance");
    let balance: Balance = books.shop.seller.send(&mut connection, call).await?.data("read the balance")?;

    let found = found.lock().expect("the workers have ended");
    let moved = moved.lock().expect("the workers have ended");
    compare(report, &books, &found, &balance);
    report.equal("units moved, summed over the stock", &books.sums.units.values().sum::<u64>(), &moved.units);
    report.equal("SKUs whose stock is not as sold", &0, &moved.wrong_skus);
    Ok(())
}

fn compare(report: &mut Report, books: &Books, found: &Found, balance: &Balance) {
    report.equal("orders confirmed", &(books.plan.orders.len() as u64), &found.orders);
    report.equal("orders not at the file's prices", &0, &found.off_price);
    report.equal("order value", &pounds(books.sums.sold_value), &pounds(found.subtotal));
    report.equal("paid, as the payments say", &pounds(found.total), &pounds(found.paid));
    report.equal("refunds accepted", &pounds(books.plan.refunded_value), &pounds(books.trade.refunds_accepted));
    report.equal("refunded, as the payments say", &pounds(books.plan.refunded_value), &pounds(found.refunded));
    // Each refund gives whole pence of commission and tax back, so the exact share may be off by one for each.
    let tolerance = i64::try_from(books.plan.refunds.len()).unwrap_or(i64::MAX);
    let expected = found.paid - found.refunded - found.kept;
    let ledger = balance.pending + balance.available + balance.paid_out;
    let close = (expected - ledger).abs() <= tolerance;
    let expected = format!("{} ± {}", pounds(expected), pounds(tolerance));
    report.check("seller's ledger: paid − refunded − commission − tax", &expected, &pounds(ledger), close);
}

/// Reads every order that was confirmed, with its payment.
async fn read_orders(mut worker: Worker, books: Arc<Books>, found: Arc<Mutex<Found>>) -> Result<Worker, Error> {
    let refunds_settle = Instant::now() + REFUNDS_SETTLE;
    let mut expected_refunds = vec![0_i64; books.plan.orders.len()];
    for refund in &books.plan.refunds {
        expected_refunds[refund.order] += refund.amount;
    }
    while let Some(number) = worker.next() {
        let index = usize::try_from(number).expect("no more orders than memory holds");
        let Some(bought) = &books.trade.bought[index] else { continue };
        let call = Call::get(format!("/api/v1/orders/{}", bought.order_id));
        let order: OrderRow = books.admin.send(&mut worker.connection, call).await?.data("read an order")?;
        let payment = loop {
            let call = Call::get(format!("/api/v1/payments/{}", bought.payment_id));
            let payment: PaymentRow = books.admin.send(&mut worker.connection, call).await?.data("read a payment")?;
            if payment.refunded_amount == expected_refunds[index] || Instant::now() >= refunds_settle {
                break payment;
            }
            sleep(Duration::from_millis(100)).await;
        };
        let fees: i64 = order.seller_orders.iter().flat_map(|part| &part.items).map(|item| item.commission).sum();
        let kept = share_left(fees + order.totals.tax, payment.amount, payment.refunded_amount);
        let mut found = found.lock().expect("nothing panics while holding the sums");
        found.orders += 1;
        found.subtotal += order.totals.subtotal;
        found.total += order.totals.total;
        found.paid += payment.amount;
        found.refunded += payment.refunded_amount;
        found.kept += kept;
        found.off_price += u64::from(order.totals.subtotal != books.plan.orders[index].value);
    }
    Ok(worker)
}

/// What is left of a fee on `amount` after `refunded` of it went back, to the nearest penny.
fn share_left(fee: i64, amount: i64, refunded: i64) -> i64 {
    let (fee, amount, refunded) = (i128::from(fee), i128::from(amount), i128::from(refunded));
    if amount == 0 {
        return 0;
    }
    i64::try_from((fee * (amount - refunded) * 2 + amount) / (amount * 2)).unwrap_or(i64::MAX)
}

#[derive(Default)]
struct Moved {
    units: u64,
    wrong_skus: u64,
}

/// Counts what left each SKU's stock.
async fn count_units(mut worker: Worker, books: Arc<Books>, moved: Arc<Mutex<Moved>>) -> Result<Worker, Error> {
    while let Some(number) = worker.next() {
        let index = usize::try_from(number).expect("no more SKUs than memory holds");
        let sku = &books.plan.skus[index];
        let level = level(&mut worker.connection, &books.shop.seller, &books.shop.skus[index]).await?;
        let units = (sku.units + SPARE).saturating_sub(u64::try_from(level.on_hand).unwrap_or(0));
        let expected = books.sums.units.get(&(sku.stock_code.clone(), sku.unit_price)).copied().unwrap_or(0);
        let wrong = units != expected || level.reserved != 0;
        let mut moved = moved.lock().expect("nothing panics while holding the sums");
        moved.units += units;
        moved.wrong_skus += u64::from(wrong);
    }
    Ok(worker)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fee_shrinks_with_what_is_given_back() {
        assert_eq!(share_left(100, 1000, 0), 100);
        assert_eq!(share_left(100, 1000, 1000), 0);
        assert_eq!(share_left(100, 1000, 333), 67);
        assert_eq!(share_left(5, 0, 0), 0);
    }
}
