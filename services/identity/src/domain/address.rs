//! A postal address in a person's address book.

use garde::Validate;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Where something can be sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Address {
    /// Who lives there.
    #[garde(length(chars, min = 1, max = 200))]
    pub name: String,
    #[garde(length(chars, min = 1, max = 200))]
    pub line1: String,
    #[garde(length(chars, max = 200))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line2: Option<String>,
    #[garde(length(chars, min = 1, max = 100))]
    pub city: String,
    #[garde(length(chars, max = 100))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    #[garde(length(chars, max = 20))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub postal_code: Option<String>,
    /// ISO 3166-1 alpha-2, upper case.
    #[garde(custom(is_country))]
    pub country: String,
    #[garde(inner(custom(super::phone)))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
}

fn is_country<C>(code: &str, _: &C) -> garde::Result {
    if code.len() == 2 && code.bytes().all(|byte| byte.is_ascii_uppercase()) {
        Ok(())
    } else {
        Err(garde::Error::new("must be an ISO 3166-1 code of two upper-case letters"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bad_field_of_an_address_is_named() {
        let address: Address =
            serde_json::from_str(r#"{"name":"","line1":"1 High St","city":"Leeds","country":"uk","phone":"no"}"#)
                .unwrap();
        let report = address.validate().unwrap_err();
        let fields: Vec<_> = report.iter().map(|(path, _)| path.to_string()).collect();
        assert_eq!(fields, ["country", "name", "phone"]);
    }
}
