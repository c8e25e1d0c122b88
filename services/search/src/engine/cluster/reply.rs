//! What the cluster answered.

use std::{collections::HashMap, sync::Arc};

use serde::de::DeserializeOwned;
use serde_json::Value;
use souk_kernel::{CategoryId, SellerId, TypedId};
use uuid::Uuid;

use super::{query::WHOLE, schema::unsigned};
use crate::{
    domain::{
        prices::{self, STEPS},
        ranking::Weights,
        refining::{TITLES, category_shares, closeness},
    },
    engine::{
        Ask,
        page::{Candidate, Sort, score_key},
    },
    error::Error,
    index::facets::{Attribute, Counts},
};

/// What a search found.
#[derive(Debug, Default)]
pub struct Found {
    pub total: u64,
    pub best: Vec<Candidate>,
    /// By the number of the candidate.
    pub ids: Vec<String>,
    categories: Vec<Option<String>>,
    titles: Vec<String>,
    pub counts: Option<Counts>,
}

fn strange(what: &str) -> Error {
    Error::Cluster(format!("the cluster answered without {what}"))
}

fn read<T: DeserializeOwned>(value: &Value, what: &str) -> Result<T, Error> {
    serde_json::from_value(value.clone()).map_err(|_| strange(what))
}

impl Found {
    /// Reads the answer to a search.
    pub fn read(reply: &Value, ask: &Ask, attributes: usize) -> Result<Self, Error> {
        let mut found = Self { total: read(&reply["hits"]["total"]["value"], "a total")?, ..Self::default() };
        for hit in reply["hits"]["hits"].as_array().ok_or_else(|| strange("hits"))? {
            let sort = hit["sort"].as_array().ok_or_else(|| strange("a place in the order"))?;
            let tie = sort.last().and_then(Value::as_i64).ok_or_else(|| strange("a place among equals"))?;
            let (key, score) = key(ask.sort, sort)?;
            let doc = u32::try_from(found.ids.len()).unwrap_or(u32::MAX);
            found.best.push(Candidate { key, tie: unsigned(tie), segment: 0, doc, score });
            found.ids.push(read(&hit["_id"], "an id")?);
            let first = |field: &str| hit["fields"][field][0].as_str().map(str::to_owned);
            found.categories.push(first("category"));
            found.titles.push(first("title").unwrap_or_default());
        }
        if let Some(tree) = &ask.facets {
            let own: Vec<&str> = ask.filters.attributes.keys().map(String::as_str).collect();
            let facets = &reply["aggregations"];
            found.counts = Some(counts(facets, &own, attributes, &|key| tree.offers_facet(key)));
        }
        Ok(found)
    }

    /// What lifts each of the first: its category's share, and how close together its title has the words.
    pub fn lifts(&self, weights: &Weights, sequence: &[String], refined: usize) -> Vec<f32> {
        let mut numbers: HashMap<&str, usize> = HashMap::new();
        let mut number = |name| {
            let next = numbers.len();
            *numbers.entry(name).or_insert(next)
        };
        let best = &self.best[..refined];
        let category = |candidate: &Candidate| self.categories[candidate.doc as usize].as_deref();
        let voters: Vec<(f32, Option<usize>)> =
            best.iter().map(|candidate| (candidate.score, category(candidate).map(&mut number))).collect();
        let shares = category_shares(voters.into_iter());
        let mut factors: Vec<f32> = shares.into_iter().map(|share| 1.0 + weights.category * share).collect();
        if weights.proximity > 0.0 && sequence.len() > 1 {
            for (factor, candidate) in factors.iter_mut().zip(best).take(TITLES) {
                let title = &self.titles[candidate.doc as usize];
                let mut places: Vec<(u32, usize)> = (0u32..)
                    .zip(title.split(' '))
                    .flat_map(|(place, word)| {
                        let same = sequence.iter().enumerate().filter(move |(_, term)| *term == word);
                        same.map(move |(term, _)| (place, term))
                    })
                    .collect();
                *factor += weights.proximity * closeness(&mut places, sequence.len());
            }
        }
        factors
    }
}

/// The place in the order, as both engines write it, and the score.
fn key(sort: Sort, values: &[Value]) -> Result<(u64, f32), Error> {
    let number = |at: usize| values.get(at).and_then(Value::as_u64).ok_or_else(|| strange("a number to sort by"));
    let key = match sort {
        Sort::Relevance => {
            let raw = values.first().and_then(Value::as_f64).ok_or_else(|| strange("a score"))?;
            #[expect(clippy::cast_possible_truncation, reason = "scores are of single precision")]
            let raw = raw as f32;
            let is_whole = raw >= WHOLE;
            let score = if is_whole { raw - WHOLE } else { raw };
            return Ok((score_key(score, is_whole), score));
        }
        Sort::PriceAsc => u64::MAX - number(0)?,
        Sort::Rating => number(0)? << 16 | number(1)?.min(0xffff),
        Sort::Newest | Sort::PriceDesc | Sort::Popular => number(0)?,
    };
    Ok((key, 1.0))
}

fn buckets(facet: &Value) -> impl Iterator<Item = (&Value, u64)> {
    let buckets = facet["buckets"].as_array().map(Vec::as_slice).unwrap_or_default();
    buckets.iter().map(|bucket| (&bucket["key"], bucket["doc_count"].as_u64().unwrap_or_default()))
}

fn by_id<I: TypedId>(facet: &Value) -> impl Iterator<Item = (I, u64)> {
    let id = |key: &Value| key.as_str().and_then(|key| Uuid::parse_str(key).ok()).map(I::from_uuid);
    buckets(&facet["all"]).filter_map(move |(key, count)| Some((id(key)?, count)))
}

fn counts(facets: &Value, own: &[&str], attributes: usize, facetable: &dyn Fn(&str) -> bool) -> Counts {
    let mut steps = [0; STEPS];
    for (step, count) in buckets(&facets["price"]["all"]) {
        let step = step.as_u64().and_then(|step| usize::try_from(step).ok());
        if let Some(place) = step.and_then(|step| steps.get_mut(step)) {
            *place += count;
        }
    }
    let mut stars = [0; 4];
    for bucket in facets["rating"]["all"]["buckets"].as_array().into_iter().flatten() {
        let place = [400.0, 300.0, 200.0, 100.0].iter().position(|least| bucket["from"].as_f64() == Some(*least));
        if let Some(place) = place {
            stars[place] = bucket["doc_count"].as_u64().unwrap_or_default();
        }
    }
    let values = |facet: &Value| -> Vec<(Arc<str>, u64)> {
        buckets(&facet["values"]).filter_map(|(value, count)| Some((value.as_str()?.into(), count))).collect()
    };
    let mut shown: Vec<Attribute> = own
        .iter()
        .enumerate()
        .filter(|(_, key)| facetable(key))
        .map(|(index, key)| ((*key).into(), values(&facets[format!("attribute_{index}")]["all"]["keys"])))
        .collect();
    let others = facets["attributes"]["all"]["keys"]["buckets"].as_array().into_iter().flatten();
    let others = others.filter_map(|bucket| Some((bucket["key"].as_str()?, values(bucket))));
    let room = attributes.saturating_sub(shown.len());
    shown.extend(others.filter(|(key, _)| facetable(key)).take(room).map(|(key, values)| (key.into(), values)));
    shown.retain(|(_, values)| !values.is_empty());
    Counts {
        categories: by_id::<CategoryId>(&facets["category"]).collect(),
        sellers: by_id::<SellerId>(&facets["seller"]).collect(),
        prices: prices::ranges(&steps),
        stars,
        attributes: shown,
    }
}
