//! The fields of the index, and how a product becomes a document of it.

use souk_kernel::{ProductId, TypedId};
use tantivy::{
    TantivyDocument,
    schema::{
        BytesOptions, FAST, Field, INDEXED, IndexRecordOption, NumericOptions, STORED, Schema, TextFieldIndexing,
        TextOptions,
    },
};

use super::tokenizers::{LEVELS, LIST, leveled};
use crate::domain::{
    analysis::Analyzer,
    item::{Item, Rating, Roles, comparables},
    ranking::Signals,
    texts::{Fields, Reader},
};

/// The fields.
#[derive(Clone, Copy, Debug)]
pub struct Layout {
    /// The product's id, 16 bytes.
    pub id: Field,
    /// Sixty-four bits of the id, well mixed: the order among equals.
    pub tie: Field,
    /// All terms, each as often as its level.
    pub text: Field,
    /// The title's terms with their positions.
    pub title: Field,
    /// The terms of all other texts with their positions, a gap after each text.
    pub phrases: Field,
    /// Words as they are spelled, for corrections and completions.
    pub words: Field,
    /// `key␟value` of every attribute, folded, for filters.
    pub attributes: Field,
    /// `key␟value` of attributes that are shown as facets.
    pub facets: Field,
    pub external_id: Field,
    pub category: Field,
    pub sellers: Field,
    pub price: Field,
    pub signals: Field,
    /// Seconds since 1970.
    pub created: Field,
    /// The summary as JSON.
    pub summary: Field,
}

/// Names of fields that are read by name.
pub mod name {
    pub const TIE: &str = "tie";
    pub const FACETS: &str = "facets";
    pub const CATEGORY: &str = "category";
    pub const SELLERS: &str = "sellers";
    pub const PRICE: &str = "price";
    pub const SIGNALS: &str = "signals";
    pub const CREATED: &str = "created";
}

impl Layout {
    /// The schema and its fields.
    pub fn build() -> (Schema, Self) {
        let mut schema = Schema::builder();
        let text = |tokenizer: &str, option| {
            let indexing = TextFieldIndexing::default().set_tokenizer(tokenizer).set_fieldnorms(false);
            TextOptions::default().set_indexing_options(indexing.set_index_option(option))
        };
        let number = || NumericOptions::from(FAST);
        let layout = Self {
            id: schema.add_bytes_field("id", INDEXED),
            tie: schema.add_u64_field(name::TIE, number()),
            text: schema.add_text_field("text", text(LEVELS, IndexRecordOption::WithFreqs)),
            title: schema.add_text_field("title", text(LIST, IndexRecordOption::WithFreqsAndPositions)),
            phrases: schema.add_text_field("phrases", text(LIST, IndexRecordOption::WithFreqsAndPositions)),
            words: schema.add_text_field("words", text(LIST, IndexRecordOption::Basic)),
            attributes: schema.add_text_field("attributes", text(LIST, IndexRecordOption::Basic)),
            facets: schema.add_text_field(name::FACETS, TextOptions::default().set_fast("raw")),
            external_id: schema.add_text_field("external_id", text(LIST, IndexRecordOption::Basic)),
            category: schema.add_bytes_field(name::CATEGORY, BytesOptions::default().set_fast()),
            sellers: schema.add_bytes_field(name::SELLERS, BytesOptions::default().set_fast()),
            price: schema.add_u64_field(name::PRICE, number()),
            signals: schema.add_u64_field(name::SIGNALS, number()),
            created: schema.add_u64_field(name::CREATED, number()),
            summary: schema.add_bytes_field("summary", STORED),
        };
        (schema.build(), layout)
    }

    /// The document of a product.
    pub fn document(&self, item: &Item, fields: &Fields, roles: &Roles, desk: &mut Desk) -> TantivyDocument {
        let Desk { analyzer, reader, text } = desk;
        let summary = &item.summary;
        reader.read(&item.texts(roles), fields, analyzer);
        let mut document = TantivyDocument::default();
        document.add_bytes(self.id, summary.id.uuid().as_bytes());
        document.add_u64(self.tie, tie(summary.id));
        text.clear();
        leveled(reader.levels(), text);
        document.add_text(self.text, text.as_str());
        document.add_text(self.title, reader.title());
        document.add_text(self.phrases, reader.phrases());
        document.add_text(self.words, reader.words());
        // The filters grow at the front of the text, each facet is written behind them.
        text.clear();
        for value in comparables(&item.attributes) {
            value.push_filter_term(text);
            let end = text.len();
            if value.push_facet(roles, text) {
                document.add_text(self.facets, &text[end..]);
            }
            text.truncate(end);
            text.push('\n');
        }
        document.add_text(self.attributes, text.as_str());
        if let Some(external_id) = &summary.external_id {
            document.add_text(self.external_id, external_id.replace('\n', " "));
        }
        document.add_bytes(self.category, summary.category_id.uuid().as_bytes());
        for seller in &item.sellers {
            document.add_bytes(self.sellers, seller.uuid().as_bytes());
        }
        document.add_u64(self.price, u64::try_from(summary.price).unwrap_or_default());
        document.add_u64(self.signals, signals(item).pack());
        document.add_u64(self.created, u64::try_from(summary.created_at.timestamp()).unwrap_or_default());
        document.add_bytes(self.summary, &serde_json::to_vec(summary).expect("a summary is plain data"));
        document
    }
}

/// What one thread needs to make documents, one after the other.
pub struct Desk {
    analyzer: Analyzer,
    reader: Reader,
    text: String,
}

impl Desk {
    /// A new one.
    pub fn new(analyzer: Analyzer) -> Self {
        Self { analyzer, reader: Reader::default(), text: String::new() }
    }
}

/// The average in hundredths.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "stars are from 0 to 5")]
pub fn stars(rating: Rating) -> u16 {
    (rating.average().clamp(0.0, 5.0) * 100.0) as u16
}

fn signals(item: &Item) -> Signals {
    let rating = item.summary.rating;
    Signals {
        popularity: u32::try_from(item.popularity.max(0)).unwrap_or(u32::MAX),
        stars: stars(rating),
        reviews: u16::try_from(rating.count.max(0)).unwrap_or(u16::MAX),
        in_stock: item.summary.stock > 0,
    }
}

/// Ids begin with their time, and many are made in a millisecond: all bits are needed to tell them apart. Multiplying by
/// a large odd number spreads them (Knuth, The Art of Computer Programming, volume 3, 6.4).
pub fn tie(id: ProductId) -> u64 {
    let (high, low) = id.uuid().as_u64_pair();
    (high ^ low.rotate_left(29)).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}
