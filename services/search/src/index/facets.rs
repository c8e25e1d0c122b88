//! Counts the hits by category, seller, price, stars and attribute.
//!
//! A facet whose own filter is set counts the products that only that filter keeps out as well (drill sideways), so that
//! it shows what choosing something else would give.

use std::{cell::RefCell, collections::HashMap, mem, sync::Arc};

use souk_kernel::{CategoryId, SellerId, TypedId};
use tantivy::{DocId, TantivyError};
use uuid::Uuid;

use super::{
    attributes::attributes,
    columns::Terms,
    filters::{Dimension, Filters},
    snapshot::Segment,
};
use crate::domain::prices::{self, STEPS};

/// What a search found in one segment.
#[derive(Debug)]
pub struct Found {
    pub hits: Vec<DocId>,
    /// What one filter alone kept out, by that filter.
    pub aside: Vec<(Dimension, Vec<DocId>)>,
}

/// Room for hits that a thread keeps for its next search: of a large catalogue there are many.
const SPARE: usize = 64;

thread_local! {
    static ROOM: RefCell<Vec<Vec<DocId>>> = RefCell::default();
}

impl Drop for Found {
    fn drop(&mut self) {
        let mut hits = mem::take(&mut self.hits);
        if hits.capacity() > 0 {
            hits.clear();
            // At the end of a thread there may be no room any more.
            let _ = ROOM.try_with(|room| {
                let mut room = room.borrow_mut();
                if room.len() < SPARE {
                    room.push(hits);
                }
            });
        }
    }
}

impl Default for Found {
    fn default() -> Self {
        let hits = ROOM.with_borrow_mut(Vec::pop).unwrap_or_default();
        Self { hits, aside: Vec::new() }
    }
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
pub type Attribute = (Arc<str>, Vec<(Arc<str>, u64)>);

/// Counts what was found.
pub fn count(segments: &[(&Segment, Found)], filters: &Filters, wish: Wish<'_>) -> Result<Counts, TantivyError> {
    let mut counts = Counts::default();
    let mut steps = [0; STEPS];
    for (segment, found) in segments {
        let columns = &segment.columns;
        for (id, count) in by_term(&columns.category, &columns.categories, found.counted(Dimension::Category)) {
            *counts.categories.entry(CategoryId::from_uuid(id)).or_default() += count;
        }
        for (id, count) in by_term(&columns.sellers, &columns.all_sellers, found.counted(Dimension::Seller)) {
            *counts.sellers.entry(SellerId::from_uuid(id)).or_default() += count;
        }
        for doc in found.counted(Dimension::Price) {
            steps[usize::from(columns.steps[doc as usize])] += 1;
        }
        let mut reached = [0; 5];
        for doc in found.counted(Dimension::Rating) {
            reached[usize::from(columns.stars[doc as usize])] += 1;
        }
        // Four stars are also three.
        for (place, least) in counts.stars.iter_mut().zip([4, 3, 2, 1]) {
            *place += reached[least..].iter().sum::<u64>();
        }
    }
    counts.prices = prices::ranges(&steps);
    counts.attributes = attributes(segments, filters, wish)?;
    Ok(counts)
}

fn by_term(terms: &Terms, ids: &[Uuid], docs: impl Iterator<Item = DocId>) -> Vec<(Uuid, u64)> {
    let mut counts = vec![0u64; ids.len()];
    for term in docs.flat_map(|doc| terms.of(doc)) {
        counts[*term as usize] += 1;
    }
    ids.iter().copied().zip(counts).filter(|(_, count)| *count > 0).collect()
}
