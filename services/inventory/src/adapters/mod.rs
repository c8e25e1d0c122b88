//! How external stock systems speak: one adapter for each kind of source.
//!
//! An adapter knows documents, not the ways that they take: what was pushed, uploaded or pulled is read by the same
//! `read` and taken over by the same operation.

mod csv;
mod json;
#[cfg(test)]
mod tests;

use chrono::{DateTime, Utc};
use serde::Serialize;
use souk_kernel::{Problem, SkuId, Timestamp};

pub use json::PushedBatch;

use crate::domain::source::{Item, SourceKind};

/// The most items that one JSON batch may hold.
pub const MOST_ITEMS: usize = 1_000;
/// The most lines that one file may hold.
pub const MOST_LINES: usize = 20_000;

/// The language of one kind of source.
pub trait Adapter: Send + Sync {
    /// Whether the system pushes its documents, signed.
    fn is_pushed(&self) -> bool;

    /// Whether somebody uploads its documents.
    fn is_uploaded(&self) -> bool;

    /// The type of its documents, asked for when they are pulled.
    fn media_type(&self) -> &'static str;

    /// Reads a document. An error means that it can't be read at all; single lines that can't are told in the reading.
    fn read(&self, document: &[u8]) -> Result<Reading, Problem>;

    /// What is published outward to it.
    fn publication(&self, publication: &Publication<'_>) -> Vec<u8> {
        serde_json::to_vec(publication).expect("a publication is plain data, which always encodes")
    }
}

/// What a document says.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Reading {
    pub items: Vec<Item>,
    /// Lines that can't be read, as they are called there.
    pub unreadable: Vec<String>,
    /// When it was true, if the document says so.
    pub as_of: Option<Timestamp>,
}

/// Levels that are told to an external system. It holds the state when it was sent, not the changes that led there: it may
/// come twice, and what has a lower `version` than what is known is older.
#[derive(Debug, Serialize)]
pub struct Publication<'a> {
    /// Always `stock.changed`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    pub source: &'a str,
    /// Counts what is published to the source. The same number says the same SKUs again.
    pub number: i64,
    pub sent_at: DateTime<Utc>,
    pub items: Vec<PublishedLevel<'a>>,
}

/// One SKU's stock.
#[derive(Debug, Serialize)]
pub struct PublishedLevel<'a> {
    /// The source's name for it.
    pub sku: &'a str,
    pub sku_id: SkuId,
    /// At the source's location.
    pub on_hand: i64,
    /// Of these, held for orders.
    pub reserved: i64,
    /// What can be bought, over all locations.
    pub available: i64,
    pub version: i64,
}

/// The adapter for a kind of source.
pub fn of(kind: SourceKind) -> &'static dyn Adapter {
    match kind {
        SourceKind::Webhook => &json::Json,
        SourceKind::Csv => &csv::Csv,
    }
}
