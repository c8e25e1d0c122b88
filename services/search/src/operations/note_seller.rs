//! Identity says what a seller is called and whether it may sell.

use souk_platform::events::Receipt;

use crate::{
    app::App,
    error::Error,
    store::sellers::{self, Seller},
};

/// Notes name and standing. When its offers appear or vanish, catalog announces the products.
pub async fn note_seller(app: &App, receipt: Receipt, seller: Seller) -> Result<(), Error> {
    app.db
        .transaction(move |tx| async move {
            if tx.accept(receipt).await? {
                sellers::describe(&tx, seller).await?;
            }
            Ok::<_, Error>(())
        })
        .await?;
    app.read_sellers().await?;
    Ok(())
}
