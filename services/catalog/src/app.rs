//! What every part of the service has at hand.

use std::{collections::HashMap, sync::Arc};

use souk_contracts::{
    catalog::Offer,
    identity::{GetSellersRequest, SellerProfile, identity_client::IdentityClient},
    inventory::{OpenLevel, OpenRequest, inventory_client::InventoryClient},
    orders::orders_client::OrdersClient,
};
use souk_kernel::{CategoryId, Currency, Page, Problem, ProductId, SellerId, SkuId, Timestamp};
use souk_platform::{
    cache::Cache,
    db::{Database, Reader},
    files::Files,
    http::Encoded,
    invalidations::Invalidations,
    rpc::Channel,
};
use tokio::sync::{Mutex, Semaphore};

use crate::{
    cache::Caches,
    config::Config,
    domain::{category::CategoryTree, seller::SellerStatus},
    error::{self, Error},
    http::view,
    store::{
        categories,
        entities::sku,
        listing,
        products::{self, Aggregate},
        sellers::{self, Sellers},
    },
};

/// What the composition root hands in.
pub struct Deps {
    pub config: Config,
    pub db: Database,
    pub identity: IdentityClient<Channel>,
    pub inventory: InventoryClient<Channel>,
    pub orders: OrdersClient<Channel>,
    /// Where uploaded images lie.
    pub files: Files,
    /// What instances of this service tell each other about their caches.
    pub invalidations: Invalidations,
    /// What stands before `/images/…` in answers, without a slash at the end; empty for addresses relative to this host.
    pub public_url: String,
    /// For products whose currency isn't given.
    pub currency: Currency,
}

/// The service's state.
pub struct App {
    pub config: Config,
    pub db: Database,
    pub identity: IdentityClient<Channel>,
    pub inventory: InventoryClient<Channel>,
    pub orders: OrdersClient<Channel>,
    pub files: Files,
    pub public_url: String,
    pub currency: Currency,
    pub caches: Caches,
    /// Images being converted.
    pub conversions: Arc<Semaphore>,
    /// Lines of a feed that are compared and written: each call sees what the one before it wrote.
    pub importing: Mutex<()>,
}

/// As handlers take it.
pub type AppState = Arc<App>;

/// A public product as it is answered.
#[derive(Clone, Debug)]
pub struct Shown {
    pub json: Encoded,
    pub version: i64,
    /// Whether the version names exactly this content: no stock was counted and no review written since it was made.
    pub exact: bool,
}

impl App {
    pub fn new(deps: Deps) -> AppState {
        let Deps { config, db, identity, inventory, orders, files, invalidations, public_url, currency } = deps;
        let caches = Caches::new(&config.cache, invalidations.clone());
        let conversions = Arc::new(Semaphore::new(config.images.at_once.max(1)));
        let public_url = public_url.trim_end_matches('/').to_owned();
        let app = Arc::new(Self {
            config,
            db,
            identity,
            inventory,
            orders,
            files,
            public_url,
            currency,
            caches,
            conversions,
            importing: Mutex::default(),
        });
        let listening = Arc::downgrade(&app);
        invalidations.listen(move |change| {
            let app = listening.upgrade();
            async move {
                if let Some(app) = app {
                    app.caches.hear(change).await;
                }
            }
        });
        app
    }

    pub fn now(&self) -> Timestamp {
        self.db.clock().now()
    }

    /// All categories, as they were at most seconds ago.
    pub async fn categories(&self) -> Result<Arc<CategoryTree>, Error> {
        let fill = || async { categories::tree(self.db.reader()).await.map(Arc::new).map_err(to_problem) };
        Ok(self.caches.tree.get_or_fill((), fill).await?)
    }

    /// Public products directly in each category.
    pub async fn product_counts(&self) -> Result<Arc<HashMap<CategoryId, i64>>, Error> {
        let fill = || async { categories::counts(&self.db.copies().await).await.map(Arc::new).map_err(to_problem) };
        Ok(self.caches.counts.get_or_fill(self.caches.edition(), fill).await?)
    }

    /// A public product, encoded; `None` when there is none to be seen.
    pub async fn shown(&self, id: ProductId) -> Result<Option<Shown>, Error> {
        let fill = || async {
            let found = self.encode(&[id]).await.map_err(to_problem)?.remove(&id);
            found.ok_or_else(|| Problem::not_found("product"))
        };
        match self.caches.products.get_or_fill(id, fill).await {
            Ok(shown) => Ok(Some(shown)),
            Err(problem) if problem.kind == souk_kernel::ErrorKind::NotFound => Ok(None),
            Err(problem) => Err(problem.into()),
        }
    }

    /// Public products, encoded, in this order; those that are public no more are left out.
    pub async fn shown_many(&self, ids: &[ProductId]) -> Result<Vec<Shown>, Error> {
        let mut found =
            self.caches.gather(&self.caches.products, ids, |ids| async move { self.encode(&ids).await }).await?;
        Ok(ids.iter().filter_map(|id| found.remove(id)).collect())
    }

    async fn encode(&self, ids: &[ProductId]) -> Result<HashMap<ProductId, Shown>, Error> {
        let tree = self.categories().await?;
        let (aggregates, sellers) = load(&self.db.copies().await, ids).await?;
        let mut encoded = HashMap::with_capacity(aggregates.len());
        for aggregate in aggregates.iter().filter(|aggregate| aggregate.product.public) {
            let view = view::product(aggregate, &sellers, &tree, &self.public_url, view::Eyes::Public);
            let product = &aggregate.product;
            let exact = product.seal == products::seal(product, &aggregate.skus);
            encoded.insert(product.id, Shown { json: Encoded::of(&view)?, version: product.version, exact });
        }
        Ok(encoded)
    }

    /// Products with the sellers that their views name.
    pub async fn load(&self, ids: &[ProductId]) -> Result<(Vec<Aggregate>, Sellers), Error> {
        load(self.db.reader(), ids).await
    }

    /// The product with this id or slug.
    pub async fn product_id(&self, id_or_slug: &str) -> Result<Option<ProductId>, Error> {
        if let Ok(id) = id_or_slug.parse() {
            return Ok(Some(id));
        }
        remembered(&self.caches.slugs, id_or_slug.to_owned(), products::id_of_slug(self.db.reader(), id_or_slug)).await
    }

    /// The product of an offer.
    pub async fn product_of(&self, sku: SkuId) -> Result<Option<ProductId>, Error> {
        remembered(&self.caches.sku_products, sku, products::id_of_sku(self.db.reader(), sku)).await
    }

    /// One page of the products that anybody may see; the order of a list is remembered for seconds.
    pub async fn public_page(
        &self,
        filter: &listing::Filter,
        sort: listing::Sort,
        page: souk_kernel::PageQuery,
    ) -> Result<Arc<Page<ProductId>>, Error> {
        let key = format!("{} {sort:?} {page:?} {filter:?}", self.caches.edition());
        let fill = || async {
            let conn = self.db.copies().await;
            let found = listing::page(&conn, filter, crate::store::Scope::Public, sort, page).await;
            found.map(Arc::new).map_err(Problem::from)
        };
        Ok(self.caches.pages.get_or_fill(key, fill).await?)
    }

    /// Current offers by SKU; unknown ones are left out.
    pub async fn offers(&self, skus: &[SkuId]) -> Result<HashMap<SkuId, Arc<Offer>>, Error> {
        self.caches.gather(&self.caches.offers, skus, |skus| crate::rpc::load_offers(self, skus)).await
    }

    /// Makes sure that the sellers are known here: a new one's event may still be on its way.
    pub async fn know_sellers(&self, ids: &[SellerId]) -> Result<(), Error> {
        let known = sellers::find(self.db.reader(), ids.iter().copied()).await?;
        let missing: Vec<String> = ids.iter().filter(|id| !known.contains_key(id)).map(ToString::to_string).collect();
        if missing.is_empty() {
            return Ok(());
        }
        let reply = self.identity.clone().get_sellers(GetSellersRequest { seller_ids: missing }).await?;
        let profiles: Vec<SellerProfile> = reply.into_inner().sellers;
        self.db
            .transaction(move |tx| async move {
                for profile in profiles {
                    let SellerProfile { seller_id, name, slug, status, .. } = profile;
                    let id = error::id("seller_id", &seller_id)?;
                    sellers::insert_if_missing(&tx, id, name, slug, SellerStatus::named(&status)).await?;
                }
                Ok::<_, Error>(())
            })
            .await
    }

    /// Opens the stock of new SKUs. Done before they are stored, so that no SKU is ever on sale without a stock row; rows
    /// of a SKU that then isn't stored are harmless.
    pub async fn open_stock<'a>(&self, skus: impl IntoIterator<Item = &'a sku::Model>) -> Result<(), Error> {
        let level = |sku: &sku::Model| OpenLevel {
            sku_id: sku.id.to_string(),
            seller_id: sku.seller_id.to_string(),
            on_hand: sku.stock,
        };
        let levels: Vec<OpenLevel> = skus.into_iter().map(level).collect();
        if !levels.is_empty() {
            self.inventory.clone().open(OpenRequest { levels }).await?;
        }
        Ok(())
    }
}

/// Products with the sellers that their views name, as `conn` sees them.
pub async fn load(conn: &Reader, ids: &[ProductId]) -> Result<(Vec<Aggregate>, Sellers), Error> {
    let aggregates = products::load_many(conn, ids).await?;
    let sellers = sellers::find(conn, products::seller_ids(&aggregates)).await?;
    Ok((aggregates, sellers))
}

fn to_problem(error: impl Into<Error>) -> Problem {
    error.into().into()
}

/// A fact that never changes once it is there.
async fn remembered<K, V>(
    cache: &Cache<K, V>,
    key: K,
    find: impl Future<Output = Result<Option<V>, sea_orm::DbErr>>,
) -> Result<Option<V>, Error>
where
    K: std::hash::Hash + Eq + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    if let Some(known) = cache.get(&key).await {
        return Ok(Some(known));
    }
    let found = find.await?;
    if let Some(value) = &found {
        cache.insert(key, value.clone()).await;
    }
    Ok(found)
}
