//! Flexible attributes: what a category asks for, and whether a product's values fit.

use std::{collections::BTreeMap, sync::Arc};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use souk_kernel::Detail;
use utoipa::ToSchema;

/// A product's attributes as they are given and stored.
pub type Attributes = Map<String, Value>;

/// The definitions that hold for a category: its own and those of its ancestors, the nearest winning.
pub type Schema = BTreeMap<String, Arc<Definition>>;

/// What kind of value an attribute holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    Text,
    Number,
    Bool,
    Enum,
}

impl Kind {
    /// The kind with this name.
    pub fn named(name: &str) -> Option<Self> {
        Some(match name {
            "text" => Self::Text,
            "number" => Self::Number,
            "bool" => Self::Bool,
            "enum" => Self::Enum,
            _ => return None,
        })
    }

    /// Its name, as [`Kind::named`] takes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Number => "number",
            Self::Bool => "bool",
            Self::Enum => "enum",
        }
    }
}

/// One attribute of a category's schema.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
pub struct Definition {
    pub key: String,
    pub label: String,
    #[serde(rename = "type")]
    pub kind: Kind,
    pub unit: Option<String>,
    /// The values that an `enum` may have.
    pub options: Vec<String>,
    pub required: bool,
    /// Whether lists and searches offer it as a facet.
    pub filterable: bool,
}

/// How much a product may carry, and whether the category's schema is enforced.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    pub count: usize,
    /// Characters in a key.
    pub key: usize,
    /// Characters in a text.
    pub text: usize,
    /// Values in a list.
    pub list: usize,
    pub enforce_schema: bool,
}

/// What the HTTP interface takes.
pub const OF_REQUESTS: Limits = Limits { count: 100, key: 64, text: 2_000, list: 100, enforce_schema: true };

/// What imports take. Real feeds hold up to 186 attributes a product and texts of 6,898 characters; nothing of them may
/// be lost, and a value that doesn't fit the schema is kept as it came.
pub const OF_IMPORTS: Limits = Limits { count: 1_000, key: 128, text: 20_000, list: 1_000, enforce_schema: false };

/// Everything that is wrong with `values`, each fault under its field.
pub fn faults(values: &Attributes, schema: &Schema, limits: &Limits) -> Vec<Detail> {
    let mut faults = Vec::new();
    if values.len() > limits.count {
        faults.push(fault("attributes", format!("at most {} attributes", limits.count)));
        return faults;
    }
    for (key, value) in values {
        let field = || format!("attributes.{}", key.chars().take(128).collect::<String>());
        if key.trim().is_empty() || key.chars().count() > limits.key || key.chars().any(char::is_control) {
            faults.push(fault(field(), format!("a key has 1 to {} printable characters", limits.key)));
            continue;
        }
        let definition = schema.get(key).filter(|_| limits.enforce_schema);
        if let Some(message) = value_fault(value, definition.map(Arc::as_ref), limits) {
            faults.push(fault(field(), message));
        }
    }
    if limits.enforce_schema {
        let missing = schema.values().filter(|definition| definition.required && !values.contains_key(&definition.key));
        faults.extend(missing.map(|definition| fault(format!("attributes.{}", definition.key), "is required")));
    }
    faults
}

fn fault(field: impl Into<String>, message: impl Into<String>) -> Detail {
    Detail { field: field.into(), message: message.into() }
}

fn value_fault(value: &Value, definition: Option<&Definition>, limits: &Limits) -> Option<String> {
    match value {
        Value::Array(values) if values.is_empty() || values.len() > limits.list => {
            Some(format!("a list has 1 to {} values", limits.list))
        }
        Value::Array(values) => values.iter().find_map(|value| scalar_fault(value, definition, limits)),
        value => scalar_fault(value, definition, limits),
    }
}

fn scalar_fault(value: &Value, definition: Option<&Definition>, limits: &Limits) -> Option<String> {
    match value {
        Value::Null | Value::Array(_) | Value::Object(_) => {
            return Some("must be a text, a number, true or false, or a list of them".to_owned());
        }
        Value::String(text) if text.contains('\0') => return Some("must not contain NUL".to_owned()),
        Value::String(text) if text.chars().count() > limits.text => {
            return Some(format!("at most {} characters", limits.text));
        }
        _ => {}
    }
    let definition = definition?;
    match (definition.kind, value) {
        (Kind::Text, Value::String(_)) | (Kind::Number, Value::Number(_)) | (Kind::Bool, Value::Bool(_)) => None,
        (Kind::Enum, Value::String(text)) if definition.options.contains(text) => None,
        (Kind::Text, _) => Some("must be a text".to_owned()),
        (Kind::Number, _) => Some("must be a number".to_owned()),
        (Kind::Bool, _) => Some("must be true or false".to_owned()),
        (Kind::Enum, _) => Some(format!("must be one of: {}", definition.options.join(", "))),
    }
}

/// `own` with what `wanted` adds: new keys, new options, a facet where one is wanted. A key keeps its kind and label, so
/// that products which fit go on fitting.
pub fn widened(own: &[Definition], wanted: Vec<Definition>) -> Vec<Definition> {
    let mut definitions = own.to_vec();
    for new in wanted {
        let Some(known) = definitions.iter_mut().find(|known| known.key == new.key) else {
            definitions.push(Definition { required: false, ..new });
            continue;
        };
        known.filterable |= new.filterable;
        if known.kind == Kind::Enum {
            known
                .options
                .extend(new.options.into_iter().filter(|option| !known.options.contains(option)).collect::<Vec<_>>());
        }
    }
    definitions
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn definition(key: &str, kind: Kind, required: bool) -> Definition {
        let options = if kind == Kind::Enum { vec!["S".to_owned(), "M".to_owned()] } else { Vec::new() };
        Definition { key: key.into(), label: key.into(), kind, unit: None, options, required, filterable: false }
    }

    fn schema() -> Schema {
        [
            definition("ram", Kind::Number, true),
            definition("size", Kind::Enum, false),
            definition("wifi", Kind::Bool, false),
            definition("colour", Kind::Text, false),
        ]
        .into_iter()
        .map(|definition| (definition.key.clone(), Arc::new(definition)))
        .collect()
    }

    fn fields(values: &Value, limits: &Limits) -> Vec<String> {
        let values = values.as_object().unwrap();
        faults(values, &schema(), limits).into_iter().map(|fault| fault.field).collect()
    }

    #[test]
    fn values_must_fit_the_schema_and_all_faults_are_named() {
        let good = json!({"ram": 16, "size": "M", "wifi": true, "colour": ["red", "blue"], "free": "anything"});
        assert_eq!(fields(&good, &OF_REQUESTS), [""; 0]);
        let bad = json!({"ram": "16", "size": "XXL", "wifi": "yes", "colour": 5, "deep": {"a": 1}, "null": null});
        assert_eq!(
            fields(&bad, &OF_REQUESTS),
            [
                "attributes.colour",
                "attributes.deep",
                "attributes.null",
                "attributes.ram",
                "attributes.size",
                "attributes.wifi"
            ]
        );
        assert_eq!(fields(&json!({}), &OF_REQUESTS), ["attributes.ram"]);
    }

    #[test]
    fn imports_keep_what_does_not_fit() {
        assert_eq!(fields(&json!({"ram": "lots", "x": "y".repeat(7_000)}), &OF_IMPORTS), [""; 0]);
        let many: Attributes = (0..186).map(|i| (format!("k{i}"), json!(i))).collect();
        assert_eq!(faults(&many, &schema(), &OF_IMPORTS), []);
        assert_eq!(faults(&many, &schema(), &OF_REQUESTS).len(), 1);
    }

    #[test]
    fn widening_adds_and_never_takes_away() {
        let own = vec![definition("size", Kind::Enum, false), definition("ram", Kind::Number, true)];
        let mut size = definition("size", Kind::Enum, false);
        size.options = vec!["L".into(), "S".into()];
        size.filterable = true;
        let wide = widened(&own, vec![size, definition("ram", Kind::Text, false), definition("new", Kind::Bool, true)]);
        assert_eq!(wide.len(), 3);
        assert_eq!(wide[0].options, ["S", "M", "L"]);
        assert!(wide[0].filterable && wide[1].kind == Kind::Number && !wide[2].required);
    }

    proptest! {
        #[test]
        fn any_json_is_judged_without_a_panic(key in ".{0,80}", text in ".{0,50}", number in any::<f64>()) {
            let mut values = Attributes::new();
            values.insert(key, json!([text, number, {"x": null}]));
            prop_assert!(!faults(&values, &schema(), &OF_REQUESTS).is_empty());
        }

        #[test]
        fn widening_twice_changes_nothing_more(keys in prop::collection::vec("[a-c]", 0..6)) {
            let wanted: Vec<_> = keys.iter().map(|key| definition(key, Kind::Enum, false)).collect();
            let once = widened(&[], wanted.clone());
            prop_assert_eq!(widened(&once, wanted), once);
        }
    }
}
