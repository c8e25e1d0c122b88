//! What the index holds of a product.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use souk_kernel::{CategoryId, Currency, ProductId, SellerId, Timestamp};

use super::texts::Texts;

/// Longer attribute values are texts, not facets. As long as catalog's own filters compare.
const LONGEST_FILTERED: usize = 200;
/// Longer values are not shown as facets.
const LONGEST_FACET: usize = 64;
/// Bytes of the description that are kept to show where words were found.
const EXCERPT: usize = 1_200;
/// Between an attribute's key and its value in the index.
pub const SEPARATOR: char = '\u{1f}';

/// Stars: their sum and how many gave them.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Rating {
    pub sum: i64,
    pub count: i64,
}

impl Rating {
    /// The average to two decimals, 0 without reviews.
    #[expect(clippy::cast_precision_loss, reason = "nobody gives 2⁵³ stars")]
    pub fn average(self) -> f64 {
        if self.count == 0 { 0.0 } else { (self.sum as f64 * 100.0 / self.count as f64).round() / 100.0 }
    }
}

/// What can be shown of a product without asking anybody.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    pub id: ProductId,
    pub slug: String,
    pub external_id: Option<String>,
    pub title: String,
    /// The beginning of the description.
    pub excerpt: String,
    pub price: i64,
    pub currency: Currency,
    pub stock: i64,
    /// Who makes the winning offer.
    pub seller_id: SellerId,
    pub category_id: CategoryId,
    pub images: Vec<String>,
    pub rating: Rating,
    pub version: i64,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// A product on its way into the index.
#[derive(Clone, Debug, PartialEq)]
pub struct Item {
    pub summary: Summary,
    pub description: String,
    /// Names from the root down to the category.
    pub category_path: Vec<String>,
    /// Everybody who offers it.
    pub sellers: Vec<SellerId>,
    /// Of the offers.
    pub codes: Vec<String>,
    pub attributes: Map<String, Value>,
    pub popularity: i64,
}

/// Which attributes are more than attributes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Roles {
    /// Keys of attributes that say who made a product.
    pub brand: Vec<String>,
    /// Keys of attributes that name one product: no facets, searched as part numbers.
    pub codes: Vec<String>,
}

impl Default for Roles {
    fn default() -> Self {
        let owned = |keys: &[&str]| keys.iter().map(|key| (*key).to_owned()).collect();
        Self {
            brand: owned(&["brand", "supplier", "manufacturer"]),
            codes: owned(&["name", "ean", "gtin", "upc", "isbn", "mpn", "part_number", "model_number"]),
        }
    }
}

/// One comparable value of an attribute.
#[derive(Clone, Debug, PartialEq)]
pub struct Comparable<'a> {
    pub key: &'a str,
    /// As shown.
    pub shown: Cow<'a, str>,
}

/// The values that filters compare.
pub fn comparables(attributes: &Map<String, Value>) -> impl Iterator<Item = Comparable<'_>> {
    attributes.iter().flat_map(|(key, value)| {
        let values = match value {
            Value::Array(values) => values.as_slice(),
            value => std::slice::from_ref(value),
        };
        values.iter().filter_map(move |value| {
            let shown = match value {
                Value::String(text) => Cow::Borrowed(text.trim()),
                Value::Number(number) => Cow::Owned(number_text(number.as_f64()?)),
                Value::Bool(truth) => Cow::Borrowed(if *truth { "true" } else { "false" }),
                Value::Null | Value::Array(_) | Value::Object(_) => return None,
            };
            let fits = shown.len() <= LONGEST_FILTERED || shown.chars().count() <= LONGEST_FILTERED;
            fits.then_some(Comparable { key, shown })
        })
    })
}

/// `16` and `16.0` are the same number, so they have the same text.
pub fn number_text(number: f64) -> String {
    if number == 0.0 { "0".to_owned() } else { number.to_string() }
}

impl Comparable<'_> {
    /// What filters compare, in one line at the end of `text`.
    pub fn push_filter_term(&self, text: &mut String) {
        push_filter_term(self.key, &self.shown, text);
    }

    /// What filters compare.
    pub fn filter_term(&self) -> String {
        filter_term(self.key, &self.shown)
    }

    /// Whether facets count it.
    pub fn is_facet(&self, roles: &Roles) -> bool {
        let fits = !self.shown.is_empty() && self.shown.len() <= LONGEST_FACET;
        fits && !roles.codes.iter().any(|code| code == self.key)
    }

    /// What facets count, at the end of `text`; whether they do.
    pub fn push_facet(&self, roles: &Roles, text: &mut String) -> bool {
        let counts = self.is_facet(roles);
        if counts {
            text.push_str(self.key);
            text.push(SEPARATOR);
            text.push_str(&self.shown);
        }
        counts
    }
}

fn push_lower(value: &str, text: &mut String) {
    if value.is_ascii() {
        let start = text.len();
        text.push_str(value);
        text[start..].make_ascii_lowercase();
    } else {
        text.push_str(&value.to_lowercase());
    }
}

/// What a filter for a value looks for, in one line.
pub fn filter_term(key: &str, value: &str) -> String {
    let mut text = String::new();
    push_filter_term(key, value, &mut text);
    text
}

fn push_filter_term(key: &str, value: &str, text: &mut String) {
    let start = text.len();
    text.push_str(key);
    text.push(SEPARATOR);
    push_lower(value.trim(), text);
    if text[start..].contains('\n') {
        let line = text[start..].replace('\n', " ");
        text.replace_range(start.., &line);
    }
}

impl Item {
    /// The texts that are searched.
    pub fn texts<'a>(&'a self, roles: &Roles) -> Texts<'a> {
        let mut texts = Texts {
            title: &self.summary.title,
            description: &self.description,
            category: self.category_path.iter().map(String::as_str).collect(),
            codes: self.codes.iter().chain(&self.summary.external_id).map(String::as_str).collect(),
            ..Texts::default()
        };
        for (key, value) in &self.attributes {
            let into = if roles.brand.contains(key) {
                &mut texts.brand
            } else if roles.codes.contains(key) {
                &mut texts.codes
            } else {
                &mut texts.attributes
            };
            match value {
                Value::String(text) if is_yes(text) => into.push(key),
                Value::String(text) => into.push(text),
                // `touchscreen: true` is found by its name.
                Value::Bool(true) => into.push(key),
                Value::Array(values) => into.extend(values.iter().filter_map(Value::as_str)),
                Value::Null | Value::Bool(false) | Value::Number(_) | Value::Object(_) => {}
            }
        }
        texts
    }

    /// The beginning of a description, to be kept.
    pub fn excerpt(description: &str) -> String {
        let end = (0..=EXCERPT.min(description.len())).rev().find(|end| description.is_char_boundary(*end));
        description[..end.unwrap_or(0)].to_owned()
    }
}

fn is_yes(text: &str) -> bool {
    ["y", "yes"].iter().any(|yes| text.trim().eq_ignore_ascii_case(yes))
}
