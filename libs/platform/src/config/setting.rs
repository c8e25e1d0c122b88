//! One value from the environment or the command line.

use figment::{
    Metadata, Profile, Provider,
    value::{Dict, Map, Value},
};

use super::keys::Known;

pub(super) struct Setting {
    /// Where it comes from, for messages; also what errors are recognised by.
    pub(super) origin: String,
    pub(super) key: String,
    text: String,
    reading: Reading,
}

#[derive(Clone, Copy, PartialEq)]
enum Reading {
    /// As a number, a switch, a list or a table if it looks like one.
    Parsed,
    /// As it is.
    Text,
}

impl Setting {
    pub(super) fn new(origin: String, key: String, text: String, known: Known) -> Self {
        let (text, reading) = match known {
            Known::Text => (text, Reading::Text),
            // `a,b` is easier to write in a shell than `["a","b"]`.
            Known::List if !text.trim_start().starts_with('[') => (list(&text), Reading::Parsed),
            Known::List | Known::Other | Known::No => (text, Reading::Parsed),
        };
        Self { origin, key, text, reading }
    }

    /// Takes the text as it is from now on; false if that was done before. For a key that is not set by default, only
    /// its type knows that `007` is a text.
    pub(super) fn read_as_text(&mut self) -> bool {
        std::mem::replace(&mut self.reading, Reading::Text) == Reading::Parsed
    }
}

fn list(text: &str) -> String {
    let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
    format!("[{}]", items.collect::<Vec<_>>().join(","))
}

impl Provider for &Setting {
    fn metadata(&self) -> Metadata {
        Metadata::named(self.origin.clone())
    }

    fn data(&self) -> Result<Map<Profile, Dict>, figment::Error> {
        let value = match self.reading {
            Reading::Parsed => self.text.parse().unwrap_or_else(|never| match never {}),
            Reading::Text => Value::from(self.text.clone()),
        };
        let nested = figment::util::nest(&self.key, value).into_dict().unwrap_or_default();
        Ok(Profile::Default.collect(nested))
    }
}
