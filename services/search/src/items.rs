//! From stored documents to what the index holds.

use std::{collections::HashMap, sync::Arc};

use souk_contracts::events::ProductSnapshot;
use souk_kernel::SellerId;

use crate::{
    categories::Tree,
    domain::{
        item::{Item, Rating, Summary},
        offer::{self, Offer},
    },
    error::Error,
    store::{
        documents::{self, Document},
        sellers::Seller,
    },
};

/// Sellers by id.
pub type Sellers = HashMap<SellerId, Seller>;

impl Seller {
    /// Its stars.
    pub fn rating(&self) -> Rating {
        Rating { sum: self.rating_sum, count: self.rating_count }
    }
}

/// A document whose snapshot is read.
pub struct Read {
    pub document: Document,
    pub snapshot: ProductSnapshot,
}

impl Read {
    /// Reads the snapshot.
    pub fn of(document: Document) -> Result<Self, Error> {
        let snapshot = serde_json::from_str(&document.snapshot)?;
        Ok(Self { document, snapshot })
    }
}

/// What the index holds of these documents. Those that buyers may not find are left out.
pub async fn items(
    db: &souk_platform::db::Database,
    read: Vec<Read>,
    tree: &Arc<Tree>,
    sellers: &Sellers,
) -> Result<Vec<Item>, Error> {
    let skus: Vec<_> = read.iter().flat_map(|read| &read.snapshot.skus).map(|sku| sku.sku_id).collect();
    let levels = documents::levels(db.reader(), &skus).await?;
    Ok(read.into_iter().filter_map(|read| item(read, &levels, tree, sellers)).collect())
}

/// What the index holds of a product; `None` when nobody whose offers are shown offers it.
pub fn item(read: Read, levels: &HashMap<souk_kernel::SkuId, i64>, tree: &Tree, sellers: &Sellers) -> Option<Item> {
    let Read { document, snapshot } = read;
    if !document.public {
        return None;
    }
    let offers: Vec<Offer> = snapshot
        .skus
        .iter()
        .filter_map(|sku| {
            let seller = sellers.get(&sku.seller_id);
            // A seller who is not known yet was let in by catalog.
            let (shown, sells) = seller.map_or((true, true), |seller| (seller.status.shown(), seller.status.sells()));
            shown.then(|| Offer {
                sku_id: sku.sku_id,
                seller_id: sku.seller_id,
                price: sku.price,
                stock: if sells { levels.get(&sku.sku_id).copied().unwrap_or_default() } else { 0 },
                seller_rating: seller.map(Seller::rating).unwrap_or_default(),
            })
        })
        .collect();
    let winner = offer::winner(&offers)?;
    let currency = snapshot.skus.first()?.currency;
    let mut offered_by: Vec<SellerId> = offers.iter().map(|offer| offer.seller_id).collect();
    offered_by.sort_unstable();
    offered_by.dedup();
    Some(Item {
        summary: Summary {
            id: snapshot.product_id,
            slug: snapshot.slug,
            external_id: snapshot.external_id,
            title: snapshot.title,
            excerpt: Item::excerpt(&snapshot.description),
            price: winner.price,
            currency,
            stock: winner.stock,
            seller_id: winner.seller_id,
            category_id: snapshot.category_id,
            images: snapshot.images,
            rating: Rating { sum: document.rating_sum, count: document.rating_count },
            version: snapshot.version,
            created_at: snapshot.created_at,
            updated_at: snapshot.updated_at,
        },
        description: snapshot.description,
        category_path: tree.path(snapshot.category_id).into_iter().map(str::to_owned).collect(),
        sellers: offered_by,
        codes: snapshot.skus.into_iter().map(|sku| sku.code).collect(),
        attributes: snapshot.attributes,
        popularity: document.popularity,
    })
}
