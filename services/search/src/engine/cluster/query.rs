//! From a plan to a request.

use serde_json::{Value, json};
use souk_kernel::TypedId;

use super::schema::{MOST_WORDS, feature, signed};
use crate::{
    config::Config,
    domain::{item::filter_term, prices::STEPS, ranking::Weights, weighing::Weighed},
    engine::{
        Ask,
        page::{Paging, Position, Sort},
    },
    index::{
        filters::{Dimension, Filters},
        score::Mode,
    },
};

/// Added to the score of what has all words, so that it stands before what has some; scores are far below.
pub const WHOLE: f32 = 1024.0;
/// Categories and sellers that are counted at most.
const CATEGORIES: usize = 10_000;
const SELLERS: usize = 1_000;

/// What is looked for.
pub struct Inquiry<'a> {
    pub ask: &'a Ask,
    pub config: &'a Config,
    /// The ways to say each thing.
    pub groups: &'a [Vec<Weighed>],
    /// What is demanded word by word.
    pub phrases: &'a [Vec<String>],
    pub mode: Mode,
}

impl Inquiry<'_> {
    /// The body of the search.
    pub fn body(&self, paging: &Paging) -> Value {
        let filters = dimensions(&self.ask.filters);
        let size = if paging.after.is_some() { paging.wanted() } else { paging.wanted() - Self::begins(paging) };
        let mut body = json!({
            "from": Self::begins(paging),
            "size": size,
            "track_total_hits": true,
            "_source": false,
            "docvalue_fields": if paging.refines() { json!(["category", "title"]) } else { json!([]) },
            "query": self.query(),
            "post_filter": all_of(filters.iter().map(|(_, filter)| filter)),
            "sort": order(paging.sort),
        });
        if let Some(after) = paging.after.filter(|after| !after.refined) {
            body["search_after"] = after_values(paging.sort, after);
        }
        if self.ask.facets.is_some() {
            body["aggs"] = self.facets(&filters);
        }
        body
    }

    /// Where the wanted candidates begin: in front of the page nothing is needed unless the first are put into a finer order.
    pub fn begins(paging: &Paging) -> usize {
        if paging.refines() || paging.after.is_some() { 0 } else { paging.offset }
    }

    fn query(&self) -> Value {
        let words = if self.groups.is_empty() {
            json!({"match_all": {}})
        } else {
            let groups: Vec<Value> = self.groups.iter().map(|ways| group(ways, &self.config.weights)).collect();
            match self.mode {
                Mode::All => json!({"bool": {"must": groups}}),
                Mode::Some => json!({"bool": {
                    "must": {"bool": {"should": groups, "minimum_should_match": groups.len().div_ceil(2)}},
                    "should": {"constant_score": {"filter": {"bool": {"must": groups}}, "boost": WHOLE}},
                }}),
            }
        };
        let mut filters = fixed(&self.ask.filters);
        filters.extend(self.phrases.iter().map(|phrase| demanded(phrase, &self.config.weights)));
        let found = json!({"bool": {"must": words, "filter": filters}});
        if self.ask.sort != Sort::Relevance {
            return found;
        }
        json!({"script_score": {"query": found, "script": prior(&self.config.weights, self.ask.now)}})
    }

    /// Each facet counts as if its own filter were not set.
    fn facets(&self, filters: &[(Dimension, Value)]) -> Value {
        let without = |own: Option<Dimension>| {
            all_of(filters.iter().filter(|(dimension, _)| Some(*dimension) != own).map(|(_, filter)| filter))
        };
        let counted = |own, all: Value| json!({"filter": without(own), "aggs": {"all": all}});
        let values = json!({"values": {"terms": {"field": "attributes.value", "size": self.config.facet_values}}});
        let own: Vec<&String> = self.ask.filters.attributes.keys().collect();
        let mut facets = json!({
            "category": counted(Some(Dimension::Category), json!({"terms": {"field": "category", "size": CATEGORIES}})),
            "seller": counted(Some(Dimension::Seller), json!({"terms": {"field": "sellers", "size": SELLERS}})),
            "price": counted(Some(Dimension::Price), json!({"terms": {"field": "step", "size": STEPS}})),
            "rating": counted(Some(Dimension::Rating), json!({"range": {
                "field": "stars", "ranges": [{"from": 400}, {"from": 300}, {"from": 200}, {"from": 100}],
            }})),
            // Some of them may not be shown, so more are asked for.
            "attributes": counted(None, json!({"nested": {"path": "attributes"}, "aggs": {"keys": {
                "terms": {"field": "attributes.facet", "size": self.config.facet_attributes * 2, "exclude": own},
                "aggs": values,
            }}})),
        });
        if own.is_empty() {
            let keys = &mut facets["attributes"]["aggs"]["all"]["aggs"]["keys"]["terms"];
            keys.as_object_mut().map(|terms| terms.remove("exclude"));
        }
        for (index, key) in own.iter().enumerate() {
            let all = json!({"nested": {"path": "attributes"}, "aggs": {"keys": {
                "filter": {"term": {"attributes.facet": key}}, "aggs": values,
            }}});
            facets[format!("attribute_{index}")] = counted(Some(Dimension::Attribute(index)), all);
        }
        facets
    }
}

/// One of the ways to say a thing, the best of those that fit.
fn group(ways: &[Weighed], weights: &Weights) -> Value {
    let way = |way: &Weighed| {
        let terms: Vec<Value> = way.terms.iter().map(|(term, share)| impact(term, *share, weights)).collect();
        match terms.as_slice() {
            [only] => only.clone(),
            _ => json!({"bool": {"must": terms}}),
        }
    };
    let ways: Vec<Value> = ways.iter().map(way).collect();
    match ways.as_slice() {
        [] => json!({"match_none": {}}),
        [only] => only.clone(),
        _ => json!({"dis_max": {"queries": ways}}),
    }
}

/// What has the terms side by side in one of its texts.
fn demanded(phrase: &[String], weights: &Weights) -> Value {
    match phrase {
        [only] => impact(only, 1.0, weights),
        _ => json!({"match_phrase": {"phrases": phrase.join(" ")}}),
    }
}

/// `share · (k + 1) · f / (k + f)`.
fn impact(term: &str, share: f32, weights: &Weights) -> Value {
    json!({"rank_feature": {
        "field": format!("terms.{}", feature(term)),
        "saturation": {"pivot": weights.saturation},
        "boost": share * (weights.saturation + 1.0),
    }})
}

/// Counts the products that have each term.
pub fn frequencies(terms: &[String], weights: &Weights) -> Value {
    let counted = |term: &String| (term.clone(), json!({"filter": impact(term, 1.0, weights)}));
    let aggs: serde_json::Map<String, Value> = terms.iter().map(counted).collect();
    json!({"size": 0, "track_total_hits": false, "aggs": aggs})
}

/// The words that at least so many products have.
pub fn words(least: u64) -> Value {
    json!({"size": 0, "track_total_hits": false, "aggs": {
        "words": {"terms": {"field": "words", "size": MOST_WORDS, "min_doc_count": least}},
    }})
}

/// What the score of the words is multiplied by: the same as [`Weights::prior`].
fn prior(weights: &Weights, now: i64) -> Value {
    const SOURCE: &str = "double all = _score >= params.whole ? params.whole : 0.0; \
        double sold = Math.min(Math.log(1.0 + doc['sold'].value) / Math.log(1001.0), 1.0); \
        double reviews = doc['reviews'].value; \
        double stars = (doc['stars'].value / 100.0 * reviews + 17.5) / (reviews + 5.0); \
        double age = Math.max(0.0, params.day - Math.floor(doc['created'].value / 86400.0)); \
        return all + (_score - all) * (1.0 + params.popularity * sold + (doc['in_stock'].value ? params.stock : 0.0) \
        + params.rating * (stars - 1.0) / 4.0 + params.freshness * Math.pow(2.0, -age / 90.0));";
    json!({"source": SOURCE, "params": {
        "whole": WHOLE,
        "day": now.div_euclid(86_400),
        "popularity": weights.popularity,
        "stock": weights.stock,
        "rating": weights.rating,
        "freshness": weights.freshness,
    }})
}

fn order(sort: Sort) -> Value {
    let tie = json!({"tie": "desc"});
    match sort {
        Sort::Relevance => json!([{"_score": "desc"}, tie]),
        Sort::Newest => json!([{"created": "desc"}, tie]),
        Sort::PriceAsc => json!([{"price": "asc"}, tie]),
        Sort::PriceDesc => json!([{"price": "desc"}, tie]),
        Sort::Rating => json!([{"stars": "desc"}, {"reviews": "desc"}, tie]),
        Sort::Popular => json!([{"sold": "desc"}, tie]),
    }
}

/// The values of [`order`] where the page before ended.
fn after_values(sort: Sort, after: Position) -> Value {
    let Position { key, tie, .. } = after;
    let tie = signed(tie);
    match sort {
        Sort::Relevance => {
            let score = f32::from_bits(u32::try_from(key & 0xffff_ffff).unwrap_or_default());
            let is_whole = after.relaxed && key >> 32 & 1 == 1;
            json!([if is_whole { score + WHOLE } else { score }, tie])
        }
        Sort::PriceAsc => json!([u64::MAX - key, tie]),
        Sort::Rating => json!([key >> 16, key & 0xffff, tie]),
        Sort::Newest | Sort::PriceDesc | Sort::Popular => json!([key, tie]),
    }
}

fn all_of<'a>(filters: impl Iterator<Item = &'a Value>) -> Value {
    let filters: Vec<&Value> = filters.collect();
    if filters.is_empty() { json!({"match_all": {}}) } else { json!({"bool": {"filter": filters}}) }
}

/// Filters that no facet looks past.
fn fixed(filters: &Filters) -> Vec<Value> {
    let stock = filters.in_stock.map(|in_stock| json!({"term": {"in_stock": in_stock}}));
    let external = filters.external_id.as_ref().map(|id| json!({"term": {"external_id": id}}));
    stock.into_iter().chain(external).collect()
}

/// Filters that a facet looks past if they are its own.
fn dimensions(filters: &Filters) -> Vec<(Dimension, Value)> {
    let mut found = Vec::new();
    if let Some(ids) = &filters.categories {
        let ids: Vec<_> = ids.iter().map(|id| id.uuid()).collect();
        found.push((Dimension::Category, json!({"terms": {"category": ids}})));
    }
    if let Some(ids) = &filters.sellers {
        let ids: Vec<_> = ids.iter().map(|id| id.uuid()).collect();
        found.push((Dimension::Seller, json!({"terms": {"sellers": ids}})));
    }
    if filters.price_min.is_some() || filters.price_max.is_some() {
        let range = json!({"gte": filters.price_min, "lte": filters.price_max});
        found.push((Dimension::Price, json!({"range": {"price": range}})));
    }
    if let Some(stars) = filters.stars_min {
        found.push((Dimension::Rating, json!({"range": {"stars": {"gte": stars}}})));
    }
    for (index, (key, wanted)) in filters.attributes.iter().enumerate() {
        let nested = |inner: Value| json!({"nested": {"path": "attributes", "query": inner}});
        let mut both = Vec::new();
        if let Some(texts) = &wanted.texts {
            let terms: Vec<String> = texts.iter().map(|text| filter_term(key, text)).collect();
            both.push(nested(json!({"terms": {"attributes.term": terms}})));
        }
        if wanted.at_least.is_some() || wanted.at_most.is_some() {
            let range = json!({"gte": wanted.at_least, "lte": wanted.at_most});
            both.push(nested(json!({"bool": {"filter": [
                {"term": {"attributes.key": key}}, {"range": {"attributes.number": range}},
            ]}})));
        }
        found.push((Dimension::Attribute(index), all_of(both.iter())));
    }
    found
}
