//! What holds for every adapter.

use std::fmt::Write;

use serde_json::{Value, json};

use super::*;

/// An adapter, and how one of its systems would write a document.
struct Case {
    kind: SourceKind,
    write: fn(&[(&str, i64)]) -> String,
}

const CASES: [Case; 2] = [
    Case {
        kind: SourceKind::Webhook,
        write: |items| {
            let items: Vec<_> = items.iter().map(|(sku, on_hand)| json!({"sku": sku, "on_hand": on_hand})).collect();
            json!({"items": items}).to_string()
        },
    },
    Case {
        kind: SourceKind::Csv,
        write: |items| {
            items.iter().fold("sku,on_hand\n".to_owned(), |mut file, (sku, on_hand)| {
                writeln!(file, "\"{}\",{on_hand}", sku.replace('"', "\"\"")).unwrap();
                file
            })
        },
    },
];

#[test]
fn what_a_system_writes_is_read_in_its_order() {
    let items = [("A-1", 5), ("B, \"large\"", 0), ("ß🫖", -1), ("A-1", i64::MAX)];
    for case in CASES {
        let reading = of(case.kind).read((case.write)(&items).as_bytes()).unwrap();
        let read: Vec<_> = reading.items.iter().map(|item| (item.sku.as_str(), item.on_hand)).collect();
        assert_eq!(read, items, "{:?}", case.kind);
        assert!(reading.unreadable.is_empty());
    }
}

#[test]
fn names_have_the_same_limits() {
    for case in CASES {
        let read = |name: &str| of(case.kind).read((case.write)(&[(name, 1)]).as_bytes());
        assert_eq!(read(&"ß".repeat(200)).unwrap().items.len(), 1, "{:?}", case.kind);
        for name in ["", "a\0b", &"ß".repeat(201)] {
            let refused = read(name).map_or(true, |reading| reading.items.is_empty());
            assert!(refused, "{:?}: {name:?}", case.kind);
        }
    }
}

#[test]
fn what_is_no_document_is_refused_without_a_panic() {
    for case in CASES {
        for document in [&b""[..], b"\0", b"\xff\xfe", b"<html>", b"[]", b"null", b"{\"items\":[]}", b"sku\nA-1\n"] {
            assert!(of(case.kind).read(document).is_err(), "{:?}: {document:?}", case.kind);
        }
        let whole = (case.write)(&[("A-1", 5)]);
        for end in 0..whole.len() {
            let _ = of(case.kind).read(&whole.as_bytes()[..end]);
        }
    }
}

#[test]
fn a_document_is_bounded() {
    let many = vec![("A-1", 1); MOST_LINES + 1];
    for case in CASES {
        assert!(of(case.kind).read((case.write)(&many).as_bytes()).is_err(), "{:?}", case.kind);
    }
}

#[test]
fn every_system_is_told_the_same() {
    let sku_id = SkuId::new();
    let level = PublishedLevel { sku: "A-1", sku_id, on_hand: 5, reserved: 2, available: 3, version: 7 };
    let sent_at = Timestamp::from_timestamp(1_770_000_000, 0).unwrap();
    let publication = Publication { kind: "stock.changed", source: "erp", number: 4, sent_at, items: vec![level] };
    for case in CASES {
        let told: Value = serde_json::from_slice(&of(case.kind).publication(&publication)).unwrap();
        assert_eq!(
            told["items"][0],
            json!({"sku": "A-1", "sku_id": sku_id, "on_hand": 5, "reserved": 2, "available": 3, "version": 7})
        );
        assert_eq!((&told["type"], &told["number"]), (&json!("stock.changed"), &json!(4)));
        assert!(of(case.kind).read(told.to_string().as_bytes()).is_err(), "sent back, it is no batch");
    }
}
