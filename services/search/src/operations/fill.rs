//! Asks catalog for all of its products: those from before this service came, or all of them when they are in doubt.

use std::collections::HashSet;

use souk_contracts::{
    catalog::{ListedProduct, ListedSeller, ProductsReply, ProductsRequest},
    events::ProductSnapshot,
};
use souk_kernel::{ProductId, SkuId, TypedId};

use super::Progress;
use crate::{
    app::App,
    error::Error,
    store::{
        SellerStatus, changes,
        documents::{self, Document, Level},
        sellers::{self, Seller},
    },
};

/// Products in one call and one transaction.
const PAGE: u32 = 500;

/// Whether that has been done once.
pub async fn is_filled(app: &App) -> Result<bool, Error> {
    Ok(changes::is_filled(app.db.reader()).await?)
}

/// Stores all products as catalog has them now, and hides those that it doesn't have. Where an event brought something newer
/// meanwhile, that stays. Each page has the index look at what differs.
pub async fn fill(app: &App, progress: Progress<'_>) -> Result<u64, Error> {
    let mut after: Option<ProductId> = None;
    let mut done = 0;
    loop {
        let request = ProductsRequest { after: after.map(|id| id.to_string()).unwrap_or_default(), limit: PAGE };
        let ProductsReply { products, sellers, total } = app.catalog.clone().products(request).await?.into_inner();
        let listed = products.iter().map(read).collect::<Result<Vec<_>, _>>()?;
        let Some(last) = listed.last().map(|(document, _)| document.id) else { break };
        done += listed.len() as u64;
        let is_whole = listed.len() >= PAGE as usize;
        store(app, listed, sellers, after, last).await?;
        progress("asking catalog", done, total);
        after = Some(last);
        if !is_whole {
            break;
        }
    }
    app.db.transaction(|tx| async move { Ok::<_, Error>(changes::filled(&tx).await?) }).await?;
    app.read_sellers().await?;
    Ok(done)
}

async fn store(
    app: &App,
    listed: Vec<(Document, Vec<Level>)>,
    sellers: Vec<ListedSeller>,
    after: Option<ProductId>,
    last: ProductId,
) -> Result<(), Error> {
    let sellers = sellers.iter().map(seller).collect::<Result<Vec<_>, _>>()?;
    let ids: HashSet<ProductId> = listed.iter().map(|(document, _)| document.id).collect();
    let levels: Vec<(Level, ProductId)> =
        listed.iter().flat_map(|(document, levels)| levels.iter().map(|level| (*level, document.id))).collect();
    let documents: Vec<Document> = listed.into_iter().map(|(document, _)| document).collect();
    app.db
        .transaction(move |tx| async move {
            for seller in sellers {
                sellers::replace(&tx, seller).await?;
            }
            let known = documents::public_between(&tx, after, last).await?;
            documents::replace(&tx, documents, &levels).await?;
            changes::note(&tx, ids.iter().copied()).await?;
            for (id, version) in known.into_iter().filter(|(id, _)| !ids.contains(id)) {
                documents::hide(&tx, id, version).await?;
                changes::note(&tx, [id]).await?;
            }
            Ok::<_, Error>(())
        })
        .await
}

/// A product as catalog lists it.
pub fn read(listed: &ListedProduct) -> Result<(Document, Vec<Level>), Error> {
    let snapshot: ProductSnapshot = serde_json::from_str(&listed.snapshot_json)?;
    let document = Document {
        rating_sum: listed.rating_sum,
        rating_count: listed.rating_count,
        popularity: listed.popularity,
        ..documents::document(&snapshot)?
    };
    let level = |level: &souk_contracts::catalog::SkuLevel| {
        let sku_id: SkuId = id(&level.sku_id)?;
        Ok(Level { sku_id, available: level.available, version: level.version })
    };
    Ok((document, listed.levels.iter().map(level).collect::<Result<_, Error>>()?))
}

/// A seller as catalog lists it.
pub fn seller(listed: &ListedSeller) -> Result<Seller, Error> {
    Ok(Seller {
        id: id(&listed.id)?,
        name: listed.name.clone(),
        slug: listed.slug.clone(),
        status: SellerStatus::named(&listed.status),
        rating_sum: listed.rating_sum,
        rating_count: listed.rating_count,
    })
}

fn id<I: TypedId>(text: &str) -> Result<I, Error> {
    text.parse().map_err(|error: souk_kernel::ParseIdError| Error::Document(error.to_string()))
}
