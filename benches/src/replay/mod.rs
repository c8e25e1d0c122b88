//! A year of a real shop's purchases through the public interface, and the books afterwards.

mod audit;
mod plan;
mod rows;
mod shop;
mod trade;

use std::{path::PathBuf, sync::Arc};

use clap::Args;
use tokio::time::Instant;

use crate::{
    client::{Connection, Target},
    error::Error,
    market::new_seller,
    options::{Options, run_name},
    replay::{plan::Plan, rows::Sums, shop::Shop},
    report::Report,
    session::Session,
};

/// Real purchases and cancellations, from a file of the Online Retail form
#[derive(Args, Debug)]
pub struct Replay {
    /// InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country with a header, gzipped
    #[arg(long, value_name = "FILE.csv.gz")]
    transactions: PathBuf,
    /// Only the first rows of the file
    #[arg(long, default_value_t = u64::MAX, hide_default_value = true)]
    rows: u64,
}

/// Units of each SKU beyond what is sold.
const SPARE: u64 = 10;

pub async fn run(replay: &Replay, options: &Options, target: &Target) -> Result<Report, Error> {
    let began = Instant::now();
    let plan = Arc::new(Plan::of(&replay.transactions, replay.rows)?);
    let sums = Sums::of(&replay.transactions, replay.rows)?;
    let mut report = Report::new("replay");
    describe(&mut report, &plan, &sums);

    let run = run_name();
    let mut connection = Connection::new(target);
    let logins = &options.logins;
    let admin = Arc::new(Session::login(&mut connection, &logins.admin_email, &logins.admin_password).await?);
    let email = format!("seller-{run}@replay.example");
    let (_, seller) =
        new_seller(&mut connection, &admin, &format!("Online Retail {run}"), &email, crate::options::DEMO_PASSWORD)
            .await?;
    let shop = Shop::open(options, target, &mut report, (&plan, &admin, seller, &run)).await?;
    let shop = Arc::new(shop);
    let trading = Instant::now();
    let trade = trade::run(options, target, &mut report, (&plan, &shop, &admin, &run)).await?;
    report.fact("seconds of trading", &format!("{:.1}", trading.elapsed().as_secs_f64()));
    audit::run(options, target, &mut report, audit::Books { plan, sums, shop, admin, trade }).await?;
    report.fact("seconds in all", &format!("{:.1}", began.elapsed().as_secs_f64()));
    Ok(report)
}

fn describe(report: &mut Report, plan: &Plan, sums: &Sums) {
    report.fact("rows", &sums.rows);
    report.fact("rows sold", &sums.sold_rows);
    report.fact("units sold", &sums.sold_units);
    report.fact("rows cancelled by a customer", &format!("{} ({})", sums.cancelled_rows, pounds(sums.cancelled_value)));
    report.fact("customers", &plan.customers.len());
    report.fact("orders", &plan.orders.len());
    report.fact("products", &plan.products.len());
    report.fact("SKUs", &plan.skus.len());
    report.fact("partial refunds", &plan.refunds.len());
    for (reason, (rows, value)) in &plan.left_out {
        let value = if *value == 0 { String::new() } else { format!(" ({})", pounds(*value)) };
        report.fact(*reason, &format!("{rows}{value}"));
    }
}

/// Pence as people read them.
fn pounds(pence: i64) -> String {
    let sign = if pence < 0 { "-" } else { "" };
    format!("{sign}{}.{:02}", pence.unsigned_abs() / 100, pence.unsigned_abs() % 100)
}
