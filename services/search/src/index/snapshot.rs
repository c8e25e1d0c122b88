//! One state of the index, opened for reading: what a query sees does not change under it.

use std::{
    collections::HashMap,
    hash::{DefaultHasher, Hasher},
    sync::{Arc, Mutex, PoisonError},
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
    postings::Cursor,
    schema::{Layout, name},
};
use crate::domain::item::{SEPARATOR, Summary};

/// Blocks of summaries that are kept for each segment, 16 KiB each.
const KEPT_BLOCKS: usize = 16;

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
}

/// Which attribute each term of the facets belongs to. The terms are sorted, so those of one attribute are neighbours.
#[derive(Debug, Default)]
pub struct Keys {
    pub names: Vec<String>,
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

impl Keys {
    /// The values of these terms, which are sorted.
    pub fn spell(&self, facets: &StrColumn, terms: &[u64]) -> Result<Vec<Arc<str>>, TantivyError> {
        let mut known = self.spelled.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() > REMEMBERED {
            known.clear();
        }
        let unknown: Vec<u64> = terms.iter().copied().filter(|term| !known.contains_key(term)).collect();
        let mut next = unknown.iter();
        facets.dictionary().sorted_ords_to_term_cb(&unknown, |text| {
            let text = std::str::from_utf8(text).unwrap_or_default();
            let value = text.split_once(SEPARATOR).map_or(text, |(_, value)| value);
            if let Some(term) = next.next() {
                known.insert(*term, value.into());
            }
        })?;
        Ok(terms.iter().map(|term| known.get(term).cloned().unwrap_or_else(|| "".into())).collect())
    }

    fn read(facets: &StrColumn) -> Result<Self, TantivyError> {
        let mut keys = Self::default();
        let mut terms = facets.dictionary().stream()?;
        let mut term = 0;
        while terms.advance() {
            let text = std::str::from_utf8(terms.key()).unwrap_or_default();
            let key = text.split_once(SEPARATOR).map_or(text, |(key, _)| key);
            if keys.names.last().is_none_or(|last| last != key) {
                keys.names.push(key.to_owned());
                keys.starts.push(term);
            }
            let mut hasher = DefaultHasher::new();
            hasher.write(terms.key());
            keys.hashes.push(hasher.finish());
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
                let summary = segment.summary(doc, self.layout)?;
                found.insert(summary.id, summary.version);
            }
        }
        Ok(found)
    }
}

impl Segment {
    /// What is shown of a product.
    pub fn summary(&self, doc: DocId, layout: Layout) -> Result<Summary, TantivyError> {
        let document: TantivyDocument = self.store.get(doc)?;
        let bytes = document.get_first(layout.summary).and_then(|value| value.as_bytes().map(<[u8]>::to_vec));
        let summary = bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok());
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
        Ok(Self {
            text: reader.inverted_index(layout.text)?,
            title: reader.inverted_index(layout.title)?,
            words: reader.inverted_index(layout.words)?,
            attributes: reader.inverted_index(layout.attributes)?,
            external_id: reader.inverted_index(layout.external_id)?,
            store: reader.get_store_reader(KEPT_BLOCKS)?,
            tie: fast.column_first_or_default(name::TIE)?,
            price: fast.column_first_or_default(name::PRICE)?,
            signals: fast.column_first_or_default(name::SIGNALS)?,
            created: fast.column_first_or_default(name::CREATED)?,
            category: fast.bytes(name::CATEGORY)?,
            sellers: fast.bytes(name::SELLERS)?,
            facets,
            keys,
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
