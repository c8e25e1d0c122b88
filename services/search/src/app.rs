//! What all parts of the service share.

use std::{
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError, RwLock},
    time::{Duration, Instant},
};

use sea_orm::DbErr;
use souk_contracts::catalog::catalog_client::CatalogClient;
use souk_platform::{cache::Cache, db::Database, rpc::Channel};
use tokio::sync::Notify;

use crate::{
    categories::Categories,
    config::Config,
    engine::{self, SearchIndex, Understanding},
    error::Error,
    http::answer::Answered,
    index::suggestions::Vocabulary,
    items::Sellers,
    operations::Notes,
    statistics::Statistics,
    store::sellers,
};

/// What search needs.
pub struct Deps {
    /// The section `search`.
    pub config: Config,
    /// Its own database.
    pub db: Database,
    /// The folder that holds its index.
    pub folder: PathBuf,
    /// For categories, for products from before, and for answers while the index is down.
    pub catalog: CatalogClient<Channel>,
}

/// The state of the service.
pub struct App {
    pub config: Config,
    pub db: Database,
    pub catalog: CatalogClient<Channel>,
    pub index: Arc<dyn SearchIndex>,
    pub understanding: Arc<Understanding>,
    pub categories: Arc<Categories>,
    pub statistics: Statistics,
    pub answers: Cache<Arc<str>, Arc<Answered>>,
    /// Wakes the indexer.
    pub changed: Notify,
    pub notes: Notes,
    vocabulary: RwLock<(u64, Arc<Vocabulary>)>,
    /// Which state of the index the vocabulary is from, when it was learnt and how long that took.
    pub learnt: Mutex<Option<Learnt>>,
    sellers: RwLock<Arc<Sellers>>,
}

/// When the vocabulary was learnt.
#[derive(Clone, Debug)]
pub struct Learnt {
    pub index: String,
    pub generation: u64,
    pub at: Instant,
    pub took: Duration,
}

/// As handlers have it.
pub type AppState = Arc<App>;

/// Answers may be so old when nothing changes: being new fades, sellers get other names.
const ANSWER_AGE: Duration = Duration::from_secs(30);

impl App {
    /// The state, with the index that is there. Until the indexer has built one, catalog answers.
    pub async fn new(deps: Deps) -> Result<AppState, Error> {
        let Deps { config, db, folder, catalog } = deps;
        let understanding = Arc::new(Understanding::new(config.clone())?);
        let index = engine::open(&folder, &understanding).await?;
        let weigh = |key: &Arc<str>, value: &Arc<Answered>| key.len() + value.size();
        let app = Arc::new(Self {
            answers: Cache::new("search.answers", config.cache_bytes, ANSWER_AGE, weigh),
            categories: Categories::new(catalog.clone()),
            statistics: Statistics::default(),
            changed: Notify::new(),
            notes: Notes::default(),
            vocabulary: RwLock::default(),
            learnt: Mutex::default(),
            sellers: RwLock::default(),
            config,
            db,
            catalog,
            index,
            understanding,
        });
        app.read_sellers().await?;
        Ok(app)
    }

    /// Everybody who sells.
    pub fn sellers(&self) -> Arc<Sellers> {
        Arc::clone(&self.sellers.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Reads the sellers again, after one of them changed.
    pub async fn read_sellers(&self) -> Result<(), DbErr> {
        let all = sellers::all(self.db.reader()).await?;
        let all = all.into_iter().map(|seller| (seller.id, seller)).collect();
        *self.sellers.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(all);
        Ok(())
    }

    /// What completions are made of, and a number that tells it from those before.
    pub fn vocabulary(&self) -> (u64, Arc<Vocabulary>) {
        self.vocabulary.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// From now on completions are made of these words.
    pub fn learn(&self, vocabulary: Arc<Vocabulary>) {
        let mut known = self.vocabulary.write().unwrap_or_else(PoisonError::into_inner);
        *known = (known.0 + 1, vocabulary);
    }
}
