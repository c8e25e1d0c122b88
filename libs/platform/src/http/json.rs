//! JSON from outside, read strictly: no key twice, no NUL in a text, bounded depth, and every fault named.

use std::{
    borrow::Cow,
    collections::HashSet,
    fmt::{self, Write},
};

use garde::Validate;
use serde::{
    Deserializer,
    de::{DeserializeOwned, DeserializeSeed, MapAccess, SeqAccess, Visitor},
};
use serde_json::Value;
use souk_kernel::{ErrorKind, Problem};

use super::survey::{Faults, Node};

/// Arrays and objects may lie this deep in each other.
const MAX_DEPTH: usize = 32;

/// Reads and checks a `T`. 400 `malformed` when it isn't JSON or not of the shape of `T` (the fields are named), 422
/// `invalid` with every unacceptable field otherwise.
pub fn parse<T: DeserializeOwned + Validate<Context = ()>>(bytes: &[u8]) -> Result<T, Problem> {
    let nul = inspect(bytes)?;
    let mut faults = Faults::default();
    for field in nul {
        faults.add(field, "may not hold the character NUL");
    }
    let whole: Value = serde_json::from_slice(bytes).map_err(|error| not_json(&error))?;
    let value = faults.read::<T>(Node::Json(&whole), bytes.len());
    if let Some(value) = &value {
        faults.check(value);
    }
    faults.for_body()?;
    Ok(value.expect("there is a value or a fault"))
}

fn not_json(error: &serde_json::Error) -> Problem {
    Problem::new(ErrorKind::Malformed, "malformed", format!("the body is not JSON: {error}"))
}

/// Looks at every key and text; gives the fields that hold NUL.
fn inspect(bytes: &[u8]) -> Result<Vec<String>, Problem> {
    let mut findings = Findings::default();
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let read = Inspect(&mut findings).deserialize(&mut reader).and_then(|()| reader.end());
    if findings.too_deep {
        let message = format!("arrays and objects may lie at most {MAX_DEPTH} deep in each other");
        return Err(Problem::new(ErrorKind::Malformed, "malformed", message));
    }
    read.map_err(|error| not_json(&error))?;
    if findings.twice.is_empty() {
        return Ok(findings.nul);
    }
    let problem = Problem::new(ErrorKind::Malformed, "malformed", "the request can't be read");
    Err(findings.twice.into_iter().fold(problem, |problem, field| problem.detail(field, "is given twice")))
}

#[derive(Default)]
struct Findings<'de> {
    path: Vec<Step<'de>>,
    twice: Vec<String>,
    nul: Vec<String>,
    too_deep: bool,
}

enum Step<'de> {
    Key(Cow<'de, str>),
    Index(usize),
}

impl Findings<'_> {
    fn here(&self) -> String {
        let mut path = String::new();
        for step in &self.path {
            match step {
                Step::Key(key) => {
                    if !path.is_empty() {
                        path.push('.');
                    }
                    path.push_str(key);
                }
                Step::Index(index) => write!(path, "[{index}]").expect("a String takes any text"),
            }
        }
        path
    }

    fn look(&mut self, text: &str) {
        if text.contains('\0') {
            let here = self.here();
            self.nul.push(here);
        }
    }

    fn descend<E: serde::de::Error>(&mut self, step: Step<'static>) -> Result<(), E> {
        if self.path.len() >= MAX_DEPTH {
            self.too_deep = true;
            return Err(E::custom("too deep"));
        }
        self.path.push(step);
        Ok(())
    }
}

struct Inspect<'a, 'de>(&'a mut Findings<'de>);

impl<'de> DeserializeSeed<'de> for Inspect<'_, 'de> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Inspect<'_, 'de> {
    type Value = ();

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        self.0.look(text);
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        self.0.descend(Step::Index(0))?;
        while items.next_element_seed(Inspect(&mut *self.0))?.is_some() {
            if let Some(Step::Index(index)) = self.0.path.last_mut() {
                *index += 1;
            }
        }
        self.0.path.pop();
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        self.0.descend(Step::Index(0))?;
        let mut seen = HashSet::new();
        while let Some(Key(key)) = entries.next_key()? {
            if let Some(step) = self.0.path.last_mut() {
                *step = Step::Key(key.clone());
            }
            self.0.look(&key);
            if !seen.insert(key) {
                let here = self.0.here();
                self.0.twice.push(here);
            }
            entries.next_value_seed(Inspect(&mut *self.0))?;
        }
        self.0.path.pop();
        Ok(())
    }
}

/// An object's key, borrowed from the body unless it holds escapes.
struct Key<'de>(Cow<'de, str>);

impl<'de> serde::Deserialize<'de> for Key<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl<'de> Visitor<'de> for Text {
            type Value = Key<'de>;
            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("a key")
            }
            fn visit_borrowed_str<E>(self, key: &'de str) -> Result<Key<'de>, E> {
                Ok(Key(Cow::Borrowed(key)))
            }
            fn visit_str<E>(self, key: &str) -> Result<Key<'de>, E> {
                Ok(Key(Cow::Owned(key.to_owned())))
            }
        }
        deserializer.deserialize_str(Text)
    }
}

#[cfg(test)]
#[path = "json_tests.rs"]
mod tests;
