//! An order was paid: what was sold becomes more popular.

use std::collections::BTreeMap;

use souk_contracts::events::OrderSnapshot;
use souk_kernel::ProductId;
use souk_platform::events::Receipt;

use crate::{app::App, error::Error, store::products};

/// Counts the units sold. Lists ordered by popularity follow when their seconds in the cache are over.
pub async fn count_sales(app: &App, receipt: Receipt, order: &OrderSnapshot) -> Result<(), Error> {
    // In the order of ids, so that two orders can't wait for each other.
    let mut sold: BTreeMap<ProductId, i64> = BTreeMap::new();
    for line in order.seller_orders.iter().flat_map(|part| &part.lines) {
        let units = sold.entry(line.product_id).or_default();
        *units = units.saturating_add(line.quantity);
    }
    app.db
        .guarded(move |tx| async move {
            if tx.accept(receipt).await? {
                for (product, units) in sold {
                    products::add_popularity(&tx, product, units);
                }
            }
            Ok::<_, Error>(())
        })
        .await
}
