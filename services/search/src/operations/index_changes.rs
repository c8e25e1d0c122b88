//! The index catches up with the changes.

use std::collections::BTreeSet;

use souk_kernel::ProductId;

use crate::{
    app::{App, AppState},
    engine::Change,
    error::Error,
    items::{self, Read},
    store::{changes, documents},
};

/// Changes that are made durable together.
const BATCH: u64 = 2_000;

/// Brings in everything that is waiting. Whether there was anything.
///
/// A crash between the index's commit and whatever follows loses nothing: the commit itself says up to which change it has got,
/// and bringing a product in twice is the same as once.
pub async fn index_changes(app: &AppState) -> Result<bool, Error> {
    if app.index.follow().await? {
        app.db.transaction(|tx| async move { Ok::<_, Error>(changes::let_go(&tx).await?) }).await?;
    }
    let mut any = false;
    while let Some(applied) = app.index.applied() {
        let waiting = changes::after(app.db.reader(), applied, BATCH).await?;
        let Some((last, _)) = waiting.last().copied() else { break };
        let ids: BTreeSet<ProductId> = waiting.iter().map(|(_, id)| *id).collect();
        let batch = batch(app, ids).await?;
        app.index.apply(batch, last).await?;
        any = true;
        if u64::try_from(waiting.len()).is_ok_and(|waiting| waiting < BATCH) {
            break;
        }
    }
    if any && let Some(applied) = app.index.applied() {
        app.db.transaction(move |tx| async move { Ok::<_, Error>(changes::forget(&tx, applied).await?) }).await?;
    }
    Ok(any)
}

async fn batch(app: &App, ids: BTreeSet<ProductId>) -> Result<Vec<Change>, Error> {
    let ids_in_order: Vec<ProductId> = ids.iter().copied().collect();
    let found = documents::find(app.db.reader(), &ids_in_order).await?;
    let read = found.into_iter().map(Read::of).collect::<Result<Vec<_>, _>>()?;
    let tree = app.categories.with(read.iter().map(|read| read.snapshot.category_id)).await;
    let items = items::items(&app.db, read, &tree, &app.sellers()).await?;
    let mut gone = ids;
    let mut batch = Vec::with_capacity(gone.len());
    for item in items {
        gone.remove(&item.summary.id);
        batch.push(Change::Put(Box::new(item)));
    }
    batch.extend(gone.into_iter().map(Change::Remove));
    Ok(batch)
}

/// Runs what waits for the disk on a thread of its own.
pub async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T, Error> + Send + 'static) -> Result<T, Error> {
    tokio::task::spawn_blocking(work).await.map_err(|error| Error::Folder(error.to_string()))?
}
