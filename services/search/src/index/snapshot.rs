//! One state of the index, opened for reading: what a query sees does not change under it.

use std::{
    collections::HashMap,
    hash::{DefaultHasher, Hasher},
    sync::{Arc, Mutex, PoisonError, RwLock},
};

use souk_kernel::ProductId;
use tantivy::{
    DocId, Index, SegmentReader, TantivyDocument, TantivyError,
    columnar::{BytesColumn, ColumnValues, StrColumn},
    index::{InvertedIndexReader, SegmentId},
    postings::Postings,
    schema::{IndexRecordOption, Value},
    store::StoreReader,
};

use super::{
    columns::{self, Columns, Terms},
    postings::Cursor,
    schema::{Layout, name},
};
use crate::domain::{
    item::{SEPARATOR, Summary},
    ranking::{Signals, Weights},
};

/// Blocks of summaries that are kept for each segment, 16 KiB each.
const KEPT_BLOCKS: usize = 4;
/// Summaries that are kept for each segment, about 2 KiB each.
const KEPT_SUMMARIES: usize = 1_000;

/// All segments.
pub struct Snapshot {
    pub segments: Vec<Arc<Segment>>,
    /// Products in all.
    pub products: u32,
    /// Counts the states of one index.
    pub generation: u64,
    pub layout: Layout,
}

/// One segment with all that queries read.
pub struct Segment {
    pub reader: SegmentReader,
    pub text: Arc<InvertedIndexReader>,
    pub title: Arc<InvertedIndexReader>,
    pub phrases: Arc<InvertedIndexReader>,
    pub words: Arc<InvertedIndexReader>,
    pub attributes: Arc<InvertedIndexReader>,
    pub external_id: Arc<InvertedIndexReader>,
    pub store: StoreReader,
    pub tie: Arc<dyn ColumnValues<u64>>,
    pub price: Arc<dyn ColumnValues<u64>>,
    pub signals: Arc<dyn ColumnValues<u64>>,
    pub created: Arc<dyn ColumnValues<u64>>,
    pub category: Option<BytesColumn>,
    pub sellers: Option<BytesColumn>,
    pub facets: Option<StrColumn>,
    pub keys: Arc<Keys>,
    pub columns: Arc<Columns>,
    kept: Arc<Kept>,
}

/// What was worked out of a segment's documents, which never change.
#[derive(Default)]
struct Kept {
    /// What the same few products look like that are shown again and again.
    summaries: Mutex<HashMap<DocId, Arc<Summary>>>,
    priors: RwLock<Option<Priors>>,
}

/// What the score of each document is multiplied by, as of a day.
#[derive(Clone)]
struct Priors {
    day: i64,
    weights: Weights,
    factors: Arc<[f32]>,
}

/// Which attribute each term of the facets belongs to. The terms are sorted, so those of one attribute are neighbours.
#[derive(Debug, Default)]
pub struct Keys {
    pub names: Vec<Arc<str>>,
    /// By attribute: names it in all segments.
    pub name_hashes: Vec<u64>,
    /// The first term of each, and the end.
    pub starts: Vec<u32>,
    /// By term; `u16::MAX` for those of too many attributes.
    pub of_term: Vec<u16>,
    /// By term: names it in all segments, so that counts can be added up without reading the terms.
    pub hashes: Vec<u64>,
    /// Terms that were shown: the same few are shown again and again.
    spelled: Mutex<HashMap<u64, Arc<str>>>,
}

/// Terms that are remembered as they are spelled.
const REMEMBERED: usize = 20_000;

fn hash(bytes: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write(bytes);
    hasher.finish()
}

impl Keys {
    /// Which attribute the term belongs to.
    pub fn of(&self, term: u32) -> Option<usize> {
        let key = *self.of_term.get(term as usize)?;
        (key != u16::MAX).then_some(usize::from(key))
    }

    /// Tells the values of these terms, which are sorted.
    pub fn spell(
        &self,
        facets: &StrColumn,
        terms: &[u64],
        mut tell: impl FnMut(u64, Arc<str>),
    ) -> Result<(), TantivyError> {
        let mut unknown = Vec::new();
        let mut known = self.spelled.lock().unwrap_or_else(PoisonError::into_inner);
        for term in terms {
            match known.get(term) {
                Some(text) => tell(*term, Arc::clone(text)),
                None => unknown.push(*term),
            }
        }
        if known.len() > REMEMBERED {
            known.clear();
        }
        let mut next = unknown.iter();
        facets.dictionary().sorted_ords_to_term_cb(&unknown, |text| {
            let text = std::str::from_utf8(text).unwrap_or_default();
            let value: Arc<str> = text.split_once(SEPARATOR).map_or(text, |(_, value)| value).into();
            if let Some(term) = next.next() {
                known.insert(*term, Arc::clone(&value));
                tell(*term, value);
            }
        })?;
        Ok(())
    }

    fn read(facets: &StrColumn) -> Result<Self, TantivyError> {
        let mut keys = Self::default();
        let mut terms = facets.dictionary().stream()?;
        let mut term = 0;
        while terms.advance() {
            let text = std::str::from_utf8(terms.key()).unwrap_or_default();
            let key = text.split_once(SEPARATOR).map_or(text, |(key, _)| key);
            if keys.names.last().is_none_or(|last| **last != *key) {
                keys.names.push(key.into());
                keys.name_hashes.push(hash(key.as_bytes()));
                keys.starts.push(term);
            }
            keys.hashes.push(hash(terms.key()));
            keys.of_term.push(u16::try_from(keys.names.len() - 1).unwrap_or(u16::MAX));
            term += 1;
        }
        keys.starts.push(term);
        Ok(keys)
    }
}

impl Snapshot {
    /// The state of `index` as it is committed. What the snapshot before knows of segments that are still there is kept.
    pub fn open(index: &Index, layout: Layout, before: Option<&Self>) -> Result<Self, TantivyError> {
        let known: HashMap<SegmentId, &Arc<Segment>> = before
            .map(|before| before.segments.iter().map(|segment| (segment.reader.segment_id(), segment)).collect())
            .unwrap_or_default();
        let mut segments = Vec::new();
        for segment in index.searchable_segments()? {
            let known = known.get(&segment.id()).copied();
            let unchanged = known.filter(|known| known.reader.delete_opstamp() == segment.meta().delete_opstamp());
            segments.push(match unchanged {
                Some(unchanged) => Arc::clone(unchanged),
                None => Arc::new(Segment::open(SegmentReader::open(&segment)?, layout, known)?),
            });
        }
        let products = segments.iter().map(|segment| segment.reader.num_docs()).sum();
        let generation = before.map_or(0, |before| before.generation + 1);
        Ok(Self { segments, products, generation, layout })
    }
}

impl Snapshot {
    /// All products with the versions that are in the index.
    pub fn versions(&self) -> Result<HashMap<ProductId, i64>, TantivyError> {
        let mut found = HashMap::with_capacity(self.products as usize);
        for segment in &self.segments {
            for doc in segment.reader.doc_ids_alive() {
                let summary = segment.stored(doc, self.layout)?;
                found.insert(summary.id, summary.version);
            }
        }
        Ok(found)
    }
}

impl Segment {
    /// What is shown of a product.
    pub fn summary(&self, doc: DocId, layout: Layout) -> Result<Arc<Summary>, TantivyError> {
        let kept = || self.kept.summaries.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(summary) = kept().get(&doc) {
            return Ok(Arc::clone(summary));
        }
        let summary = Arc::new(self.stored(doc, layout)?);
        let mut kept = kept();
        if kept.len() >= KEPT_SUMMARIES {
            kept.clear();
        }
        kept.insert(doc, Arc::clone(&summary));
        Ok(summary)
    }

    /// What each document's score is multiplied by for all but its words, by its number.
    pub fn priors(&self, weights: &Weights, now: i64) -> Arc<[f32]> {
        let day = now.div_euclid(86_400);
        let known = self.kept.priors.read().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(Priors { factors, .. }) = known.filter(|known| known.day == day && known.weights == *weights) {
            return factors;
        }
        let factor = |doc| {
            let created = i64::try_from(self.created.get_val(doc)).unwrap_or_default();
            #[expect(clippy::cast_precision_loss, reason = "days")]
            let age = (day - created.div_euclid(86_400)) as f32;
            weights.prior(Signals::unpack(self.signals.get_val(doc)), age)
        };
        let factors: Arc<[f32]> = (0..self.reader.max_doc()).map(factor).collect();
        let priors = Priors { day, weights: *weights, factors: Arc::clone(&factors) };
        *self.kept.priors.write().unwrap_or_else(PoisonError::into_inner) = Some(priors);
        factors
    }

    /// What is stored of a product.
    fn stored(&self, doc: DocId, layout: Layout) -> Result<Summary, TantivyError> {
        let document: TantivyDocument = self.store.get(doc)?;
        let value = document.get_first(layout.summary);
        let summary = value.and_then(|value| value.as_bytes().and_then(|bytes| serde_json::from_slice(bytes).ok()));
        summary.ok_or_else(|| TantivyError::InternalError("a summary can't be read".to_owned()))
    }

    fn open(reader: SegmentReader, layout: Layout, before: Option<&Arc<Self>>) -> Result<Self, TantivyError> {
        let fast = reader.fast_fields();
        let facets = fast.str(name::FACETS)?;
        let keys = match (before, &facets) {
            (Some(before), _) => Arc::clone(&before.keys),
            (None, Some(facets)) => Arc::new(Keys::read(facets)?),
            (None, None) => Arc::default(),
        };
        let (category, sellers) = (fast.bytes(name::CATEGORY)?, fast.bytes(name::SELLERS)?);
        let price = fast.column_first_or_default(name::PRICE)?;
        let signals = fast.column_first_or_default(name::SIGNALS)?;
        let unpacked = || {
            let documents = reader.max_doc();
            let terms = |column: &Option<BytesColumn>| Terms::read(column.as_ref().map(BytesColumn::ords), documents);
            Ok::<_, TantivyError>(Arc::new(Columns {
                steps: columns::steps(&*price, documents),
                stars: columns::stars(&*signals, documents),
                category: terms(&category),
                categories: columns::ids(category.as_ref())?,
                sellers: terms(&sellers),
                all_sellers: columns::ids(sellers.as_ref())?,
                facets: Terms::read(facets.as_ref().map(|facets| facets.ords()), documents),
            }))
        };
        let columns = before.map_or_else(unpacked, |before| Ok(Arc::clone(&before.columns)))?;
        Ok(Self {
            text: reader.inverted_index(layout.text)?,
            title: reader.inverted_index(layout.title)?,
            phrases: reader.inverted_index(layout.phrases)?,
            words: reader.inverted_index(layout.words)?,
            attributes: reader.inverted_index(layout.attributes)?,
            external_id: reader.inverted_index(layout.external_id)?,
            store: reader.get_store_reader(KEPT_BLOCKS)?,
            tie: fast.column_first_or_default(name::TIE)?,
            price,
            signals,
            created: fast.column_first_or_default(name::CREATED)?,
            category,
            sellers,
            facets,
            keys,
            columns,
            kept: before.map(|before| Arc::clone(&before.kept)).unwrap_or_default(),
            reader,
        })
    }

    /// The documents of a term with their levels.
    pub fn levels(&self, term: &str) -> Result<Option<Cursor>, TantivyError> {
        cursor(&self.text, term, IndexRecordOption::WithFreqs)
    }

    /// Products of the segment that have the term.
    pub fn frequency(&self, term: &str) -> Result<u32, TantivyError> {
        Ok(self.text.terms().get(term)?.map_or(0, |info| info.doc_freq))
    }

    /// The documents with the term in their titles, with its positions.
    pub fn title_positions(&self, term: &str) -> Result<Option<impl Postings + use<>>, TantivyError> {
        let Some(info) = self.title.terms().get(term)? else { return Ok(None) };
        Ok(Some(self.title.read_postings_from_terminfo(&info, IndexRecordOption::WithFreqsAndPositions)?))
    }
}

/// The documents of a term.
pub fn cursor(
    field: &InvertedIndexReader,
    term: &str,
    option: IndexRecordOption,
) -> Result<Option<Cursor>, TantivyError> {
    let Some(info) = field.terms().get(term)? else { return Ok(None) };
    Ok(Some(Cursor::new(field.read_block_postings_from_terminfo(&info, option)?)))
}
