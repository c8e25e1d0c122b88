//! Counts the hits by category, seller, price, stars and attribute.
//!
//! A facet whose own filter is set counts the products that only that filter keeps out as well (drill sideways), so that
//! it shows what choosing something else would give.

use std::collections::HashMap;

use souk_kernel::{CategoryId, SellerId, TypedId};
use tantivy::{DocId, TantivyError, columnar::BytesColumn};

use super::{
    filters::{Dimension, Filters},
    snapshot::Segment,
};
use crate::domain::{
    prices::{self, STEPS},
    ranking::Signals,
};

/// Hits that are looked at to choose the attributes that are shown.
const SAMPLE: usize = 512;

/// What a search found in one segment.
#[derive(Debug, Default)]
pub struct Found {
    pub hits: Vec<DocId>,
    /// What one filter alone kept out, by that filter.
    pub aside: Vec<(Dimension, Vec<DocId>)>,
}

impl Found {
    /// Notes a document that only this filter keeps out.
    pub fn put_aside(&mut self, dimension: Dimension, doc: DocId) {
        match self.aside.iter_mut().find(|(known, _)| *known == dimension) {
            Some((_, docs)) => docs.push(doc),
            None => self.aside.push((dimension, vec![doc])),
        }
    }

    /// What the facet of a dimension counts.
    fn counted(&self, dimension: Dimension) -> impl Iterator<Item = DocId> {
        let aside = self.aside.iter().filter(move |(known, _)| *known == dimension).flat_map(|(_, docs)| docs);
        self.hits.iter().chain(aside).copied()
    }
}

/// What of the facets is wanted.
#[derive(Clone, Copy)]
pub struct Wish<'a> {
    /// Attributes that are shown at most.
    pub attributes: usize,
    /// Values of one of them that are shown at most.
    pub values: usize,
    /// Whether an attribute may be shown.
    pub facetable: &'a (dyn Fn(&str) -> bool + Sync),
}

/// The counts.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Counts {
    pub categories: HashMap<CategoryId, u64>,
    pub sellers: HashMap<SellerId, u64>,
    pub prices: Vec<prices::Range>,
    /// Products with an average of at least 4, 3, 2 and 1 stars.
    pub stars: [u64; 4],
    /// The most frequent attribute first, the most frequent value first.
    pub attributes: Vec<Attribute>,
}

/// The key of an attribute, and its values with their counts.
pub type Attribute = (String, Vec<(String, u64)>);

/// Counts what was found.
pub fn count(segments: &[(&Segment, Found)], filters: &Filters, wish: Wish<'_>) -> Result<Counts, TantivyError> {
    let mut counts = Counts::default();
    let mut steps = [0; STEPS];
    for (segment, found) in segments {
        for (id, count) in by_term(segment.category.as_ref(), found.counted(Dimension::Category))? {
            *counts.categories.entry(CategoryId::from_uuid(id)).or_default() += count;
        }
        for (id, count) in by_term(segment.sellers.as_ref(), found.counted(Dimension::Seller))? {
            *counts.sellers.entry(SellerId::from_uuid(id)).or_default() += count;
        }
        for doc in found.counted(Dimension::Price) {
            steps[prices::step(i64::try_from(segment.price.get_val(doc)).unwrap_or(i64::MAX))] += 1;
        }
        for doc in found.counted(Dimension::Rating) {
            let stars = Signals::unpack(segment.signals.get_val(doc)).stars;
            for (place, least) in counts.stars.iter_mut().zip([400, 300, 200, 100]) {
                *place += u64::from(stars >= least);
            }
        }
    }
    counts.prices = prices::ranges(&steps);
    counts.attributes = attributes(segments, filters, wish)?;
    Ok(counts)
}

fn by_term(
    column: Option<&BytesColumn>,
    docs: impl Iterator<Item = DocId>,
) -> Result<Vec<(uuid::Uuid, u64)>, TantivyError> {
    let Some(column) = column else { return Ok(Vec::new()) };
    let mut counts = vec![0u64; column.num_terms()];
    for doc in docs {
        for ord in column.term_ords(doc) {
            if let Some(count) = usize::try_from(ord).ok().and_then(|ord| counts.get_mut(ord)) {
                *count += 1;
            }
        }
    }
    let mut found = Vec::new();
    let mut bytes = Vec::new();
    for (ord, count) in (0u64..).zip(counts).filter(|(_, count)| *count > 0) {
        column.ord_to_bytes(ord, &mut bytes)?;
        if let Ok(id) = uuid::Uuid::from_slice(&bytes) {
            found.push((id, count));
        }
    }
    Ok(found)
}

/// The attributes that are shown: those that are filtered by, then those that most of a sample of the hits have.
fn chosen(segments: &[(&Segment, Found)], filters: &Filters, wish: Wish<'_>) -> Vec<String> {
    let total: usize = segments.iter().map(|(_, found)| found.hits.len()).sum();
    let step = total.div_ceil(SAMPLE).max(1);
    let mut seen: HashMap<&str, usize> = HashMap::new();
    for (segment, found) in segments {
        let Some(column) = &segment.facets else { continue };
        let mut by_key = vec![0usize; segment.keys.names.len()];
        for doc in found.hits.iter().step_by(step) {
            let mut last = None;
            for ord in column.ords().values_for_doc(*doc) {
                let key = key_of(segment, ord);
                // Values of one attribute follow each other.
                if key != last
                    && let Some(key) = key
                {
                    by_key[key] += 1;
                }
                last = key;
            }
        }
        for (name, count) in segment.keys.names.iter().zip(by_key).filter(|(_, count)| *count > 0) {
            *seen.entry(name).or_default() += count;
        }
    }
    let mut seen: Vec<(&str, usize)> = seen.into_iter().filter(|(name, _)| (wish.facetable)(name)).collect();
    seen.sort_unstable_by(|(a, more), (b, less)| less.cmp(more).then_with(|| a.cmp(b)));
    let mut names: Vec<String> = filters.attributes.keys().filter(|name| (wish.facetable)(name)).cloned().collect();
    let own = names.len();
    names.extend(seen.into_iter().map(|(name, _)| name.to_owned()));
    let mut kept = 0;
    names.retain({
        let filtered: Vec<String> = names[..own].to_vec();
        move |name| {
            kept += 1;
            kept <= own || !filtered.contains(name)
        }
    });
    names.truncate(wish.attributes.max(own));
    names
}

fn key_of(segment: &Segment, ord: u64) -> Option<usize> {
    let key = *segment.keys.of_term.get(usize::try_from(ord).ok()?)?;
    (key != u16::MAX).then_some(usize::from(key))
}

fn attributes(
    segments: &[(&Segment, Found)],
    filters: &Filters,
    wish: Wish<'_>,
) -> Result<Vec<Attribute>, TantivyError> {
    let names = chosen(segments, filters, wish);
    // For each attribute its values: how many, and where one of the segments spells it.
    let mut values: Vec<HashMap<u64, (u64, usize, u64)>> = vec![HashMap::new(); names.len()];
    for (at, (segment, found)) in segments.iter().enumerate() {
        for (place, key, counts) in counted_values(segment, found, filters, &names) {
            let start = segment.keys.starts[key];
            for (ord, count) in (start..).zip(counts).filter(|(_, count)| *count > 0) {
                let known = values[place].entry(segment.keys.hashes[ord as usize]);
                known.or_insert((0, at, u64::from(ord))).0 += count;
            }
        }
    }
    let shown = names.into_iter().zip(values).filter(|(_, values)| !values.is_empty());
    let mut shown: Vec<(String, Vec<Value>)> =
        shown.map(|(name, values)| (name, most_frequent(values, wish.values))).collect();
    spell(segments, &mut shown)?;
    let spelled = |(name, values): (String, Vec<Value>)| {
        let mut values: Vec<(String, u64)> = values.into_iter().map(|value| (value.text, value.count)).collect();
        values.sort_unstable_by(|(a, more), (b, less)| less.cmp(more).then_with(|| a.cmp(b)));
        (name, values)
    };
    Ok(shown.into_iter().map(spelled).collect())
}

/// A value that is shown, and where it is spelled.
struct Value {
    count: u64,
    segment: usize,
    ord: u64,
    text: String,
}

fn most_frequent(values: HashMap<u64, (u64, usize, u64)>, most: usize) -> Vec<Value> {
    let mut values: Vec<(u64, (u64, usize, u64))> = values.into_iter().collect();
    let rank = |(hash, (count, ..)): &(u64, (u64, usize, u64))| (std::cmp::Reverse(*count), *hash);
    if values.len() > most && most > 0 {
        values.select_nth_unstable_by_key(most - 1, rank);
    }
    values.truncate(most);
    let value = |(_, (count, segment, ord))| Value { count, segment, ord, text: String::new() };
    values.into_iter().map(value).collect()
}

/// Reads the texts of the values, each segment's in one go.
fn spell(segments: &[(&Segment, Found)], shown: &mut [(String, Vec<Value>)]) -> Result<(), TantivyError> {
    for (at, (segment, _)) in segments.iter().enumerate() {
        let Some(column) = &segment.facets else { continue };
        let mut here: Vec<&mut Value> =
            shown.iter_mut().flat_map(|(_, values)| values).filter(|value| value.segment == at).collect();
        here.sort_unstable_by_key(|value| value.ord);
        let ords: Vec<u64> = here.iter().map(|value| value.ord).collect();
        for (value, text) in here.into_iter().zip(segment.keys.spell(column, &ords)?) {
            text.as_ref().clone_into(&mut value.text);
        }
    }
    Ok(())
}

/// For each wanted attribute that the segment has: its place among the wanted, in the segment, and the counts of its values.
fn counted_values(
    segment: &Segment,
    found: &Found,
    filters: &Filters,
    names: &[String],
) -> Vec<(usize, usize, Vec<u64>)> {
    let Some(column) = &segment.facets else { return Vec::new() };
    let mut wanted: Vec<(usize, usize, Vec<u64>)> = Vec::new();
    // By attribute of the segment: which of the wanted.
    let mut slots: Vec<u16> = vec![u16::MAX; segment.keys.names.len()];
    for (place, name) in names.iter().enumerate() {
        let Ok(key) = segment.keys.names.binary_search(name) else { continue };
        slots[key] = u16::try_from(wanted.len()).unwrap_or(u16::MAX);
        let size = segment.keys.starts[key + 1] - segment.keys.starts[key];
        wanted.push((place, key, vec![0; size as usize]));
    }
    let mut add = |doc, only: Option<usize>| {
        for ord in column.ords().values_for_doc(doc) {
            let Some(key) = key_of(segment, ord).filter(|key| only.is_none_or(|only| only == *key)) else { continue };
            if let Some((_, _, counts)) = wanted.get_mut(usize::from(slots[key])) {
                let at = ord - u64::from(segment.keys.starts[key]);
                counts[usize::try_from(at).unwrap_or_default()] += 1;
            }
        }
    };
    for doc in &found.hits {
        add(*doc, None);
    }
    for (dimension, docs) in &found.aside {
        let Dimension::Attribute(index) = dimension else { continue };
        let name = filters.attributes.keys().nth(*index);
        let Some(Ok(key)) = name.map(|name| segment.keys.names.binary_search(name)) else { continue };
        for doc in docs {
            add(*doc, Some(key));
        }
    }
    wanted
}
