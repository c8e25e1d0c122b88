//! The index in a cluster of Elasticsearch or `OpenSearch`.
//!
//! Every index has a name of its own; an alias names the one that answers, so that a new one takes over in one step. Which
//! changes an index has stands in a document beside it, written after the changes: what a crash cuts off is done again,
//! and doing it twice is the same as once, because documents are numbered by the changes that they came with.

mod building;
mod dictionary;
mod query;
mod reply;
mod schema;
#[cfg(test)]
mod tests;
mod wire;

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError, RwLock,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use elasticsearch::http::Method;
use sea_orm_migration::async_trait::async_trait;
use serde_json::{Value, json};
use souk_kernel::{ErrorKind, Problem, ProductId, TypedId};

use super::{
    Answer, Ask, Build, Change, SearchIndex, State, Understanding,
    page::{Hit, Paging, Results},
};
use crate::{
    domain::{item::Item, query::Plan, weighing},
    error::Error,
    index::{score::Mode, suggestions::Vocabulary},
    live::fingerprint,
};
use building::Building;
use dictionary::{Known, Scout};
use query::Inquiry;
use reply::Found;
use schema::DEEPEST;
use wire::{Action, Wire};

/// How often each term occurs is known for so long.
const FRESH: Duration = Duration::from_secs(30);
/// Terms of which that is known at most.
const REMEMBERED: usize = 50_000;
/// Products that are looked through at once.
const PAGE: usize = 5_000;

/// An index in a cluster.
pub struct Cluster {
    shared: Arc<Shared>,
    shown: RwLock<Option<Shown>>,
    /// Whether the cluster has ever said which index answers.
    has_looked: AtomicBool,
    /// Whether it was silent when it was asked last: then nobody waits for it.
    is_down: AtomicBool,
    vocabulary: RwLock<Arc<Vocabulary>>,
    frequencies: Mutex<(Option<Instant>, HashMap<String, u32>)>,
}

/// What an index and one that is being built have in common.
struct Shared {
    wire: Wire,
    alias: String,
    understanding: Arc<Understanding>,
    fingerprint: String,
}

/// The index that answers.
#[derive(Clone, Debug)]
struct Shown {
    name: String,
    applied: i64,
    fingerprint: String,
    products: u64,
}

impl Shared {
    /// Where it is noted how far each index is.
    fn notes(&self) -> String {
        format!("{}.notes", self.alias)
    }

    async fn note(&self, index: &str, applied: i64) -> Result<(), Error> {
        let note = json!({"applied": applied, "fingerprint": self.fingerprint});
        // Another process may have got further.
        let path = format!("/{}/_doc/{index}?version={}&version_type=external_gte", self.notes(), applied.max(0));
        match self.wire.tell(Method::Put, &path, Some(&note)).await {
            Err(Error::Cluster(why)) if why.contains(": 409 ") => Ok(()),
            other => other.map(drop),
        }
    }

    fn put(&self, item: &Item, version: i64) -> Action {
        let id = item.summary.id.uuid();
        let document =
            self.understanding.analyzing(|analyzer| schema::document(item, &self.understanding.config, analyzer));
        let head = json!({"index": {"_id": id, "version": version.max(0), "version_type": "external_gte"}});
        Action { head, document: Some(document) }
    }
}

fn remove(id: ProductId, version: i64) -> Action {
    let head = json!({"delete": {"_id": id.uuid(), "version": version.max(0), "version_type": "external_gte"}});
    Action { head, document: None }
}

impl Cluster {
    /// The index at this address; nothing is sent yet.
    pub fn new(url: &str, understanding: &Arc<Understanding>) -> Result<Self, Error> {
        let config = &understanding.config;
        let shared = Shared {
            wire: Wire::new(url, config.cluster.timeout)?,
            alias: config.cluster.index.clone(),
            understanding: Arc::clone(understanding),
            fingerprint: fingerprint(config),
        };
        Ok(Self {
            shared: Arc::new(shared),
            shown: RwLock::default(),
            has_looked: AtomicBool::new(false),
            is_down: AtomicBool::new(true),
            vocabulary: RwLock::default(),
            frequencies: Mutex::default(),
        })
    }

    fn shown(&self) -> Option<Shown> {
        self.shown.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn answering(&self) -> Result<Shown, Error> {
        let shown = self.shown().filter(|_| !self.is_down.load(Ordering::Relaxed));
        shown.ok_or_else(|| Error::Cluster("no index answers".to_owned()))
    }

    fn show(&self, shown: Option<Shown>) {
        *self.shown.write().unwrap_or_else(PoisonError::into_inner) = shown;
    }

    async fn find_shown(&self) -> Result<Option<Shown>, Error> {
        let Shared { wire, alias, .. } = &*self.shared;
        let Some(indexes) = wire.ask(Method::Get, &format!("/_alias/{alias}"), None).await? else { return Ok(None) };
        // Names are in the order of their making.
        let Some(name) = indexes.as_object().and_then(|indexes| indexes.keys().max()) else { return Ok(None) };
        let note = wire.ask(Method::Get, &format!("/{}/_doc/{name}", self.shared.notes()), None).await?;
        let count = wire.ask(Method::Get, &format!("/{name}/_count"), None).await?;
        let (note, count) = (note.unwrap_or_default(), count.unwrap_or_default());
        Ok(Some(Shown {
            name: name.clone(),
            applied: note["_source"]["applied"].as_i64().unwrap_or_default(),
            fingerprint: note["_source"]["fingerprint"].as_str().unwrap_or_default().to_owned(),
            products: count["count"].as_u64().unwrap_or_default(),
        }))
    }

    /// How many products have each of the terms.
    async fn frequencies(&self, index: &str, terms: Vec<String>) -> Result<HashMap<String, u32>, Error> {
        let mut found = HashMap::with_capacity(terms.len());
        let mut unknown: Vec<String> = Vec::new();
        {
            let mut known = self.frequencies.lock().unwrap_or_else(PoisonError::into_inner);
            if known.0.is_none_or(|at| at.elapsed() > FRESH) || known.1.len() > REMEMBERED {
                *known = (Some(Instant::now()), HashMap::new());
            }
            for term in terms {
                match known.1.get(&term) {
                    Some(frequency) => drop(found.insert(term, *frequency)),
                    None if unknown.contains(&term) => {}
                    None => unknown.push(term),
                }
            }
        }
        if unknown.is_empty() {
            return Ok(found);
        }
        let body = query::frequencies(&unknown, &self.shared.understanding.config.weights);
        let reply = self.search_for(index, &body).await?;
        let counted = |term: &String| {
            let count = reply["aggregations"][term.as_str()]["doc_count"].as_u64().unwrap_or_default();
            (term.clone(), u32::try_from(count).unwrap_or(u32::MAX))
        };
        let counted: Vec<(String, u32)> = unknown.iter().map(counted).collect();
        let mut known = self.frequencies.lock().unwrap_or_else(PoisonError::into_inner);
        known.1.extend(counted.iter().cloned());
        found.extend(counted);
        Ok(found)
    }

    async fn search_for(&self, index: &str, body: &Value) -> Result<Value, Error> {
        let reply = self.shared.wire.ask(Method::Post, &format!("/{index}/_search"), Some(body)).await?;
        reply.ok_or_else(|| Error::Cluster(format!("{index} is gone")))
    }

    /// What to look for, and how many products have each term of it.
    async fn plan(&self, index: &str, ask: &Ask) -> Result<(Plan, HashMap<String, u32>), Error> {
        let understanding = &self.shared.understanding;
        let wanted = {
            let scout = Scout::default();
            let unknown = understanding.plan(&ask.query, ask.as_you_type, &scout);
            scout.0.into_inner().into_iter().chain(unknown.terms().map(str::to_owned)).collect()
        };
        let mut frequencies = self.frequencies(index, wanted).await?;
        let plan = {
            let vocabulary = Arc::clone(&self.vocabulary.read().unwrap_or_else(PoisonError::into_inner));
            let dictionary = Known { frequencies: &frequencies, vocabulary: &vocabulary, understanding };
            understanding.plan(&ask.query, ask.as_you_type, &dictionary)
        };
        // Corrections and completions brought in more.
        let more: Vec<String> =
            plan.terms().filter(|term| !frequencies.contains_key(*term)).map(str::to_owned).collect();
        frequencies.extend(self.frequencies(index, more).await?);
        Ok((plan, frequencies))
    }

    async fn hits(&self, index: &str, page: &[(String, f32)]) -> Result<Vec<Hit>, Error> {
        if page.is_empty() {
            return Ok(Vec::new());
        }
        let ids: Vec<&String> = page.iter().map(|(id, _)| id).collect();
        let path = format!("/{index}/_mget?_source_includes=summary");
        let reply = self.shared.wire.ask(Method::Post, &path, Some(&json!({"ids": ids}))).await?.unwrap_or_default();
        let documents = reply["docs"].as_array().map(Vec::as_slice).unwrap_or_default();
        let mut hits = Vec::with_capacity(page.len());
        // A product that was removed meanwhile is left out.
        for (document, (_, score)) in documents.iter().zip(page).filter(|(document, _)| document["found"] == true) {
            let summary = serde_json::from_value(document["_source"]["summary"].clone())?;
            hits.push(Hit { summary: Arc::new(summary), score: *score });
        }
        Ok(hits)
    }
}

#[async_trait]
impl SearchIndex for Cluster {
    fn state(&self) -> Option<State> {
        let Shown { name, applied, products, .. } = self.answering().ok()?;
        let segments = usize::try_from(self.shared.understanding.config.cluster.shards).unwrap_or_default();
        Some(State { name, generation: applied.cast_unsigned(), products, segments })
    }

    async fn search(&self, ask: Ask) -> Result<Answer, Error> {
        let config = &self.shared.understanding.config;
        let Shown { name, products, .. } = self.answering()?;
        let (plan, frequencies) = self.plan(&name, &ask).await?;
        let frequency = |term: &str| frequencies.get(term).copied().unwrap_or_default();
        let products = u32::try_from(products).unwrap_or(u32::MAX);
        let groups: Vec<_> = plan.groups.iter().map(|group| weighing::weigh(group, frequency, products)).collect();
        let Ask { sort, limit, offset, after, .. } = ask;
        let paging = Paging { sort, by_words: !groups.is_empty(), limit, offset, after };
        if paging.wanted() > DEEPEST {
            let problem = Problem::new(ErrorKind::Malformed, "malformed", "some parameters are not acceptable");
            return Err(problem.detail("offset", format!("must be below {DEEPEST}; cursors go on")).into());
        }
        let run = async |mode| {
            let inquiry = Inquiry { ask: &ask, config, groups: &groups, phrases: &plan.phrases, mode };
            let reply = self.search_for(&name, &inquiry.body(&paging)).await?;
            Ok::<_, Error>((Found::read(&reply, &ask, config.facet_attributes)?, Inquiry::begins(&paging)))
        };
        let mut relaxed = after.is_some_and(|after| after.relaxed);
        let (mut found, mut from) = run(if relaxed { Mode::Some } else { Mode::All }).await?;
        if after.is_none() && found.total < ask.relax_below && groups.len() > 1 {
            let (more, place) = run(Mode::Some).await?;
            relaxed = more.total > found.total;
            (found, from) = (more, place);
        }
        let refined = paging.refined(found.best.len());
        let factors = found.lifts(&config.weights, &plan.sequence, refined);
        let Found { total, best, ids, counts, .. } = found;
        let (page, next) = Paging { offset: paging.offset - from, ..paging }.cut(best, &factors, relaxed);
        let page: Vec<(String, f32)> =
            page.iter().map(|candidate| (ids[candidate.doc as usize].clone(), candidate.score)).collect();
        let hits = self.hits(&name, &page).await?;
        Ok(Answer { results: Results { hits, total, counts, next, relaxed }, plan })
    }

    async fn learn(&self, more: Vec<(String, u32)>) -> Result<Arc<Vocabulary>, Error> {
        let Shown { name, products, .. } = self.answering()?;
        let body = query::words(Vocabulary::least(products).into());
        let reply = self.shared.wire.tell(Method::Post, &format!("/{name}/_search"), Some(&body)).await?;
        let words = reply["aggregations"]["words"]["buckets"].as_array().map(Vec::as_slice).unwrap_or_default();
        let word = |bucket: &Value| {
            let count = bucket["doc_count"].as_u64().and_then(|count| u32::try_from(count).ok());
            Some((bucket["key"].as_str()?.to_owned(), count.unwrap_or(u32::MAX)))
        };
        let vocabulary = Arc::new(Vocabulary::new(more.into_iter().chain(words.iter().filter_map(word)).collect()));
        *self.vocabulary.write().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&vocabulary);
        Ok(vocabulary)
    }

    fn applied(&self) -> Option<i64> {
        self.shown().map(|shown| shown.applied)
    }

    fn is_outdated(&self) -> bool {
        let is_right = |shown: Shown| shown.fingerprint == self.shared.fingerprint;
        self.has_looked.load(Ordering::Relaxed) && !self.shown().is_some_and(is_right)
    }

    async fn follow(&self) -> Result<bool, Error> {
        let found = self.find_shown().await;
        self.is_down.store(found.is_err(), Ordering::Relaxed);
        let found = found?;
        let before = self.shown();
        let is_another = found.as_ref().map(|shown| &shown.name) != before.as_ref().map(|shown| &shown.name);
        self.show(found);
        self.has_looked.store(true, Ordering::Relaxed);
        Ok(is_another && self.shown().is_some())
    }

    async fn apply(&self, changes: Vec<Change>, last: i64) -> Result<(), Error> {
        let Some(shown) = self.shown() else { return Ok(()) };
        let action = |change: &Change| match change {
            Change::Put(item) => self.shared.put(item, last),
            Change::Remove(id) => remove(*id, last),
        };
        let actions = changes.iter().map(action).collect();
        self.shared.wire.bulk(&format!("/{}/_bulk?refresh=true", shown.name), actions).await?;
        self.shared.note(&shown.name, last).await?;
        self.show(Some(Shown { applied: last, ..shown }));
        Ok(())
    }

    async fn rest(&self) -> Result<(), Error> {
        Ok(())
    }

    async fn build(&self, _products: u64) -> Result<Box<dyn Build>, Error> {
        let Shared { wire, alias, understanding, .. } = &*self.shared;
        let template = schema::template(alias, &understanding.config);
        wire.tell(Method::Put, &format!("/_index_template/{alias}"), Some(&template)).await?;
        let notes = self.shared.notes();
        if wire.ask(Method::Get, &format!("/{notes}"), None).await?.is_none() {
            let mapping = json!({"mappings": {"dynamic": "strict", "properties": {
                "applied": {"type": "long"}, "fingerprint": {"type": "keyword"},
            }}});
            wire.tell(Method::Put, &format!("/{notes}"), Some(&mapping)).await?;
        }
        let name = format!("{alias}-{}", uuid::Uuid::now_v7().simple());
        wire.tell(Method::Put, &format!("/{name}"), None).await?;
        Ok(Box::new(Building { shared: Arc::clone(&self.shared), name }))
    }

    async fn versions(&self) -> Result<HashMap<ProductId, i64>, Error> {
        let Shown { name, .. } = self.answering()?;
        let mut found = HashMap::new();
        let mut after = Value::Null;
        loop {
            let mut body =
                json!({"size": PAGE, "_source": false, "docvalue_fields": ["version"], "sort": [{"id": "asc"}]});
            if !after.is_null() {
                body["search_after"] = after;
            }
            let reply = self.search_for(&name, &body).await?;
            let hits = reply["hits"]["hits"].as_array().map(Vec::as_slice).unwrap_or_default();
            let Some(last) = hits.last() else { return Ok(found) };
            after = last["sort"].clone();
            found.extend(hits.iter().filter_map(|hit| {
                let id = uuid::Uuid::parse_str(hit["_id"].as_str()?).ok()?;
                Some((ProductId::from_uuid(id), hit["fields"]["version"][0].as_i64()?))
            }));
        }
    }
}
