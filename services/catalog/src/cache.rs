//! What is kept in memory so that reads and checkouts need no SQL, and how it is kept true.
//!
//! Whoever commits a change calls one of the `*_changed` functions afterwards. Other instances are told where there is
//! something to tell them by, and waited for; otherwise they see it when the entry's time is over.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use serde::{Deserialize, Serialize};
use souk_contracts::catalog::Offer;
use souk_kernel::{CategoryId, Page, ProductId, SkuId};
use souk_platform::{cache::Cache, http::Encoded, invalidations::Invalidations};

use crate::{app::Shown, config::CacheConfig, domain::category::CategoryTree, error::Error};

/// How long the tree and its counts are believed without being told of a change (made by another process).
const TREE_TTL: Duration = Duration::from_secs(15);
/// Facts that never change are only dropped to make room.
const FACT_TTL: Duration = Duration::from_hours(24);
const FACTS: u64 = 100_000;
const PAGES: u64 = 10_000;

/// The service's caches.
pub struct Caches {
    pub products: Cache<ProductId, Shown>,
    pub slugs: Cache<String, ProductId>,
    pub offers: Cache<SkuId, Arc<Offer>>,
    pub sku_products: Cache<SkuId, ProductId>,
    pub pages: Cache<String, Arc<Page<ProductId>>>,
    pub tree: Cache<(), Arc<CategoryTree>>,
    pub counts: Cache<u64, Arc<HashMap<CategoryId, i64>>>,
    /// The encoded tree, by edition, limit and offset.
    pub roots: Cache<(u64, u64, u64), Encoded>,
    /// Counts changes to anything.
    changes: AtomicU64,
    /// Counts changes to what lists hold.
    edition: AtomicU64,
    others: Invalidations,
}

/// What instances tell each other.
#[derive(Serialize, Deserialize)]
pub enum Change {
    /// A product, with its offers.
    Product(ProductId, Vec<SkuId>),
    /// Many of them at once.
    Products(Vec<(ProductId, Vec<SkuId>)>),
    /// What offers don't show.
    Counted(ProductId),
    /// What lists don't show either.
    Stock(ProductId),
    Everything,
}

impl Caches {
    pub fn new(config: &CacheConfig, others: Invalidations) -> Self {
        Self {
            products: Cache::new("catalog_products", config.product_bytes, config.product_ttl, |_, shown: &Shown| {
                shown.json.size() + 200
            }),
            slugs: Cache::with_entries("catalog_slugs", FACTS, FACT_TTL),
            offers: Cache::with_entries("catalog_offers", config.offers, config.offer_ttl),
            sku_products: Cache::with_entries("catalog_sku_products", FACTS, FACT_TTL),
            pages: Cache::with_entries("catalog_pages", PAGES, config.list_ttl),
            tree: Cache::with_entries("catalog_tree", 1, TREE_TTL),
            counts: Cache::with_entries("catalog_counts", 2, TREE_TTL),
            roots: Cache::with_entries("catalog_roots", 4, TREE_TTL),
            changes: AtomicU64::new(0),
            edition: AtomicU64::new(0),
            others,
        }
    }

    /// Of the lists: part of their keys, so that a change ends all of them.
    pub fn edition(&self) -> u64 {
        self.edition.load(Ordering::SeqCst)
    }

    /// After a product or its offers changed.
    pub async fn product_changed(&self, id: ProductId, skus: impl IntoIterator<Item = SkuId>) {
        self.changed(Change::Product(id, skus.into_iter().collect())).await;
    }

    /// After many products or their offers changed together.
    pub async fn products_changed(&self, changed: Vec<(ProductId, Vec<SkuId>)>) {
        if !changed.is_empty() {
            self.changed(Change::Products(changed)).await;
        }
    }

    /// After something of a product changed that its offers don't show: its rating.
    pub async fn product_counted(&self, id: ProductId) {
        self.changed(Change::Counted(id)).await;
    }

    /// After a product's stock changed, which lists show only `in_lists`: when it ran out or came back. Nobody is answered
    /// about it, so nobody waits until the other instances know.
    pub async fn stock_changed(&self, id: ProductId, in_lists: bool) {
        let change = if in_lists { Change::Counted(id) } else { Change::Stock(id) };
        self.forget(&change).await;
        self.others.mention(&change);
    }

    /// After something changed that every product may show: a seller, a category.
    pub async fn everything_changed(&self) {
        self.changed(Change::Everything).await;
    }

    /// What another instance has changed; `None` when that may be anything.
    pub async fn hear(&self, change: Option<Change>) {
        match change {
            Some(change) => self.forget(&change).await,
            None => self.forget_everything(),
        }
    }

    async fn changed(&self, change: Change) {
        self.forget(&change).await;
        self.others.tell(&change).await;
    }

    async fn forget(&self, change: &Change) {
        match change {
            Change::Product(product, skus) => self.forget_product(product, skus, true).await,
            Change::Products(products) => {
                for (product, skus) in products {
                    self.forget_product(product, skus, true).await;
                }
            }
            Change::Counted(product) => self.forget_product(product, &[], true).await,
            Change::Stock(product) => self.forget_product(product, &[], false).await,
            Change::Everything => self.forget_everything(),
        }
    }

    async fn forget_product(&self, product: &ProductId, skus: &[SkuId], in_lists: bool) {
        self.changes.fetch_add(1, Ordering::SeqCst);
        self.products.invalidate(product).await;
        if in_lists {
            self.edition.fetch_add(1, Ordering::SeqCst);
        }
        for sku in skus {
            self.offers.invalidate(sku).await;
        }
    }

    fn forget_everything(&self) {
        self.changes.fetch_add(1, Ordering::SeqCst);
        self.edition.fetch_add(1, Ordering::SeqCst);
        self.tree.invalidate_all();
        self.products.invalidate_all();
        self.offers.invalidate_all();
    }

    /// The values of many keys; those that are missing are loaded together.
    pub async fn gather<K, V, F>(
        &self,
        cache: &Cache<K, V>,
        keys: &[K],
        load: impl FnOnce(Vec<K>) -> F,
    ) -> Result<HashMap<K, V>, Error>
    where
        K: Hash + Eq + Copy + Send + Sync + 'static,
        V: Clone + Send + Sync + 'static,
        F: Future<Output = Result<HashMap<K, V>, Error>>,
    {
        let mut found = HashMap::with_capacity(keys.len());
        let mut missing = Vec::new();
        for key in keys {
            match cache.get(key).await {
                Some(value) => drop(found.insert(*key, value)),
                None => missing.push(*key),
            }
        }
        if missing.is_empty() {
            return Ok(found);
        }
        let before = self.changes.load(Ordering::SeqCst);
        let loaded = load(missing).await?;
        for (key, value) in &loaded {
            cache.insert(*key, value.clone()).await;
        }
        if self.changes.load(Ordering::SeqCst) != before {
            // Something changed while this was read: it may be the old state, good for this answer only.
            for key in loaded.keys() {
                cache.invalidate(key).await;
            }
        }
        found.extend(loaded);
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offer(price: i64) -> Arc<Offer> {
        Arc::new(Offer { price, ..Offer::default() })
    }

    #[tokio::test]
    async fn what_changed_while_it_was_read_is_not_kept() {
        let caches = Caches::new(&CacheConfig::default(), Invalidations::alone());
        let (sku, product) = (SkuId::new(), ProductId::new());
        let skus = [sku];
        let stale = caches.gather(&caches.offers, &skus, |_| async {
            caches.product_changed(product, [sku]).await;
            Ok(HashMap::from([(sku, offer(1))]))
        });
        assert_eq!(stale.await.unwrap()[&sku].price, 1);
        let load = |price| move |_| async move { Ok(HashMap::from([(sku, offer(price))])) };
        assert_eq!(caches.gather(&caches.offers, &[sku], load(2)).await.unwrap()[&sku].price, 2);
        assert_eq!(caches.gather(&caches.offers, &[sku], load(3)).await.unwrap()[&sku].price, 2);
    }

    #[tokio::test]
    async fn a_new_product_ends_the_lists_and_sold_units_do_not() {
        let caches = Caches::new(&CacheConfig::default(), Invalidations::alone());
        let before = caches.edition();
        caches.stock_changed(ProductId::new(), false).await;
        assert_eq!(caches.edition(), before);
        caches.product_changed(ProductId::new(), []).await;
        assert_ne!(caches.edition(), before);
    }

    #[tokio::test]
    async fn what_another_instance_changed_is_forgotten_here() {
        let (telling, mut outgoing) = Invalidations::among_others(Duration::ZERO);
        let there = Caches::new(&CacheConfig::default(), telling);
        let here = Caches::new(&CacheConfig::default(), Invalidations::alone());
        let (sku, other) = (SkuId::new(), SkuId::new());
        let keep = async |price| {
            for sku in [sku, other] {
                here.offers.insert(sku, offer(price)).await;
            }
        };
        keep(1).await;
        there.product_changed(ProductId::new(), [sku]).await;
        let mut carry = async || {
            let told = outgoing.changes.recv().await.unwrap();
            here.hear(serde_json::from_str(&told.change).ok()).await;
        };
        carry().await;
        assert_eq!((here.offers.get(&sku).await, here.offers.get(&other).await), (None, Some(offer(1))));
        keep(1).await;
        there.products_changed(vec![(ProductId::new(), Vec::new()), (ProductId::new(), vec![sku])]).await;
        carry().await;
        assert_eq!((here.offers.get(&sku).await, here.offers.get(&other).await), (None, Some(offer(1))));
        keep(2).await;
        there.everything_changed().await;
        carry().await;
        assert_eq!(here.offers.get(&other).await, None);
        keep(3).await;
        here.hear(None).await;
        assert_eq!(here.offers.get(&sku).await, None, "anything may have changed");
    }
}
