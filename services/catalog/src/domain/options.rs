//! Variants: combinations of options such as colour and size.

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use souk_kernel::Detail;

use super::image;

/// A variant's options as given and stored, for example `{"colour": "red", "size": "M"}`.
pub type Options = Map<String, Value>;

/// Options in one variant.
const MOST: usize = 5;
/// Characters of a combination's name.
const KEY: usize = 200;
/// Characters in a name or a value.
const LONGEST: usize = 64;

/// Names a combination: the same for the same names and values whatever their order, letter case or type.
pub fn key(options: &Options) -> String {
    let folded: BTreeMap<String, String> =
        options.iter().map(|(name, value)| (fold(name), fold(&value_text(value)))).collect();
    // As JSON, so that no separator can be imitated by a value; as a hash of that when it is too long for an index.
    let key = serde_json::to_string(&folded).expect("texts can always be encoded");
    if key.chars().count() <= KEY { key } else { image::hex(&Sha256::digest(key)) }
}

/// For people, for example `red / M`; empty for the default variant.
pub fn label(options: &Options) -> String {
    options.values().map(value_text).collect::<Vec<_>>().join(" / ")
}

fn fold(text: &str) -> String {
    text.trim().to_lowercase()
}

fn value_text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Everything that is wrong with one combination, under `field`.
pub fn faults(options: &Options, field: &str) -> Vec<Detail> {
    let fault = |field: String, message: String| Detail { field, message };
    if options.len() > MOST {
        return vec![fault(field.to_owned(), format!("at most {MOST} options"))];
    }
    let mut faults = Vec::new();
    for (name, value) in options {
        let text = match value {
            Value::String(_) | Value::Number(_) | Value::Bool(_) => value_text(value),
            Value::Null | Value::Array(_) | Value::Object(_) => String::new(),
        };
        if !readable(name) || !readable(&text) {
            let name: String = name.chars().take(LONGEST).collect();
            let message = format!("names and values are texts of 1 to {LONGEST} printable characters");
            faults.push(fault(format!("{field}.{name}"), message));
        }
    }
    faults
}

fn readable(text: &str) -> bool {
    !text.trim().is_empty() && text.chars().count() <= LONGEST && !text.chars().any(char::is_control)
}

/// Whether two combinations name the same options; all variants of a product do.
pub fn same_names(a: &Options, b: &Options) -> bool {
    let names = |options: &Options| {
        let mut names: Vec<String> = options.keys().map(|name| fold(name)).collect();
        names.sort_unstable();
        names
    };
    names(a) == names(b)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn options(value: Value) -> Options {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn a_combination_is_the_same_however_it_is_written() {
        let a = options(json!({"Colour": "Red", "size": 42}));
        let b = options(json!({"size": "42", "colour": " red "}));
        assert_eq!(key(&a), key(&b));
        assert!(same_names(&a, &b) && !same_names(&a, &options(json!({"size": "42"}))));
        assert_ne!(key(&options(json!({"a": "b\",\"c\":\"d"}))), key(&options(json!({"a": "b", "c": "d"}))));
        assert_eq!(label(&a), "Red / 42");
        let long = |end: &str| options((0..5).map(|n| (format!("{n}{}", "\"".repeat(60)), json!(end))).collect());
        assert!(key(&long("x")).len() == 64 && key(&long("x")) != key(&long("y")));
    }

    #[test]
    fn unreadable_options_are_refused() {
        assert_eq!(faults(&options(json!({"colour": "red"})), "o"), []);
        for bad in [json!({"": "x"}), json!({"a": ""}), json!({"a": null}), json!({"a": ["x"]}), json!({"a": "x\u{0}"})]
        {
            assert_eq!(faults(&options(bad.clone()), "o").len(), 1, "{bad}");
        }
        let many: Options = (0..6).map(|n| (n.to_string(), json!("x"))).collect();
        assert_eq!(faults(&many, "o")[0].field, "o");
    }

    proptest! {
        #[test]
        fn different_values_have_different_keys(a in "[a-z\",:{}]{1,8}", b in "[a-z\",:{}]{1,8}") {
            let with = |value: &str| options(json!({"x": value}));
            prop_assert_eq!(key(&with(&a)) == key(&with(&b)), a == b);
        }
    }
}
