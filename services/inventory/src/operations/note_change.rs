use souk_contracts::events::StockChanged;
use souk_platform::{db::Tx, events::Receipt};

use super::channels::arm;
use crate::{
    app::App,
    domain::channel::Direction,
    error::Error,
    store::{channels, ledger, sources},
};

/// What can be bought of a SKU changed: notes it for the external systems that are told, except the one that said so.
pub async fn note_change(app: &App, event: StockChanged, receipt: Receipt) -> Result<(), Error> {
    let listening = app.publishers.of(&app.db, event.seller_id).await?;
    if listening.is_empty() || sources::naming(app.db.reader(), &listening, event.sku_id).await?.is_empty() {
        return Ok(());
    }
    let wait = app.config.sources.publish_after;
    let work = move |tx: Tx| async move {
        if !tx.accept(receipt).await? {
            return Ok(());
        }
        let from = ledger::source_of(&tx, event.sku_id, event.version).await?;
        for name in sources::naming(&tx, &listening, event.sku_id).await? {
            if from.as_ref() != Some(&name) {
                note(&tx, &name, [(event.sku_id, event.version)], wait).await?;
            }
        }
        Ok(())
    };
    app.db.transaction(work).await
}

/// Notes SKUs for one system, if it is told at all; wakes it when it rests.
pub(super) async fn note(
    tx: &Tx,
    source: &str,
    skus: impl IntoIterator<Item = (souk_kernel::SkuId, i64)>,
    wait: std::time::Duration,
) -> Result<(), Error> {
    // Locked: a turn that ends at this moment sees what is noted here, or is over and rests.
    let Some(channel) = channels::lock(tx, source, Direction::Publish).await? else { return Ok(()) };
    channels::note(tx, source, skus);
    if channel.next_at.is_none() {
        arm(tx, channel, tx.now() + wait);
    }
    Ok(())
}
