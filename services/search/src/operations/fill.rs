//! Asks catalog for all of its products: those from before this service came, or all of them when they are in doubt.

use std::collections::{HashMap, HashSet};

use serde::Deserialize;
use souk_contracts::{
    catalog::{ListedProduct, ListedSeller, ProductsReply, ProductsRequest, SkuLevel},
    events::ProductSnapshot,
};
use souk_kernel::{ProductId, SkuId, TypedId};

use super::{Progress, blocking};
use crate::{
    app::App,
    error::Error,
    items::Sellers,
    store::{
        SellerStatus, changes,
        documents::{self, Document, KnownLevel, Level},
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
/// meanwhile, that stays. The index looks at what differs from what was known.
pub async fn fill(app: &App, progress: Progress<'_>) -> Result<u64, Error> {
    let mut after: Option<ProductId> = None;
    let mut done = 0;
    let mut known_sellers: Sellers =
        sellers::all(app.db.reader()).await?.into_iter().map(|seller| (seller.id, seller)).collect();
    let mut reply = page(app, None).await?;
    while let Some(last) = last(&reply)? {
        let ProductsReply { products, sellers, total } = reply;
        let count = products.len();
        // The next page is asked for while this one is stored.
        let next =
            async { if count < PAGE as usize { Ok(ProductsReply::default()) } else { page(app, Some(last)).await } };
        let (next, stored) =
            tokio::join!(next, store(app, products, unknown(sellers, &mut known_sellers)?, after, last));
        stored?;
        done += count as u64;
        progress("asking catalog", done, total);
        after = Some(last);
        reply = next?;
    }
    app.db.transaction(|tx| async move { Ok::<_, Error>(changes::filled(&tx).await?) }).await?;
    app.read_sellers().await?;
    Ok(done)
}

async fn page(app: &App, after: Option<ProductId>) -> Result<ProductsReply, Error> {
    let after = after.map(|id| id.to_string()).unwrap_or_default();
    Ok(app.catalog.clone().products(ProductsRequest { after, limit: PAGE }).await?.into_inner())
}

/// The last product of a page.
fn last(reply: &ProductsReply) -> Result<Option<ProductId>, Error> {
    reply.products.last().map(|listed| Ok(Head::of(listed)?.product_id)).transpose()
}

/// Sellers that are not known as they are.
fn unknown(listed: Vec<ListedSeller>, known: &mut Sellers) -> Result<Vec<Seller>, Error> {
    let sellers = listed.iter().map(seller).collect::<Result<Vec<_>, _>>()?;
    Ok(sellers.into_iter().filter(|seller| known.insert(seller.id, seller.clone()).as_ref() != Some(seller)).collect())
}

/// What tells whether a snapshot is known, without reading the rest of it.
#[derive(Deserialize)]
struct Head {
    product_id: ProductId,
    status: String,
}

impl Head {
    fn of(listed: &ListedProduct) -> Result<Self, Error> {
        Ok(serde_json::from_str(&listed.snapshot_json)?)
    }

    fn is_known(&self, listed: &ListedProduct, known: &Known) -> bool {
        let same = known.documents.get(&self.product_id).is_some_and(|document| {
            document.snapshot == listed.snapshot_json
                && document.public == documents::is_public(&self.status)
                && (document.rating_sum, document.rating_count) == (listed.rating_sum, listed.rating_count)
                && document.popularity == listed.popularity
        });
        let is_known = |listed: &SkuLevel| {
            let level = listed.sku_id.parse().ok().and_then(|id: SkuId| known.levels.get(&id));
            level.is_some_and(|level| level.version >= listed.version && level.product_id.is_some())
        };
        same && listed.levels.iter().all(is_known)
    }
}

/// What is stored of the products of a page.
struct Known {
    documents: HashMap<ProductId, Document>,
    levels: HashMap<SkuId, KnownLevel>,
}

type Listed = (Document, Vec<Level>);

/// The listed products that are not known as they are, and the known ones that are not listed, with their versions.
fn different(listed: &[ListedProduct], known: Known) -> Result<(Vec<Listed>, Vec<(ProductId, i64)>), Error> {
    let mut different = Vec::new();
    let mut ids = HashSet::with_capacity(listed.len());
    for product in listed {
        let head = Head::of(product)?;
        if !head.is_known(product, &known) {
            different.push(read(product)?);
        }
        ids.insert(head.product_id);
    }
    let gone = known.documents.into_values().filter(|known| known.public && !ids.contains(&known.id));
    Ok((different, gone.map(|known| (known.id, known.version)).collect()))
}

async fn store(
    app: &App,
    products: Vec<ListedProduct>,
    sellers: Vec<Seller>,
    after: Option<ProductId>,
    last: ProductId,
) -> Result<(), Error> {
    let skus: Vec<SkuId> = products
        .iter()
        .flat_map(|product| &product.levels)
        .map(|level| id(&level.sku_id))
        .collect::<Result<_, Error>>()?;
    let reader = app.db.reader();
    let (known, levels) = tokio::join!(documents::between(reader, after, last), documents::known_levels(reader, &skus));
    let known = Known {
        documents: known?.into_iter().map(|document| (document.id, document)).collect(),
        levels: levels?.into_iter().map(|level| (level.sku_id, level)).collect(),
    };
    let (listed, gone) = blocking(move || different(&products, known)).await?;
    if listed.is_empty() && gone.is_empty() && sellers.is_empty() {
        return Ok(());
    }
    let ids: Vec<ProductId> = listed.iter().map(|(document, _)| document.id).collect();
    let levels: Vec<(Level, ProductId)> =
        listed.iter().flat_map(|(document, levels)| levels.iter().map(|level| (*level, document.id))).collect();
    let documents: Vec<Document> = listed.into_iter().map(|(document, _)| document).collect();
    app.db
        .transaction(move |tx| async move {
            for seller in sellers {
                sellers::replace(&tx, seller).await?;
            }
            documents::replace(&tx, documents, &levels).await?;
            for (id, version) in &gone {
                documents::hide(&tx, *id, *version).await?;
            }
            changes::note(&tx, ids.into_iter().chain(gone.into_iter().map(|(id, _)| id))).await?;
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
    let level = |level: &SkuLevel| {
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
