//! The embedded index: Tantivy, in a folder.

use std::{
    collections::HashMap,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use sea_orm_migration::async_trait::async_trait;
use souk_kernel::ProductId;
use tokio::{sync::Semaphore, task::JoinSet};

use super::{Answer, Ask, Build, Change, SearchIndex, State, Understanding};
use crate::{
    domain::{analysis::Analyzer, item::Item},
    error::Error,
    index::{
        dictionary::Words,
        facets::Wish,
        schema::Desk,
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

    async fn build(&self, products: u64) -> Result<Box<dyn Build>, Error> {
        let live = Arc::clone(&self.live);
        let build = blocking(move || live.build(products)).await?;
        let language = self.understanding.config.language;
        let desks = Arc::new(Mutex::new((0..LOTS).map(|_| Desk::new(Analyzer::new(language))).collect()));
        Ok(Box::new(Building { build: Arc::new(build), desks, adding: JoinSet::new() }))
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
struct Building {
    build: Arc<live::Build>,
    /// Those that nobody works at.
    desks: Arc<Mutex<Vec<Desk>>>,
    /// What is being added while whoever builds reads on.
    adding: JoinSet<Result<(), Error>>,
}

/// Lots that are added at the same time.
const LOTS: usize = 2;

impl Building {
    async fn wait(&mut self, most: usize) -> Result<(), Error> {
        while self.adding.len() > most {
            let Some(added) = self.adding.join_next().await else { break };
            added.map_err(|error| Error::Folder(error.to_string()))??;
        }
        Ok(())
    }
}

#[async_trait]
impl Build for Building {
    async fn add(&mut self, items: Vec<Item>) -> Result<(), Error> {
        self.wait(LOTS - 1).await?;
        let (build, desks) = (Arc::clone(&self.build), Arc::clone(&self.desks));
        self.adding.spawn_blocking(move || {
            let free = || desks.lock().unwrap_or_else(PoisonError::into_inner);
            let desk = free().pop();
            let mut desk = desk.expect("there are as many as lots");
            build.add(&items, &mut desk)?;
            free().push(desk);
            Ok(())
        });
        Ok(())
    }

    async fn take_over(mut self: Box<Self>, applied: i64) -> Result<(), Error> {
        self.wait(0).await?;
        let build = Arc::into_inner(self.build);
        let build = build.ok_or_else(|| Error::Folder("the build is still in use".to_owned()))?;
        blocking(move || build.take_over(applied)).await
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use souk_kernel::{CategoryId, Currency, SellerId, TypedId};

    use super::*;
    use crate::{
        config::Config,
        domain::item::{Rating, Summary},
        engine::page::{Position, Sort},
        index::filters::Filters,
    };

    fn item(number: u64) -> Item {
        let id = ProductId::derived(&number.to_string());
        let at = DateTime::from_timestamp(1_760_000_000, 0).unwrap();
        Item {
            summary: Summary {
                id,
                slug: String::new(),
                external_id: None,
                // Two categories, and many titles with the same words.
                title: format!("Blue tea cup {}", "x ".repeat(usize::try_from(number % 7).unwrap())),
                excerpt: String::new(),
                price: i64::try_from(number % 90).unwrap(),
                currency: Currency::EUR,
                stock: 1,
                seller_id: SellerId::derived("seller"),
                category_id: CategoryId::derived(if number.is_multiple_of(3) { "cups" } else { "things" }),
                images: Vec::new(),
                rating: Rating::default(),
                version: 1,
                created_at: at,
                updated_at: at,
            },
            description: String::new(),
            category_path: Vec::new(),
            sellers: vec![SellerId::from_uuid(id.uuid())],
            codes: Vec::new(),
            attributes: serde_json::Map::new(),
            popularity: 0,
        }
    }

    fn ask(query: &str, sort: Sort, after: Option<Position>) -> Ask {
        Ask {
            query: query.to_owned(),
            as_you_type: false,
            filters: Filters::default(),
            sort,
            limit: 37,
            offset: 0,
            after,
            relax_below: 10,
            now: 1_760_000_000,
            facets: None,
        }
    }

    #[tokio::test]
    async fn cursors_go_through_everything_that_was_found() {
        const PRODUCTS: u64 = 1_200;
        let folder = tempfile::tempdir().unwrap();
        let understanding = Arc::new(Understanding::new(Config::default()).unwrap());
        let index = Embedded::new(folder.path(), &understanding).unwrap();
        let mut build = index.build(PRODUCTS).await.unwrap();
        for first in (0..PRODUCTS).step_by(100) {
            build.add((first..first + 100).map(item).collect()).await.unwrap();
        }
        build.take_over(0).await.unwrap();
        assert!(index.follow().await.unwrap());
        for (query, sort) in [
            ("blue cups", Sort::Relevance),
            ("", Sort::Relevance),
            ("cup", Sort::PriceAsc),
            ("tea", Sort::Newest),
            ("", Sort::Rating),
        ] {
            let (mut seen, mut after) = (Vec::new(), None);
            loop {
                let Answer { results, .. } = index.search(ask(query, sort, after)).await.unwrap();
                assert_eq!(results.total, PRODUCTS, "on every page");
                seen.extend(results.hits.iter().map(|hit| hit.summary.id));
                after = results.next;
                if after.is_none() {
                    break;
                }
            }
            let count = seen.len();
            seen.sort_unstable();
            seen.dedup();
            assert_eq!((count, seen.len()), (1_200, 1_200), "{query} {sort:?}");
        }
    }

    #[tokio::test]
    async fn a_phrase_is_found_within_one_text() {
        let folder = tempfile::tempdir().unwrap();
        let understanding = Arc::new(Understanding::new(Config::default()).unwrap());
        let index = Embedded::new(folder.path(), &understanding).unwrap();
        let described = |number, title: &str, description: &str, plug: &str| {
            let mut item = item(number);
            title.clone_into(&mut item.summary.title);
            description.clone_into(&mut item.description);
            item.attributes.insert("plug".to_owned(), plug.into());
            item
        };
        let items = vec![
            described(1, "Hub", "Needs the USB cables.", "none"),
            described(2, "USB hub with cable", "A cable for USB", "USB"),
            described(3, "Charger", "Fast", "usb cable"),
        ];
        let mut build = index.build(3).await.unwrap();
        build.add(items).await.unwrap();
        build.take_over(0).await.unwrap();
        index.follow().await.unwrap();
        let found = async |query: &str| {
            let results = index.search(ask(query, Sort::Newest, None)).await.unwrap().results;
            let mut titles: Vec<String> = results.hits.iter().map(|hit| hit.summary.title.clone()).collect();
            titles.sort_unstable();
            titles
        };
        assert_eq!(found("\"usb cable\"").await, ["Charger", "Hub"]);
        assert_eq!(found("hub \"usb cable\"").await, ["Charger", "Hub"], "the phrase is demanded, the word is not");
        assert_eq!(found("\"the usb cable\"").await, ["Hub"], "words that are elsewhere left out count here");
        assert_eq!(found("\"cable a\"").await, [""; 0], "from the title into the description");
        assert_eq!(found("\"charger\"").await, ["Charger"]);
        assert_eq!(found("\"charged\" hub").await, [""; 0]);
    }
}
