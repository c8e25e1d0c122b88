//! `souk import`.

use std::process::ExitCode;

use super::{Error, Opened, open};
use crate::{
    cli::{Import, ImportProducts, ImportStock},
    data_dir::ServingLock,
    import::{
        Progress, Summary,
        mapping::Mapping,
        products::{self, Order},
        stock,
    },
    marketplace::Marketplace,
};

pub async fn run(what: Import) -> Result<ExitCode, Error> {
    let summary = match what {
        Import::Products(import) => import_products(import).await?,
        Import::Stock(import) => import_stock(import).await?,
    };
    println!(
        "{} lines read: {} created, {} updated, {} unchanged, {} refused{}",
        summary.lines,
        summary.created,
        summary.updated,
        summary.unchanged,
        summary.refused,
        if summary.skipped == 0 {
            String::new()
        } else {
            format!(" ({} were in from an earlier run)", summary.skipped)
        },
    );
    match &summary.report {
        Some(report) => {
            println!("refused lines and reasons: {}", report.display());
            Ok(ExitCode::from(2))
        }
        None => Ok(ExitCode::SUCCESS),
    }
}

async fn import_products(import: ImportProducts) -> Result<Summary, Error> {
    let opened = open(&import.installation)?;
    let mapping = Mapping::load(&import.mapping).map_err(|error| Error::Usage(format!("--mapping: {error}")))?;
    let how = format!("{} {:?} {:?}", import.mapping, import.seller, import.category);
    let progress = Progress::open(opened.data.path(), &import.file, how, import.restart)?;
    let (market, _locks) = working(&opened).await?;
    for db in market.databases.all() {
        db.write_much().await?;
    }
    let order = Order {
        file: &import.file,
        mapping: &mapping,
        seller: import.seller.as_deref(),
        category: import.category.as_deref(),
        stock: import.stock,
        currency: opened.config.platform.currency,
        progress,
    };
    let result = products::run(order, &market.calls).await;
    market.stop().await;
    Ok(result?)
}

async fn import_stock(import: ImportStock) -> Result<Summary, Error> {
    let opened = open(&import.installation)?;
    let (market, _locks) = working(&opened).await?;
    let result = stock::run(&import.file, &import.seller, &market.calls).await;
    market.stop().await;
    Ok(result?)
}

/// A marketplace that works but does not serve. Events are delivered here, or by the servers that run on the same data.
/// While the locks are held no server starts half-way with a second set of relays.
async fn working(opened: &Opened) -> Result<(Marketplace, Vec<ServingLock>), Error> {
    let market = opened.marketplace().await?;
    let (mut idle, mut locks) = (Vec::new(), Vec::new());
    for db in market.databases.all() {
        if let Some(lock) = opened.data.lock(db.service())? {
            idle.push(db.service());
            locks.push(lock);
        }
    }
    market.start_relays(&idle);
    Ok((market, locks))
}
