//! Something that the interface answered.

use std::{fmt, ops::Deref};

use serde_json::Value;

/// A JSON object of the interface, with the questions that tests ask most.
#[derive(Clone, PartialEq)]
pub struct Thing(pub Value);

impl Deref for Thing {
    type Target = Value;
    fn deref(&self) -> &Value {
        &self.0
    }
}

impl From<Value> for Thing {
    fn from(value: Value) -> Self {
        Self(value)
    }
}

impl fmt::Debug for Thing {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, out)
    }
}

impl Thing {
    /// Its id.
    #[track_caller]
    pub fn id(&self) -> &str {
        self.text("id")
    }

    /// A field that is a text.
    #[track_caller]
    pub fn text(&self, field: &str) -> &str {
        self[field].as_str().unwrap_or_else(|| panic!("{field} is no text in {self:?}"))
    }

    /// A field that is an integer.
    #[track_caller]
    pub fn number(&self, field: &str) -> i64 {
        self[field].as_i64().unwrap_or_else(|| panic!("{field} is no integer in {self:?}"))
    }

    /// A field that is a list.
    #[track_caller]
    pub fn list(&self, field: &str) -> &Vec<Value> {
        self[field].as_array().unwrap_or_else(|| panic!("{field} is no list in {self:?}"))
    }

    /// The id of a product's first SKU.
    #[track_caller]
    pub fn sku(&self) -> &str {
        self["skus"][0]["id"].as_str().unwrap_or_else(|| panic!("no SKU in {self:?}"))
    }

    /// The id of a product's SKU with this code.
    #[track_caller]
    pub fn sku_of(&self, code: &str) -> &str {
        let sku = self.list("skus").iter().find(|sku| sku["code"] == code);
        sku.and_then(|sku| sku["id"].as_str()).unwrap_or_else(|| panic!("no SKU {code} in {self:?}"))
    }

    /// The seller order of this seller in an order.
    #[track_caller]
    #[must_use]
    pub fn part_of(&self, seller_id: &str) -> Self {
        let part = self.list("seller_orders").iter().find(|part| part["seller"]["id"] == seller_id);
        Self(part.unwrap_or_else(|| panic!("{seller_id} has no part in {self:?}")).clone())
    }
}
