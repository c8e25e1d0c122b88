//! The embedded index: Tantivy, in a folder.

use std::{collections::HashMap, path::Path, sync::Arc};

use sea_orm_migration::async_trait::async_trait;
use souk_kernel::ProductId;
use tokio::sync::Semaphore;

use super::{Answer, Ask, Build, Change, SearchIndex, State, Understanding};
use crate::{
    domain::item::Item,
    error::Error,
    index::{
        dictionary::Words,
        facets::Wish,
        search::{self, Request},
        snapshot::Snapshot,
        suggestions::Vocabulary,
    },
    live::{self, Live},
    operations::blocking,
};

/// A search of more products is not run on the threads that answer requests.
const SMALL: u32 = 50_000;

/// The index of a folder.
pub struct Embedded {
    live: Arc<Live>,
    understanding: Arc<Understanding>,
    /// Searches of a large index run on threads of their own, no more than there are processors.
    permits: Semaphore,
}

impl Embedded {
    pub fn new(folder: &Path, understanding: &Arc<Understanding>) -> Result<Self, Error> {
        let live = Arc::new(Live::new(folder, &understanding.config)?);
        let threads = std::thread::available_parallelism().map_or(2, usize::from);
        Ok(Self { live, understanding: Arc::clone(understanding), permits: Semaphore::new(threads) })
    }

    fn snapshot(&self) -> Result<Arc<Snapshot>, Error> {
        let opened = self.live.opened().ok_or_else(|| Error::Folder("the index is being built".to_owned()))?;
        Ok(Arc::clone(&opened.snapshot))
    }
}

#[async_trait]
impl SearchIndex for Embedded {
    fn state(&self) -> Option<State> {
        self.live.opened().map(|opened| State {
            name: opened.name().to_owned(),
            generation: opened.snapshot.generation,
            products: opened.snapshot.products.into(),
            segments: opened.snapshot.segments.len(),
        })
    }

    async fn search(&self, ask: Ask) -> Result<Answer, Error> {
        let snapshot = self.snapshot()?;
        if snapshot.products <= SMALL {
            return run(&self.understanding, &snapshot, &ask);
        }
        let _permit = self.permits.acquire().await.map_err(|error| Error::Folder(error.to_string()))?;
        let understanding = Arc::clone(&self.understanding);
        blocking(move || run(&understanding, &snapshot, &ask)).await
    }

    async fn learn(&self, more: Vec<(String, u32)>) -> Result<Arc<Vocabulary>, Error> {
        let snapshot = self.snapshot()?;
        blocking(move || Ok(Arc::new(Vocabulary::read(&snapshot, more)?))).await
    }

    fn applied(&self) -> Option<i64> {
        self.live.applied()
    }

    fn is_outdated(&self) -> bool {
        self.live.is_outdated()
    }

    async fn follow(&self) -> Result<bool, Error> {
        let live = Arc::clone(&self.live);
        blocking(move || live.follow()).await
    }

    async fn apply(&self, changes: Vec<Change>, last: i64) -> Result<(), Error> {
        let live = Arc::clone(&self.live);
        blocking(move || live.apply(&changes, last)).await
    }

    async fn rest(&self) -> Result<(), Error> {
        let live = Arc::clone(&self.live);
        blocking(move || live.rest()).await
    }

    async fn build(&self) -> Result<Box<dyn Build>, Error> {
        let live = Arc::clone(&self.live);
        let build = blocking(move || live.build()).await?;
        Ok(Box::new(Building(Arc::new(build))))
    }

    async fn versions(&self) -> Result<HashMap<ProductId, i64>, Error> {
        let snapshot = self.snapshot()?;
        blocking(move || Ok(snapshot.versions()?)).await
    }
}

fn run(understanding: &Understanding, snapshot: &Snapshot, ask: &Ask) -> Result<Answer, Error> {
    let dictionary = Words { snapshot, automata: &understanding.automata };
    let plan = understanding.plan(&ask.query, ask.as_you_type, &dictionary);
    let config = &understanding.config;
    let facetable = |key: &str| ask.facets.as_ref().is_some_and(|tree| tree.offers_facet(key));
    let wish = Wish { attributes: config.facet_attributes, values: config.facet_values, facetable: &facetable };
    let request = Request {
        plan: &plan,
        filters: &ask.filters,
        sort: ask.sort,
        limit: ask.limit,
        offset: ask.offset,
        after: ask.after,
        relax_below: ask.relax_below,
        weights: &config.weights,
        now: ask.now,
        facets: ask.facets.is_some().then_some(wish),
    };
    let results = search::search(snapshot, &request)?;
    Ok(Answer { results, plan })
}

/// A new index in a folder of its own.
struct Building(Arc<live::Build>);

#[async_trait]
impl Build for Building {
    async fn add(&mut self, items: Vec<Item>) -> Result<(), Error> {
        let build = Arc::clone(&self.0);
        blocking(move || build.add(&items)).await
    }

    async fn take_over(self: Box<Self>, applied: i64) -> Result<(), Error> {
        let build = Arc::into_inner(self.0);
        let build = build.ok_or_else(|| Error::Folder("the build is still in use".to_owned()))?;
        blocking(move || build.take_over(applied)).await
    }
}
