//! The generic JSON webhook: `{"items":[{"sku","on_hand"}],"as_of"}`.

use chrono::{DateTime, Utc};
use garde::Validate;
use serde::Deserialize;
use souk_kernel::Problem;
use souk_platform::http::parse_json;
use utoipa::ToSchema;

use super::{Adapter, MOST_ITEMS, Reading};
use crate::domain::source::Item;

/// Reads batches of JSON.
pub struct Json;

/// A batch of numbers.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PushedBatch {
    #[garde(length(min = 1, max = MOST_ITEMS), dive)]
    items: Vec<PushedItem>,
    /// When the numbers were true; the time of the signature if absent. Older numbers never replace newer ones.
    #[garde(skip)]
    as_of: Option<DateTime<Utc>>,
}

/// One number.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PushedItem {
    /// The system's own name for the SKU, the SKU's code, or its id.
    #[garde(length(chars, min = 1, max = 200))]
    sku: String,
    #[garde(skip)]
    on_hand: i64,
}

impl Adapter for Json {
    fn is_pushed(&self) -> bool {
        true
    }

    fn is_uploaded(&self) -> bool {
        false
    }

    fn media_type(&self) -> &'static str {
        "application/json"
    }

    fn read(&self, document: &[u8]) -> Result<Reading, Problem> {
        let PushedBatch { items, as_of } = parse_json(document)?;
        let items = items.into_iter().map(|item| Item { sku: item.sku, on_hand: item.on_hand }).collect();
        Ok(Reading { items, unreadable: Vec::new(), as_of })
    }
}
