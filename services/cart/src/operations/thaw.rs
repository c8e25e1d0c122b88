use souk_kernel::OrderId;
use souk_platform::events::Receipt;

use crate::{app::App, domain::Owner, error::Error, store};

/// Frees the cart that is bound to an order. Harmless when there is none: should the order still be about to bind that of its
/// `owner`, having taken too long for who asked, it comes too late.
pub async fn thaw(app: &App, order_id: OrderId, owner: Option<Owner>) -> Result<(), Error> {
    let note = move |tx| async move {
        store::ended_orders::note(&tx, order_id);
        Ok::<_, Error>(())
    };
    app.db.guarded(note).await?;
    // Whoever does not know that yet has read the cart before: to bind it comes too late, or is found.
    let free = move |tx| async move {
        if let Some(owner) = owner {
            store::overtake(&tx, &owner);
        }
        Ok(store::thaw(&tx, order_id).await?)
    };
    app.db.guarded(free).await
}

/// Frees the cart of an order that will not be delivered.
pub async fn thaw_cancelled(app: &App, order_id: OrderId, receipt: Receipt) -> Result<(), Error> {
    // Orders has mostly asked for it already.
    if store::find_for_order(app.db.reader(), order_id).await?.is_none() {
        return Ok(());
    }
    app.db
        .guarded(move |tx| async move {
            if tx.accept(receipt).await? {
                store::thaw(&tx, order_id).await?;
            }
            Ok(())
        })
        .await
}
