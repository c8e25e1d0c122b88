//! A seller or an operator takes a product off the catalogue for good. Orders go on speaking of it, so its row stays.

use souk_kernel::ProductId;

use super::{announce, create_product::sku_ids, owned};
use crate::{
    app::App,
    domain::product::Status,
    error::Error,
    store::{Scope, products},
};

/// Archives the product and ends its offers. Doing it again changes nothing.
pub async fn archive_product(app: &App, id: ProductId, scope: Scope, seen: Option<i64>) -> Result<(), Error> {
    let skus = app
        .db
        .transaction(move |tx| async move {
            let mut found = owned::find(&tx, id, scope).await?;
            owned::check_version(&found, seen)?;
            if found.product.status == Status::Archived {
                return Ok(Vec::new());
            }
            let skus = sku_ids(&found);
            let before = found.product.version;
            found.product.version += 1;
            found.product.updated_at = tx.now();
            found.product.status = Status::Archived;
            found.product.public = false;
            found.product.in_stock = false;
            found.product.winner_sku_id = None;
            found.product.offer_reason = None;
            if !products::update(&tx, found.product.clone(), before).await? {
                return Err(Error::VersionLost);
            }
            products::end_offers(&tx, id).await?;
            announce::deleted(&tx, &found);
            Ok(skus)
        })
        .await?;
    app.caches.product_changed(id, skus).await;
    Ok(())
}
