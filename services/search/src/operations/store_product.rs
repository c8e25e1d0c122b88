//! Catalog announced a product.

use souk_contracts::events::{ProductSnapshot, SkuSnapshot};
use souk_kernel::ProductId;
use souk_platform::events::Receipt;

use crate::{
    app::App,
    error::Error,
    store::{
        changes,
        documents::{self, Level},
    },
};

/// Stores it and has the index look at it. An older version than the one known changes nothing.
pub async fn store_product(app: &App, receipt: Receipt, snapshot: ProductSnapshot) -> Result<(), Error> {
    let document = documents::document(&snapshot)?;
    let level = |sku: &SkuSnapshot| Level { sku_id: sku.sku_id, available: sku.available, version: sku.stock_version };
    let levels: Vec<Level> = snapshot.skus.iter().map(level).collect();
    app.db
        .transaction(move |tx| async move {
            if tx.accept(receipt).await? {
                let id = document.id;
                if documents::put(&tx, document, &levels).await? {
                    changes::note(&tx, [id]).await?;
                }
            }
            Ok::<_, Error>(())
        })
        .await?;
    app.changed.notify_one();
    Ok(())
}

/// Nobody may find it any more.
pub async fn hide_product(app: &App, receipt: Receipt, id: ProductId, version: i64) -> Result<(), Error> {
    app.db
        .transaction(move |tx| async move {
            if tx.accept(receipt).await? && documents::hide(&tx, id, version).await? {
                changes::note(&tx, [id]).await?;
            }
            Ok::<_, Error>(())
        })
        .await?;
    app.changed.notify_one();
    Ok(())
}
