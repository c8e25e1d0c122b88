//! What the cluster keeps of a product. The terms are made here, not by the cluster's analysers, so that both engines find
//! the same: `terms` holds each term of a product with its weighed frequency, which a `rank_feature` query with saturation
//! turns into the impact of BM25F.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};
use souk_kernel::TypedId;

use crate::{
    config::Config,
    domain::{
        analysis::Analyzer,
        item::{Item, comparables},
        prices, texts,
    },
    index::schema::{stars, tie},
};

/// Words of a vocabulary, and products that are asked for by their number, at most.
pub const MOST_WORDS: usize = 50_000;
/// How far a page may be from the first by its number; cursors go on.
pub const DEEPEST: usize = 100_000;

/// How a new index is made: `alias` and a dash begin its name.
pub fn template(alias: &str, config: &Config) -> Value {
    let keyword = json!({"type": "keyword"});
    let shown = json!({"type": "keyword", "index": false});
    let number = |kind: &str| json!({"type": kind});
    json!({
        "index_patterns": [format!("{alias}-*")],
        "priority": 200,
        "template": {
            "settings": {
                "number_of_shards": config.cluster.shards,
                "number_of_replicas": config.cluster.replicas,
                // Changes are visible when they were told to be, or by then.
                "refresh_interval": "1s",
                "max_result_window": DEEPEST + 1_000,
                "max_terms_count": 65_536,
            },
            "mappings": {"dynamic": "strict", "properties": {
                "id": keyword,
                "tie": number("long"),
                "terms": {"type": "rank_features"},
                "title": shown,
                // Ready-made terms with blanks between them.
                "phrases": {"type": "text", "analyzer": "whitespace", "norms": false},
                "words": keyword,
                "attributes": {"type": "nested", "dynamic": "strict", "properties": {
                    "term": keyword, "key": keyword, "number": number("double"),
                    "facet": keyword, "value": keyword,
                }},
                "external_id": keyword,
                "category": keyword,
                "sellers": keyword,
                "price": number("long"),
                "step": number("byte"),
                "sold": number("long"),
                "stars": number("short"),
                "reviews": number("long"),
                "in_stock": number("boolean"),
                "created": number("long"),
                "version": number("long"),
                "summary": {"type": "object", "enabled": false},
            }},
        },
    })
}

/// A term as the name of a feature: points would be read as paths.
pub fn feature(term: &str) -> String {
    term.replace('.', "_")
}

/// The order among equals, as a signed number.
pub fn signed(tie: u64) -> i64 {
    (tie ^ 1 << 63).cast_signed()
}

/// Back from a signed number.
pub fn unsigned(tie: i64) -> u64 {
    tie.cast_unsigned() ^ 1 << 63
}

/// The document of a product.
pub fn document(item: &Item, config: &Config, analyzer: &Analyzer) -> Value {
    let (summary, roles) = (&item.summary, &config.attributes);
    let mut reader = texts::Reader::default();
    reader.read(&item.texts(roles), &config.fields, analyzer);
    let terms: Map<String, Value> =
        reader.levels().map(|(term, level)| (feature(term), texts::frequency(level).into())).collect();
    let words: BTreeSet<&str> = reader.words().lines().collect();
    // Between two texts of a list the cluster leaves a gap that no phrase reaches across.
    let texts = std::iter::once(reader.title()).chain(reader.phrases().split("\n\n"));
    let phrases: Vec<String> =
        texts.map(|text| text.trim().replace('\n', " ")).filter(|text| !text.is_empty()).collect();
    let attributes: Vec<Value> = comparables(&item.attributes)
        .map(|value| {
            let mut attribute = json!({"key": value.key, "term": value.filter_term()});
            if let Some(number) = value.shown.parse::<f64>().ok().filter(|number| number.is_finite()) {
                attribute["number"] = json!(number);
            }
            if value.is_facet(roles) {
                attribute["facet"] = json!(value.key);
                attribute["value"] = json!(value.shown);
            }
            attribute
        })
        .collect();
    json!({
        "id": summary.id.uuid(),
        "tie": signed(tie(summary.id)),
        "terms": terms,
        "title": reader.title().trim_end().replace('\n', " "),
        "phrases": phrases,
        "words": words,
        "attributes": attributes,
        "external_id": summary.external_id,
        "category": summary.category_id.uuid(),
        "sellers": item.sellers.iter().map(|seller| seller.uuid()).collect::<Vec<_>>(),
        "price": summary.price,
        "step": prices::step(summary.price),
        "sold": item.popularity.max(0),
        "stars": stars(summary.rating),
        // As many as the embedded index tells apart.
        "reviews": summary.rating.count.clamp(0, 4_095),
        "in_stock": summary.stock > 0,
        "created": summary.created_at.timestamp(),
        "version": summary.version,
        "summary": summary,
    })
}
