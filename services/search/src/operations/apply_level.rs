//! Inventory says how many units of a SKU can be bought.

use crate::{
    app::App,
    error::Error,
    store::{
        changes,
        documents::{self, Level},
    },
};

/// Notes the level. Levels are numbered, and an older one changes nothing: this may be repeated and reordered.
///
/// The index looks at the product at once when it ran out or came back. Other numbers are only shown, and go in with the next
/// change that wakes it.
pub async fn apply_level(app: &App, level: Level) -> Result<(), Error> {
    let change = app
        .db
        .guarded(move |tx| async move {
            let change = documents::apply_level(&tx, level).await?;
            if let Some(change) = change {
                changes::note(&tx, [change.product_id]).await?;
            }
            Ok::<_, Error>(change)
        })
        .await?;
    if change.is_some_and(|change| change.turned) {
        app.changed.notify_one();
    }
    Ok(())
}
