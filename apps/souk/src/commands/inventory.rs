//! `souk inventory`.

use std::process::ExitCode;

use super::{Error, open};
use crate::cli::Inventory;

pub async fn run(what: Inventory) -> Result<ExitCode, Error> {
    let Inventory::Rebuild { repair, installation } = what;
    let databases = open(&installation)?.databases().await?;
    let report = souk_inventory::rebuild(databases.inventory(), repair).await;
    databases.close().await;
    let report = report?;
    for difference in &report.differing {
        let stored = difference.stored.map_or_else(
            || "no row".to_owned(),
            |level| format!("on hand {}, reserved {}", level.on_hand, level.reserved),
        );
        println!(
            "{} at {}: {stored}; the ledger says on hand {}, reserved {}",
            difference.sku_id, difference.location, difference.folded.on_hand, difference.folded.reserved
        );
    }
    println!("{} stock rows checked, {} differ, {} repaired", report.checked, report.differing.len(), report.repaired);
    Ok(if report.differing.len() as u64 == report.repaired { ExitCode::SUCCESS } else { ExitCode::from(1) })
}
