//! Where an order goes.

use garde::Validate;
use sea_orm::FromJsonQueryResult;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A postal address. Personal: it is never logged, so its debug form is empty.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Validate, ToSchema, FromJsonQueryResult)]
#[serde(deny_unknown_fields)]
pub struct Address {
    /// Who receives it: 1 to 200 characters.
    #[garde(length(chars, min = 1, max = 200), custom(is_not_blank))]
    pub name: String,
    /// 1 to 200 characters.
    #[garde(length(chars, min = 1, max = 200), custom(is_not_blank))]
    pub line1: String,
    /// At most 200 characters.
    #[garde(inner(length(chars, max = 200)))]
    #[serde(default)]
    pub line2: Option<String>,
    /// 1 to 100 characters.
    #[garde(length(chars, min = 1, max = 100), custom(is_not_blank))]
    pub city: String,
    /// At most 100 characters.
    #[garde(inner(length(chars, max = 100)))]
    #[serde(default)]
    pub region: Option<String>,
    /// At most 20 characters; some countries have none.
    #[garde(inner(length(chars, max = 20)))]
    #[serde(default)]
    pub postal_code: Option<String>,
    /// ISO 3166-1 alpha-2: two upper-case letters.
    #[garde(custom(is_country))]
    #[schema(pattern = "^[A-Z]{2}$")]
    pub country: String,
    /// At most 30 characters.
    #[garde(inner(length(chars, max = 30)))]
    #[serde(default)]
    pub phone: Option<String>,
}

impl std::fmt::Debug for Address {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Address")
    }
}

impl Address {
    /// What is left of an address when its person is forgotten.
    pub fn forgotten(&self) -> Self {
        Self {
            name: String::new(),
            line1: String::new(),
            line2: None,
            city: String::new(),
            region: None,
            postal_code: None,
            country: self.country.clone(),
            phone: None,
        }
    }
}

fn is_not_blank<C>(text: &str, _: &C) -> garde::Result {
    if text.is_empty() || text.chars().any(|letter| !letter.is_whitespace()) {
        Ok(())
    } else {
        Err(garde::Error::new("may not be blank"))
    }
}

fn is_country<C>(text: &str, _: &C) -> garde::Result {
    if text.len() == 2 && text.bytes().all(|letter| letter.is_ascii_uppercase()) {
        Ok(())
    } else {
        Err(garde::Error::new("must be two upper-case letters (ISO 3166-1 alpha-2)"))
    }
}
