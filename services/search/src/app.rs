//! What all parts of the service share.

use std::{
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError, RwLock},
    time::{Duration, Instant},
};

use sea_orm::DbErr;
use souk_contracts::catalog::catalog_client::CatalogClient;
use souk_platform::{cache::Cache, db::Database, rpc::Channel};
use tokio::sync::{Notify, Semaphore};

use crate::{
    categories::Categories,
    config::Config,
    domain::{Language, analysis::Analyzer, synonyms::Synonyms},
    error::Error,
    http::answer::Answered,
    index::{dictionary::Automata, suggestions::Vocabulary},
    items::Sellers,
    live::Live,
    operations,
    statistics::Statistics,
    store::{changes, documents, sellers},
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
    pub live: Arc<Live>,
    pub categories: Arc<Categories>,
    pub synonyms: Synonyms,
    pub automata: Automata,
    pub statistics: Statistics,
    pub answers: Cache<Arc<str>, Arc<Answered>>,
    /// Wakes the indexer.
    pub changed: Notify,
    /// Searches of a large index run on threads of their own, no more than there are processors.
    pub permits: Semaphore,
    vocabulary: RwLock<Arc<Vocabulary>>,
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
    /// The state, with the index that is there.
    pub async fn new(deps: Deps) -> Result<AppState, Error> {
        let Deps { config, db, folder, catalog } = deps;
        let live = Arc::new(Live::open(&folder, &config)?);
        let synonyms = synonyms(&config)?;
        let threads = std::thread::available_parallelism().map_or(2, usize::from);
        let weigh = |key: &Arc<str>, value: &Arc<Answered>| key.len() + value.size();
        let app = Arc::new(Self {
            answers: Cache::new("search.answers", config.cache_bytes, ANSWER_AGE, weigh),
            categories: Categories::new(catalog.clone()),
            automata: Automata::default(),
            statistics: Statistics::default(),
            changed: Notify::new(),
            permits: Semaphore::new(threads),
            vocabulary: RwLock::default(),
            learnt: Mutex::default(),
            sellers: RwLock::default(),
            config,
            db,
            catalog,
            live,
            synonyms,
        });
        app.read_sellers().await?;
        app.begin().await?;
        Ok(app)
    }

    /// A marketplace without products gets an empty index at once; one with products is answered for by catalog until the indexer
    /// has built one.
    async fn begin(&self) -> Result<(), Error> {
        let is_new = self.live.opened().is_none() && documents::count(self.db.reader()).await? == 0;
        let live = Arc::clone(&self.live);
        if is_new && changes::last(self.db.reader()).await? == 0 {
            let begin = move || live.build()?.take_over(0).and_then(|()| live.follow());
            operations::blocking(begin).await?;
        }
        Ok(())
    }

    /// The analysis of texts and queries.
    pub fn analyzer(&self) -> Analyzer {
        Analyzer::new(self.config.language)
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

    /// What completions are made of.
    pub fn vocabulary(&self) -> Arc<Vocabulary> {
        Arc::clone(&self.vocabulary.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// From now on completions are made of these words.
    pub fn learn(&self, mut vocabulary: Vocabulary) {
        vocabulary.version = self.vocabulary().version + 1;
        *self.vocabulary.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(vocabulary);
    }
}

fn synonyms(config: &Config) -> Result<Synonyms, Error> {
    let analyzer = Analyzer::new(config.language);
    if config.synonyms.as_os_str().is_empty() {
        let language = if config.language == Language::English { Language::English } else { Language::None };
        return Ok(Synonyms::built_in(language, &analyzer));
    }
    let file = config.synonyms.display();
    let text = std::fs::read_to_string(&config.synonyms).map_err(|error| Error::Folder(format!("{file}: {error}")))?;
    Synonyms::parse(&text, &analyzer).map_err(|error| Error::Folder(format!("{file}: {error}")))
}
