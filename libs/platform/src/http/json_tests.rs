use std::collections::BTreeMap;

use garde::Validate;
use serde::Deserialize;
use souk_kernel::{Currency, ErrorKind, Problem, SkuId};

use super::parse;

#[derive(Debug, PartialEq, Deserialize, Validate)]
#[serde(deny_unknown_fields)]
struct Order {
    #[garde(length(min = 1, max = 5))]
    name: String,
    #[garde(skip)]
    currency: Currency,
    #[garde(dive, length(min = 1))]
    items: Vec<Item>,
    #[garde(skip)]
    note: Option<String>,
    #[garde(skip)]
    #[serde(default)]
    attributes: BTreeMap<String, String>,
    #[garde(skip)]
    #[serde(default)]
    speed: Speed,
}

#[derive(Debug, PartialEq, Deserialize, Validate)]
#[serde(deny_unknown_fields)]
struct Item {
    #[garde(skip)]
    sku_id: SkuId,
    #[garde(range(min = 1, max = 99))]
    quantity: u32,
}

#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Speed {
    #[default]
    Slow,
    Fast,
}

const SKU: &str = "sku_01h455vb4pex5vsknk084sn02q";

fn order(json: &str) -> Result<Order, Problem> {
    parse(json.replace("SKU", SKU).as_bytes())
}

/// The kind and the fields named.
fn refused(json: &str) -> (ErrorKind, Vec<String>) {
    let problem = order(json).expect_err("should be refused");
    (problem.kind, problem.details.into_iter().map(|detail| detail.field).collect())
}

#[test]
fn a_good_body_is_read() {
    let read = order(r#"{"name":"é","currency":"GBP","items":[{"sku_id":"SKU","quantity":2}],"attributes":{"a":"b"}}"#);
    assert_eq!(read.unwrap().items[0].quantity, 2);
}

#[test]
fn what_is_not_json_is_malformed() {
    for bad in ["", "{", "nope", "{}{}", "{\"name\":\"\\ud800\"}", "[1,]", "1e999"] {
        let problem = order(bad).unwrap_err();
        assert_eq!((problem.kind, &*problem.code), (ErrorKind::Malformed, "malformed"), "{bad}");
    }
    assert_eq!(parse::<Order>(b"{\"name\":\"\xff\"}").unwrap_err().kind, ErrorKind::Malformed);
}

#[test]
fn every_missing_field_is_named_at_once() {
    assert_eq!(refused("{}"), (ErrorKind::Invalid, vec!["name".into(), "currency".into(), "items".into()]));
    let nested = r#"{"name":"a","currency":"GBP","items":[{"quantity":1},{"sku_id":"SKU"}]}"#;
    assert_eq!(refused(nested), (ErrorKind::Invalid, vec!["items[0].sku_id".into(), "items[1].quantity".into()]));
}

#[test]
fn values_of_the_right_type_are_invalid_together() {
    let json = r#"{"name":"too long","currency":"gbp","speed":"warp","items":[{"sku_id":"x","quantity":0},{"sku_id":"SKU","quantity":-1}]}"#;
    let (kind, mut fields) = refused(json);
    fields.sort();
    assert_eq!(kind, ErrorKind::Invalid);
    assert_eq!(fields, ["currency", "items[0].quantity", "items[0].sku_id", "items[1].quantity", "name", "speed"]);
}

#[test]
fn wrong_types_and_unknown_fields_are_malformed() {
    let json =
        r#"{"name":5,"currency":"GBP","items":[{"sku_id":"SKU","quantity":"2","colour":1}],"nmae":"x","note":[]}"#;
    let (kind, mut fields) = refused(json);
    fields.sort();
    assert_eq!(kind, ErrorKind::Malformed);
    assert_eq!(fields, ["items[0].colour", "items[0].quantity", "name", "nmae", "note"]);
    assert_eq!(refused("[]"), (ErrorKind::Malformed, vec!["body".into()]));
    let array = format!(r#"{{"name":"a","currency":"GBP","items":[["{SKU}",1]]}}"#);
    assert_eq!(refused(&array), (ErrorKind::Malformed, vec!["items[0]".into()]));
    for speed in [r#"{"x":1}"#, r#"{"fast":null}"#, r#"{"fast":1}"#, "{}", "[]", "1"] {
        let json =
            format!(r#"{{"name":"a","currency":"GBP","items":[{{"sku_id":"SKU","quantity":1}}],"speed":{speed}}}"#);
        assert_eq!(refused(&json), (ErrorKind::Malformed, vec!["speed".into()]), "{speed}");
    }
    assert_eq!(refused("null"), (ErrorKind::Malformed, vec!["body".into()]));
}

#[test]
fn a_message_does_not_repeat_what_was_sent() {
    let problem = order(r#"{"name":{"password":"hunter2"}}"#).unwrap_err();
    assert!(!format!("{problem:?}").contains("hunter2"));
    assert_eq!(problem.details[0].message, "must be a text");
}

#[test]
fn a_key_that_stands_twice_is_malformed_anywhere() {
    let json = r#"{"name":"a","currency":"GBP","items":[{"sku_id":"SKU","quantity":1,"quantity":2}],"attributes":{"a":"1","\u0061":"2"}}"#;
    assert_eq!(refused(json), (ErrorKind::Malformed, vec!["items[0].quantity".into(), "attributes.a".into()]));
}

#[test]
fn nul_is_invalid_wherever_it_stands() {
    let json =
        r#"{"name":"a\u0000","currency":"GBP","items":[{"sku_id":"SKU","quantity":0}],"attributes":{"x":"\u0000"}}"#;
    let fields = vec!["name".into(), "attributes.x".into(), "items[0].quantity".into()];
    assert_eq!(refused(json), (ErrorKind::Invalid, fields));
}

#[test]
fn naming_faults_costs_little_for_a_large_body() {
    let keys: Vec<String> = (0..100_000).map(|n| format!("\"unknown{n}\":1")).collect();
    let (kind, fields) = refused(&format!("{{{}}}", keys.join(",")));
    assert_eq!(kind, ErrorKind::Malformed);
    assert!(fields.len() < 5, "{}", fields.len());
}

#[test]
fn depth_is_bounded() {
    let deep = format!(r#"{{"note":{}1{}}}"#, "[".repeat(40), "]".repeat(40));
    let problem = order(&deep).unwrap_err();
    assert_eq!(problem.kind, ErrorKind::Malformed);
    assert!(problem.message.contains("deep"));
    assert_eq!(order(&"[".repeat(100_000)).unwrap_err().kind, ErrorKind::Malformed);
}
