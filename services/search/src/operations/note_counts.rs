//! What buyers did with a product counts for its place among others.

use std::collections::BTreeMap;

use souk_contracts::events::{OrderSnapshot, ReviewPosted};
use souk_kernel::ProductId;
use souk_platform::events::Receipt;

use crate::{
    app::App,
    error::Error,
    store::{changes, documents, sellers},
};

/// Counts the units of a paid order.
pub async fn note_sales(app: &App, receipt: Receipt, order: &OrderSnapshot) -> Result<(), Error> {
    let mut sold: BTreeMap<ProductId, i64> = BTreeMap::new();
    for line in order.seller_orders.iter().flat_map(|part| &part.lines) {
        let units = sold.entry(line.product_id).or_default();
        *units = units.saturating_add(line.quantity);
    }
    app.db
        .guarded(move |tx| async move {
            if tx.accept(receipt).await? {
                for (id, units) in &sold {
                    documents::add_popularity(&tx, *id, *units);
                }
                changes::note(&tx, sold.into_keys()).await?;
            }
            Ok::<_, Error>(())
        })
        .await
}

/// Notes the stars of a product and of its seller after a review.
pub async fn note_rating(app: &App, receipt: Receipt, review: ReviewPosted) -> Result<(), Error> {
    #[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "a sum of stars")]
    let sum = (review.average * review.count as f64).round() as i64;
    app.db
        .transaction(move |tx| async move {
            if tx.accept(receipt).await? {
                documents::set_rating(&tx, review.product_id, sum, review.count);
                sellers::add_stars(&tx, review.seller_id, i64::from(review.rating)).await?;
                changes::note(&tx, [review.product_id]).await?;
            }
            Ok::<_, Error>(())
        })
        .await?;
    app.read_sellers().await?;
    app.changed.notify_one();
    Ok(())
}
