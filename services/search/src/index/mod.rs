//! The index: Tantivy's segments, posting lists and columns, with our own way to score, filter and count over them.

mod attributes;
mod columns;
pub mod dictionary;
pub mod facets;
pub mod filters;
mod postings;
mod refine;
pub mod schema;
pub mod score;
pub mod search;
pub mod snapshot;
pub mod suggestions;
mod tokenizers;
pub mod writer;
