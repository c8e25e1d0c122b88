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
    let mut filling = Filling::begin(app).await?;
    while filling.next().await?.is_some() {
        progress("asking catalog", filling.done, filling.total);
    }
    filling.end().await
}

/// On the way through catalog's products.
pub struct Filling<'a> {
    app: &'a App,
    sellers: Sellers,
    /// The page that catalog has told.
    told: ProductsReply,
    /// The last product that was stored.
    pub after: Option<ProductId>,
    /// Products that were stored.
    pub done: u64,
    /// Products that catalog has.
    pub total: u64,
}

/// Products of a page as they are stored now, with the units that can be bought of their SKUs.
pub struct Stored {
    pub documents: Vec<Document>,
    pub levels: HashMap<SkuId, i64>,
}

impl<'a> Filling<'a> {
    /// Asks for the first page.
    pub async fn begin(app: &'a App) -> Result<Self, Error> {
        let sellers = sellers::all(app.db.reader()).await?;
        let sellers = sellers.into_iter().map(|seller| (seller.id, seller)).collect();
        let told = page(app, None).await?;
        Ok(Self { app, sellers, after: None, done: 0, total: told.total, told })
    }

    /// Stores a page, while the next one is asked for. `None` behind the last.
    pub async fn next(&mut self) -> Result<Option<Stored>, Error> {
        let Some(last) = last(&self.told)? else { return Ok(None) };
        let (app, after) = (self.app, self.after);
        let ProductsReply { products, sellers, .. } = std::mem::take(&mut self.told);
        let count = products.len();
        let sellers = unknown(sellers, &mut self.sellers)?;
        let next =
            async { if count < PAGE as usize { Ok(ProductsReply::default()) } else { page(app, Some(last)).await } };
        let (next, stored) = tokio::join!(next, store(app, products, sellers, after, last));
        let stored = stored?;
        self.done += count as u64;
        self.after = Some(last);
        self.told = next?;
        Ok(Some(stored))
    }

    /// Notes that all are in; gives their number.
    pub async fn end(self) -> Result<u64, Error> {
        self.app.db.transaction(|tx| async move { Ok::<_, Error>(changes::filled(&tx).await?) }).await?;
        self.app.read_sellers().await?;
        Ok(self.done)
    }
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

impl Known {
    async fn read(app: &App, after: Option<ProductId>, last: ProductId, skus: &[SkuId]) -> Result<Self, Error> {
        let reader = app.db.reader();
        let (documents, levels) =
            tokio::join!(documents::between(reader, after, last), documents::known_levels(reader, skus));
        Ok(Self {
            documents: documents?.into_iter().map(|document| (document.id, document)).collect(),
            levels: levels?.into_iter().map(|level| (level.sku_id, level)).collect(),
        })
    }

    fn stored(self) -> Stored {
        Stored {
            documents: self.documents.into_values().collect(),
            levels: self.levels.into_iter().map(|(id, level)| (id, level.available)).collect(),
        }
    }
}

/// What has to be stored.
#[derive(Default)]
struct Different {
    listed: Vec<(Document, Vec<Level>)>,
    /// What catalog doesn't have, with the version that is known.
    gone: Vec<(ProductId, i64)>,
}

fn different(listed: &[ListedProduct], known: &Known) -> Result<Different, Error> {
    let mut different = Different::default();
    let mut ids = HashSet::with_capacity(listed.len());
    for product in listed {
        let head = Head::of(product)?;
        if !head.is_known(product, known) {
            different.listed.push(read(product)?);
        }
        ids.insert(head.product_id);
    }
    let gone = known.documents.values().filter(|known| known.public && !ids.contains(&known.id));
    different.gone = gone.map(|known| (known.id, known.version)).collect();
    Ok(different)
}

async fn store(
    app: &App,
    products: Vec<ListedProduct>,
    sellers: Vec<Seller>,
    after: Option<ProductId>,
    last: ProductId,
) -> Result<Stored, Error> {
    let skus = products.iter().flat_map(|product| &product.levels).map(|level| id(&level.sku_id));
    let skus: Vec<SkuId> = skus.collect::<Result<_, Error>>()?;
    let known = Known::read(app, after, last, &skus).await?;
    let (Different { listed, gone }, known) = blocking(move || Ok((different(&products, &known)?, known))).await?;
    if listed.is_empty() && gone.is_empty() && sellers.is_empty() {
        return Ok(known.stored());
    }
    let ids: Vec<ProductId> = listed.iter().map(|(document, _)| document.id).collect();
    let levels: Vec<(Level, ProductId)> =
        listed.iter().flat_map(|(document, levels)| levels.iter().map(|level| (*level, document.id))).collect();
    let documents: Vec<Document> = listed.into_iter().map(|(document, _)| document).collect();
    let new_sellers = !sellers.is_empty();
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
        .await?;
    if new_sellers {
        app.read_sellers().await?;
    }
    Ok(Known::read(app, after, last, &skus).await?.stored())
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
