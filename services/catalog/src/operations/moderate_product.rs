//! An operator lets a product into the catalogue.

use souk_kernel::ProductId;

use super::{create_product::sku_ids, owned, update_product};
use crate::{app::App, domain::product::Status, error::Error, store::Scope};

/// Makes a product active, whatever it waited for. Doing it again changes nothing.
pub async fn approve_product(app: &App, id: ProductId) -> Result<(), Error> {
    let tree = app.categories().await?;
    let skus = app
        .db
        .transaction(move |tx| async move {
            let mut found = owned::find_live(&tx, id, Scope::Everything).await?;
            if found.product.status != Status::Active {
                found.product.status = Status::Active;
                update_product::store(&tx, &mut found, &tree).await?;
            }
            Ok::<_, Error>(sku_ids(&found))
        })
        .await?;
    app.caches.product_changed(id, skus).await;
    Ok(())
}
