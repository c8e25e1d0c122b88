use std::collections::BTreeSet;

use sea_orm::DbErr;
use souk_kernel::SkuId;
use souk_platform::db::{Database, Tx};

use crate::{
    domain::{Level, Place},
    store::{
        BATCH,
        ledger::{self, Comparison, Fold},
        stock,
    },
};

/// What a rebuild found.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Stock rows looked at.
    pub checked: u64,
    /// Rows that differ from the fold of their ledger, or that only the ledger knows.
    pub differing: Vec<Difference>,
    /// How many of them were set to what the ledger says.
    pub repaired: u64,
}

/// A stock row and the fold of its ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    pub sku_id: SkuId,
    pub location: String,
    /// What the row says; nothing when it is missing.
    pub stored: Option<Level>,
    /// What the ledger says.
    pub folded: Level,
}

/// Folds the ledger again and compares it with the stock rows; with `repair`, sets those that differ. Works while the
/// server runs.
pub async fn rebuild(db: &Database, repair: bool) -> Result<Report, DbErr> {
    let mut report = Report::default();
    let mut after = None;
    loop {
        let rows = ledger::compare(db.reader(), after, BATCH as u64).await?;
        let Some(last) = rows.last() else { break };
        after = Some((last.sku_id, last.location.clone()));
        report.checked += rows.len() as u64;
        report.differing.extend(rows.into_iter().filter(|row| !row.agrees()).map(Difference::from));
    }
    report.differing.extend(ledger::forgotten(db.reader(), BATCH as u64).await?.into_iter().map(Difference::from));
    if repair {
        let sku_ids: BTreeSet<SkuId> = report.differing.iter().map(|difference| difference.sku_id).collect();
        for sku_id in sku_ids {
            report.repaired += db.transaction(move |tx| async move { mend(&tx, sku_id).await }).await?;
        }
    }
    Ok(report)
}

/// Sets a SKU's rows to what its ledger says and gives how many differed. A SKU that lost all its rows lost its seller
/// with them: it stays as it is.
async fn mend(tx: &Tx, sku_id: SkuId) -> Result<u64, DbErr> {
    let Some(stock) = stock::lock(tx, [sku_id]).await?.remove(&sku_id) else { return Ok(0) };
    let mut mended = 0;
    for fold in ledger::folds_of(tx, sku_id).await? {
        let folded = Place {
            location: fold.location,
            level: Level { on_hand: fold.on_hand, reserved: fold.reserved },
            version: fold.version,
        };
        if !stock.places().contains(&folded) {
            stock::repair(tx, &stock, &folded, fold.changed_at);
            mended += 1;
        }
    }
    Ok(mended)
}

impl From<Comparison> for Difference {
    fn from(row: Comparison) -> Self {
        Self {
            sku_id: row.sku_id,
            location: row.location,
            stored: Some(Level { on_hand: row.on_hand, reserved: row.reserved }),
            folded: Level { on_hand: row.ledger_on_hand, reserved: row.ledger_reserved },
        }
    }
}

impl From<Fold> for Difference {
    fn from(row: Fold) -> Self {
        let folded = Level { on_hand: row.on_hand, reserved: row.reserved };
        Self { sku_id: row.sku_id, location: row.location, stored: None, folded }
    }
}
