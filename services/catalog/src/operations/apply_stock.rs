//! Inventory says how many units of a SKU can be bought.

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, sea_query::Expr};
use souk_kernel::{ProductId, SkuId};

use crate::{
    app::App,
    error::Error,
    store::{entities::sku, standing},
};

/// What a new level meant for the catalogue.
enum Effect {
    /// Older than what is known, or of a SKU that isn't ours.
    None,
    /// The number changed and nothing else.
    Counted,
    /// It ran out, or came back: the product may have another winner.
    Turned { offers_changed: bool },
}

/// Notes the level. Levels of a SKU are numbered, and an older one changes nothing, so this may be repeated and reordered.
pub async fn apply_stock(app: &App, id: SkuId, available: i64, version: i64) -> Result<(), Error> {
    // Before the transaction: usually known without SQL, and it never changes.
    let Some(product) = app.product_of(id).await? else {
        // Opened for a SKU that is not stored yet; it will be stored with this very number.
        tracing::debug!(sku = %id, "a stock level of an unknown SKU");
        return Ok(());
    };
    let newer = sku::Entity::update_many()
        .col_expr(sku::Column::Stock, Expr::value(available))
        .col_expr(sku::Column::StockVersion, Expr::value(version))
        .filter(sku::Column::Id.eq(id))
        .filter(sku::Column::StockVersion.lt(version));
    // Usually some were there and some are left, which concerns nothing but the number: one statement.
    if available > 0 {
        let counted = newer.clone().filter(sku::Column::Stock.gt(0));
        if app.db.guarded(move |tx| async move { tx.changes(&counted).await }).await? {
            told(app, product, &Effect::Counted).await;
            return Ok(());
        }
    }
    let effect = app
        .db
        .transaction(move |tx| async move {
            if newer.exec(&tx).await?.rows_affected == 0 {
                return Ok(Effect::None);
            }
            let changed = standing::refresh(&tx, &[product]).await?;
            Ok::<_, Error>(Effect::Turned { offers_changed: !changed.is_empty() })
        })
        .await?;
    told(app, product, &effect).await;
    Ok(())
}

async fn told(app: &App, product: ProductId, effect: &Effect) {
    match effect {
        Effect::None => {}
        Effect::Counted | Effect::Turned { offers_changed: false } => app.caches.stock_changed(product, false).await,
        Effect::Turned { offers_changed: true } => app.caches.stock_changed(product, true).await,
    }
}
