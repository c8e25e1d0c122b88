//! Builds the whole index anew, beside the one that answers, and puts it in its place.

use super::Progress;
use crate::{
    app::App,
    error::Error,
    items::{self, Read},
    store::{changes, documents},
};

/// Documents that are read at once.
const PAGE: u64 = 500;

/// Makes an index of nothing, for a marketplace that has no products yet.
pub async fn begin_index(app: &App) -> Result<(), Error> {
    app.index.build().await?.take_over(0).await?;
    app.index.follow().await?;
    Ok(())
}

/// Builds it from the stored documents. What changes meanwhile is numbered after the mark that the new index carries, and goes
/// in when it answers.
pub async fn rebuild(app: &App, progress: Progress<'_>) -> Result<u64, Error> {
    let applied = app.db.transaction(|tx| async move { Ok::<_, Error>(changes::keep(&tx).await?) }).await?;
    let total = documents::count(app.db.reader()).await?;
    let mut build = app.index.build().await?;
    let sellers = app.sellers();
    let (mut after, mut done) = (None, 0);
    loop {
        let page = documents::next(app.db.reader(), after, PAGE).await?;
        let Some(last) = page.last().map(|document| document.id) else { break };
        after = Some(last);
        done += page.len() as u64;
        let read = page.into_iter().map(Read::of).collect::<Result<Vec<_>, _>>()?;
        let tree = app.categories.with(read.iter().map(|read| read.snapshot.category_id)).await;
        let items = items::items(&app.db, read, &tree, &sellers).await?;
        build.add(items).await?;
        progress("building the index", done, total);
    }
    build.take_over(applied).await?;
    Ok(done)
}
