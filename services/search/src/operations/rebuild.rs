//! Builds the whole index anew, beside the one that answers, and puts it in its place.

use super::{
    Progress, blocking,
    fill::{Filling, Stored},
};
use crate::{
    app::App,
    domain::item::Item,
    error::Error,
    items::{self, Read, Sellers},
    store::{
        changes,
        documents::{self, Document},
    },
};

/// Documents that are read at once.
const PAGE: u64 = 1_000;

/// Builds it from the stored documents. What changes meanwhile is numbered after the mark that the new index carries, and goes
/// in when it answers.
pub async fn rebuild(app: &App, progress: Progress<'_>) -> Result<u64, Error> {
    let applied = app.db.transaction(|tx| async move { Ok::<_, Error>(changes::keep(&tx).await?) }).await?;
    let total = documents::count(app.db.reader()).await?;
    let mut build = app.index.build(total).await?;
    let sellers = app.sellers();
    let mut done = 0;
    let mut page = documents::next(app.db.reader(), None, PAGE).await?;
    while let Some(last) = page.last().map(|document| document.id) {
        done += page.len() as u64;
        // The next page is read while this one is worked at.
        let (next, items) =
            tokio::join!(documents::next(app.db.reader(), Some(last), PAGE), prepare(app, page, &sellers));
        build.add(items?).await?;
        progress("building the index", done, total);
        page = next?;
    }
    build.take_over(applied).await?;
    Ok(done)
}

/// The same while catalog tells all of its products: what it tells goes into the documents and into the new index on one way.
pub async fn reindex(app: &App, progress: Progress<'_>) -> Result<u64, Error> {
    let applied = app.db.transaction(|tx| async move { Ok::<_, Error>(changes::keep(&tx).await?) }).await?;
    let mut filling = Filling::begin(app).await?;
    let mut build = app.index.build(filling.total).await?;
    let mut waiting = filling.next().await?;
    while let Some(stored) = waiting {
        let sellers = app.sellers();
        // The next page is stored while this one is worked at.
        let (next, items) = tokio::join!(filling.next(), finish(app, stored, &sellers));
        build.add(items?).await?;
        waiting = next?;
        progress("building the index", filling.done, filling.total);
    }
    // What is known beyond catalog's last product came by events since it was asked.
    let (mut after, mut done) = (filling.after, filling.end().await?);
    loop {
        let page = documents::next(app.db.reader(), after, PAGE).await?;
        let Some(last) = page.last().map(|document| document.id) else { break };
        after = Some(last);
        done += page.len() as u64;
        build.add(prepare(app, page, &app.sellers()).await?).await?;
    }
    build.take_over(applied).await?;
    Ok(done)
}

async fn prepare(app: &App, page: Vec<Document>, sellers: &Sellers) -> Result<Vec<Item>, Error> {
    let read = read(page).await?;
    let tree = app.categories.with(read.iter().map(|read| read.snapshot.category_id)).await;
    items::items(&app.db, read, &tree, sellers).await
}

async fn finish(app: &App, Stored { documents, levels }: Stored, sellers: &Sellers) -> Result<Vec<Item>, Error> {
    let read = read(documents).await?;
    let tree = app.categories.with(read.iter().map(|read| read.snapshot.category_id)).await;
    Ok(read.into_iter().filter_map(|read| items::item(read, &levels, &tree, sellers)).collect())
}

async fn read(documents: Vec<Document>) -> Result<Vec<Read>, Error> {
    blocking(move || documents.into_iter().map(Read::of).collect()).await
}
