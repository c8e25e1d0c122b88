//! The filters of a search in one segment.

use std::collections::BTreeMap;

use souk_kernel::{CategoryId, SellerId, TypedId};
use tantivy::{
    DocId, DocSet, TERMINATED, TantivyError, columnar::BytesColumn, index::InvertedIndexReader, postings::Postings,
    schema::IndexRecordOption,
};

use super::{
    postings::Cursor,
    snapshot::{self, Segment},
};
use crate::domain::{
    item::{SEPARATOR, filter_term},
    ranking::Signals,
};

/// What a filter on an attribute asks for.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Wanted {
    /// One of these values; `None` when any will do.
    pub texts: Option<Vec<String>>,
    pub at_least: Option<f64>,
    pub at_most: Option<f64>,
}

/// The filters of a search.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Filters {
    /// One of these.
    pub categories: Option<Vec<CategoryId>>,
    /// Offered by one of these.
    pub sellers: Option<Vec<SellerId>>,
    pub price_min: Option<i64>,
    pub price_max: Option<i64>,
    pub in_stock: Option<bool>,
    /// Average stars of at least so many hundredths.
    pub stars_min: Option<u16>,
    pub external_id: Option<String>,
    pub attributes: BTreeMap<String, Wanted>,
}

/// A filter whose own facet counts as if it weren't set.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Dimension {
    Category,
    Seller,
    Price,
    Rating,
    /// The attribute at this place in [`Filters::attributes`].
    Attribute(usize),
}

/// What the filters say of a document.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    Passes,
    /// Only this filter keeps it out.
    KeptOutBy(Dimension),
    Fails,
}

/// The filters, ready for one segment.
pub struct Checks<'a> {
    segment: &'a Segment,
    filters: &'a Filters,
    /// What is demanded word by word.
    phrases: Option<Bits>,
    /// By the segment's own numbers.
    categories: Option<Vec<bool>>,
    sellers: Option<Vec<bool>>,
    external_id: Option<Bits>,
    attributes: Vec<Bits>,
    /// Whether some prices of the segment are outside of what is asked for.
    prices: bool,
    /// Whether there is nothing to check.
    open: bool,
}

impl<'a> Checks<'a> {
    /// Looks up what the filters name, and who has all of the phrases.
    pub fn new(filters: &'a Filters, phrases: &[Vec<String>], segment: &'a Segment) -> Result<Self, TantivyError> {
        let size = segment.reader.max_doc();
        let bytes = |ids: &[uuid::Uuid], column: Option<&BytesColumn>| match column {
            Some(column) => known(column, ids).map(Some),
            None => Ok(Some(Vec::new())),
        };
        let categories = match &filters.categories {
            Some(ids) => {
                let ids: Vec<_> = ids.iter().map(|id| id.uuid()).collect();
                bytes(&ids, segment.category.as_ref())?
            }
            None => None,
        };
        let sellers = match &filters.sellers {
            Some(ids) => {
                let ids: Vec<_> = ids.iter().map(|id| id.uuid()).collect();
                bytes(&ids, segment.sellers.as_ref())?
            }
            None => None,
        };
        let external_id = match &filters.external_id {
            Some(id) => {
                let mut bits = Bits::new(size);
                bits.add(&segment.external_id, id)?;
                Some(bits)
            }
            None => None,
        };
        let attributes = filters.attributes.iter().map(|(key, wanted)| attribute(segment, key, wanted));
        let attributes = attributes.collect::<Result<_, _>>()?;
        let prices = prices(filters, segment);
        let others = Filters { price_min: None, price_max: None, ..filters.clone() };
        let open = !prices && phrases.is_empty() && others == Filters::default();
        let phrases = self::phrases(segment, phrases)?;
        Ok(Self { segment, filters, phrases, categories, sellers, external_id, attributes, prices, open })
    }

    /// What they say of a document.
    pub fn verdict(&self, doc: DocId) -> Verdict {
        if self.open {
            return Verdict::Passes;
        }
        let filters = self.filters;
        if [&self.phrases, &self.external_id].into_iter().flatten().any(|bits| !bits.has(doc)) {
            return Verdict::Fails;
        }
        let signals = (filters.in_stock.is_some() || filters.stars_min.is_some())
            .then(|| Signals::unpack(self.segment.signals.get_val(doc)));
        if let (Some(wanted), Some(signals)) = (filters.in_stock, signals)
            && signals.in_stock != wanted
        {
            return Verdict::Fails;
        }
        let mut verdict = Verdict::Passes;
        let mut fail = |dimension| {
            verdict = match verdict {
                Verdict::Passes => Verdict::KeptOutBy(dimension),
                Verdict::KeptOutBy(_) | Verdict::Fails => Verdict::Fails,
            };
        };
        let has = |column: Option<&BytesColumn>, wanted: &[bool]| {
            column.is_some_and(|column| {
                column.term_ords(doc).any(|ord| usize::try_from(ord).is_ok_and(|ord| wanted.get(ord) == Some(&true)))
            })
        };
        if let Some(wanted) = &self.categories
            && !has(self.segment.category.as_ref(), wanted)
        {
            fail(Dimension::Category);
        }
        if let Some(wanted) = &self.sellers
            && !has(self.segment.sellers.as_ref(), wanted)
        {
            fail(Dimension::Seller);
        }
        if self.prices {
            let price = i64::try_from(self.segment.price.get_val(doc)).unwrap_or(i64::MAX);
            if filters.price_min.is_some_and(|min| price < min) || filters.price_max.is_some_and(|max| price > max) {
                fail(Dimension::Price);
            }
        }
        if let (Some(min), Some(signals)) = (filters.stars_min, signals)
            && signals.stars < min
        {
            fail(Dimension::Rating);
        }
        for (index, bits) in self.attributes.iter().enumerate() {
            if !bits.has(doc) {
                fail(Dimension::Attribute(index));
            }
        }
        verdict
    }
}

/// Whether a filter keeps some prices of the segment out: most prices that are asked for at most, or at least, are beyond them.
fn prices(filters: &Filters, segment: &Segment) -> bool {
    let signed = |price| i64::try_from(price).unwrap_or(i64::MAX);
    let (lowest, highest) = (signed(segment.price.min_value()), signed(segment.price.max_value()));
    filters.price_min.is_some_and(|min| lowest < min) || filters.price_max.is_some_and(|max| highest > max)
}

/// Who has all of the phrases; `None` when none is demanded.
fn phrases(segment: &Segment, phrases: &[Vec<String>]) -> Result<Option<Bits>, TantivyError> {
    let mut all: Option<Bits> = None;
    for phrase in phrases {
        let mut bits = Bits::new(segment.reader.max_doc());
        match phrase.as_slice() {
            [term] => bits.add(&segment.text, term)?,
            terms => {
                for field in [&segment.title, &segment.phrases] {
                    each_with_phrase(field, terms, |doc| bits.set(doc))?;
                }
            }
        }
        match &mut all {
            Some(all) => all.keep(&bits),
            None => all = Some(bits),
        }
    }
    Ok(all)
}

/// Every document with the terms side by side in this order.
fn each_with_phrase(
    field: &InvertedIndexReader,
    terms: &[String],
    mut each: impl FnMut(DocId),
) -> Result<(), TantivyError> {
    let mut postings = Vec::with_capacity(terms.len());
    for term in terms {
        let Some(info) = field.terms().get(term)? else { return Ok(()) };
        postings.push(field.read_postings_from_terminfo(&info, IndexRecordOption::WithFreqsAndPositions)?);
    }
    // Where the phrase may begin in the document at hand, and the positions of one of its terms.
    let (mut starts, mut positions) = (Vec::new(), Vec::new());
    let mut doc = 0;
    while doc != TERMINATED {
        let mut next = doc;
        for postings in &mut postings {
            let at = if postings.doc() < next { postings.seek(next) } else { postings.doc() };
            next = next.max(at);
        }
        if next > doc {
            // One of them is further on: the others have to come there.
            doc = next;
            continue;
        }
        for (offset, postings) in (0..).zip(&mut postings) {
            postings.positions(&mut positions);
            if offset == 0 {
                starts.clone_from(&positions);
            } else {
                starts.retain(|start: &u32| positions.binary_search(&(start + offset)).is_ok());
            }
        }
        if !starts.is_empty() {
            each(doc);
        }
        doc += 1;
    }
    Ok(())
}

/// Which of the column's terms are among the ids.
fn known(column: &BytesColumn, ids: &[uuid::Uuid]) -> Result<Vec<bool>, TantivyError> {
    let mut wanted = vec![false; column.num_terms()];
    for id in ids {
        let ord = column.dictionary().term_ord(id.as_bytes())?;
        if let Some(place) = ord.and_then(|ord| usize::try_from(ord).ok()).and_then(|ord| wanted.get_mut(ord)) {
            *place = true;
        }
    }
    Ok(wanted)
}

fn attribute(segment: &Segment, key: &str, wanted: &Wanted) -> Result<Bits, TantivyError> {
    let size = segment.reader.max_doc();
    let mut bits = Bits::new(size);
    if let Some(texts) = &wanted.texts {
        for text in texts {
            bits.add(&segment.attributes, &filter_term(key, text))?;
        }
    }
    if wanted.at_least.is_none() && wanted.at_most.is_none() {
        return Ok(bits);
    }
    // Numbers are terms as well; an attribute has few different ones.
    let prefix = format!("{key}{SEPARATOR}");
    let mut ranged = Bits::new(size);
    let mut terms = segment.attributes.terms().range().ge(&prefix).into_stream()?;
    while terms.advance() {
        let Some(value) = terms.key().strip_prefix(prefix.as_bytes()) else { break };
        let number = std::str::from_utf8(value).ok().and_then(|text| text.parse::<f64>().ok());
        let fits = number.is_some_and(|number| {
            number.is_finite()
                && wanted.at_least.is_none_or(|least| number >= least)
                && wanted.at_most.is_none_or(|most| number <= most)
        });
        if fits {
            let block =
                segment.attributes.read_block_postings_from_terminfo(terms.value(), IndexRecordOption::Basic)?;
            Cursor::new(block).read(DocId::MAX, |doc, _| ranged.set(doc));
        }
    }
    if wanted.texts.is_some() {
        bits.keep(&ranged);
        return Ok(bits);
    }
    Ok(ranged)
}

/// A set of a segment's documents.
struct Bits(Vec<u64>);

impl Bits {
    fn new(size: u32) -> Self {
        Self(vec![0; (size as usize).div_ceil(64)])
    }

    fn set(&mut self, doc: DocId) {
        self.0[doc as usize / 64] |= 1 << (doc % 64);
    }

    fn has(&self, doc: DocId) -> bool {
        self.0[doc as usize / 64] >> (doc % 64) & 1 == 1
    }

    fn keep(&mut self, others: &Self) {
        for (word, other) in self.0.iter_mut().zip(&others.0) {
            *word &= other;
        }
    }

    fn add(&mut self, field: &InvertedIndexReader, term: &str) -> Result<(), TantivyError> {
        if let Some(mut cursor) = snapshot::cursor(field, term, IndexRecordOption::Basic)? {
            cursor.read(DocId::MAX, |doc, _| self.set(doc));
        }
        Ok(())
    }
}
