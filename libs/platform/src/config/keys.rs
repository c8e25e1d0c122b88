//! The known keys, read from the serialised defaults.
//!
//! A table is a section. An empty table and `null` (an `Option` that is not set) stand for something whose keys are not
//! known beforehand: anything may follow, and the type itself decides (`deny_unknown_fields`).

use figment::value::{Dict, Value};
use serde::Serialize;
use serde_json::Value as Json;

pub(super) struct Keys {
    defaults: Json,
}

/// What is known about a key.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) enum Known {
    No,
    /// A text, or something written as one (a duration, an address, a secret): never parsed as anything else.
    Text,
    List,
    /// Anything else: a number, a switch, a section, or not known before it is set.
    Other,
}

impl Keys {
    pub(super) fn of<T: Serialize>(defaults: &T) -> Result<Self, serde_json::Error> {
        Ok(Self { defaults: serde_json::to_value(defaults)? })
    }

    /// What is known about a key like `orders.queue.limit`.
    pub(super) fn known(&self, key: &str) -> Known {
        let mut node = &self.defaults;
        for part in key.split('.') {
            match node {
                Json::Null => return Known::Other,
                Json::Object(map) if map.is_empty() => return Known::Other,
                Json::Object(map) => match map.get(part) {
                    Some(child) => node = child,
                    None => return Known::No,
                },
                _ => return Known::No,
            }
        }
        match node {
            Json::String(_) => Known::Text,
            Json::Array(_) => Known::List,
            _ => Known::Other,
        }
    }

    /// The keys of a file that are not known, each at the point where it leaves the known ones.
    pub(super) fn unknown_in(&self, file: &Dict) -> Vec<String> {
        let mut unknown = Vec::new();
        unknown_below(&self.defaults, file, "", &mut unknown);
        unknown
    }

    /// The known key that looks most like this one, if any does. `spell` writes a key as the source does.
    pub(super) fn nearest(&self, key: &str, spell: impl Fn(&str) -> String) -> Option<String> {
        let mut all = Vec::new();
        collect(&self.defaults, "", &mut all);
        let wanted = spell(key);
        let scored = all.iter().map(|known| {
            let known = spell(known);
            (strsim::jaro_winkler(&wanted, &known), known)
        });
        scored.max_by(|a, b| a.0.total_cmp(&b.0)).filter(|(score, _)| *score > 0.7).map(|(_, known)| known)
    }
}

fn unknown_below(known: &Json, file: &Dict, prefix: &str, unknown: &mut Vec<String>) {
    let Json::Object(map) = known else { return };
    if map.is_empty() {
        return;
    }
    for (name, value) in file {
        let key = join(prefix, name);
        match (map.get(name), value) {
            (None, _) => unknown.push(key),
            (Some(section), Value::Dict(_, table)) => unknown_below(section, table, &key, unknown),
            (Some(_), _) => {}
        }
    }
}

fn collect(node: &Json, prefix: &str, keys: &mut Vec<String>) {
    if let Json::Object(map) = node {
        for (name, child) in map {
            let key = join(prefix, name);
            collect(child, &key, keys);
            keys.push(key);
        }
    }
}

fn join(prefix: &str, name: &str) -> String {
    if prefix.is_empty() { name.to_owned() } else { format!("{prefix}.{name}") }
}
