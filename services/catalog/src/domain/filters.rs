//! How attribute values are compared by the filters of lists: as folded text and, where they are numbers, by size.

use serde_json::Value;

use super::attributes::Attributes;

/// Texts longer than this are descriptions, not facets; filters don't see them.
const LONGEST: usize = 200;

/// One comparable value of a product's attribute.
#[derive(Clone, PartialEq, Debug)]
pub struct Comparable {
    pub key: String,
    pub text: String,
    pub number: Option<f64>,
}

/// The comparable values of all attributes.
pub fn comparables(values: &Attributes) -> Vec<Comparable> {
    let mut found = Vec::with_capacity(values.len());
    for (key, value) in values {
        let mut push = |value: &Value| {
            let (text, number) = match value {
                Value::String(text) => (folded(text), None),
                Value::Number(number) => (number_text(number.as_f64()), number.as_f64()),
                Value::Bool(truth) => (truth.to_string(), None),
                Value::Null | Value::Array(_) | Value::Object(_) => return,
            };
            if text.chars().count() <= LONGEST {
                found.push(Comparable { key: key.clone(), text, number });
            }
        };
        match value {
            Value::Array(values) => values.iter().for_each(push),
            value => push(value),
        }
    }
    found.dedup_by(|a, b| a.key == b.key && a.text == b.text);
    found
}

/// The texts that a filter `attr.<name>=given` accepts: the parts between commas, and the whole (a value may hold commas).
pub fn accepted(given: &str) -> Vec<String> {
    let mut texts = Vec::new();
    for part in std::iter::once(given).chain(given.split(',')) {
        texts.push(folded(part));
        if let Ok(number) = part.trim().parse::<f64>() {
            texts.push(number_text(Some(number)));
        }
    }
    texts.sort_unstable();
    texts.dedup();
    texts
}

fn folded(text: &str) -> String {
    text.trim().to_lowercase()
}

/// `16` and `16.0` are the same number, so they have the same text.
fn number_text(number: Option<f64>) -> String {
    number.map_or_else(String::new, |number| if number == 0.0 { "0".to_owned() } else { number.to_string() })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn matches(value: Value, filter: &str) -> bool {
        let values = Attributes::from_iter([("k".to_owned(), value)]);
        let accepted = accepted(filter);
        comparables(&values).iter().any(|found| accepted.contains(&found.text))
    }

    #[test]
    fn texts_numbers_truths_and_lists_are_found() {
        assert!(matches(json!("Deep Blue"), "deep blue"));
        assert!(matches(json!(16), "16.0") && matches(json!(16.0), "16") && matches(json!(0.5), "0.50"));
        assert!(matches(json!(true), "true") && !matches(json!(true), "false"));
        assert!(matches(json!(["red", "green"]), "blue,green"));
        assert!(matches(json!("802.11b,802.11g"), "802.11b,802.11g"));
        assert!(!matches(json!("x".repeat(201)), &"x".repeat(201)));
    }

    proptest! {
        #[test]
        fn every_short_scalar_is_found_by_its_own_text(text in "[^,\0]{1,60}", number in -1e12_f64..1e12) {
            prop_assert!(matches(json!(text), &text));
            prop_assert!(matches(json!(number), &number.to_string()));
        }
    }
}
