//! Reads a JSON value or a query string as serde asks for it, remembering the path, with blanks in the place of faults.

use serde::{
    Deserializer,
    de::{
        DeserializeSeed, Error as _, IntoDeserializer, MapAccess, SeqAccess, Unexpected, Visitor,
        value::BorrowedStrDeserializer,
    },
    forward_to_deserialize_any,
};
use serde_json::Value;

use super::{
    Mended,
    blank::Blank,
    fault::{Fault, Kind},
    join,
};

/// The parameters of a query string, each with all its values, in the order in which they first came.
pub(in super::super) type Query = Vec<(String, Vec<String>)>;

#[derive(Clone, Copy)]
pub(in super::super) enum Node<'a> {
    Json(&'a Value),
    Query(&'a Query),
    /// The values of one parameter.
    Words(&'a [String]),
    /// Part of a parameter that is a list.
    Word(&'a str),
}

#[derive(Clone)]
pub(super) struct Probe<'a> {
    node: Node<'a>,
    path: String,
    mended: &'a Mended,
}

impl<'a> Probe<'a> {
    pub fn new(node: Node<'a>, mended: &'a Mended) -> Self {
        Self { node, path: String::new(), mended }
    }

    /// The text of a parameter that may be given only once; `None` for JSON.
    fn word(&self) -> Result<Option<&'a str>, Fault> {
        match self.node {
            Node::Json(_) | Node::Query(_) => Ok(None),
            Node::Word(word) => Ok(Some(word)),
            Node::Words([word]) => Ok(Some(word)),
            Node::Words(_) => Err(Fault::new(Kind::Shape, "is given more than once").at(&self.path)),
        }
    }

    fn read_any<V: Visitor<'a>>(self, known: Option<&'static [&'static str]>, visitor: V) -> Result<V::Value, Fault> {
        match self.node {
            Node::Json(Value::Null) => visitor.visit_unit(),
            Node::Json(Value::Bool(value)) => visitor.visit_bool(*value),
            Node::Json(Value::String(text)) => visitor.visit_borrowed_str(text),
            Node::Json(Value::Number(number)) => match (number.as_u64(), number.as_i64(), number.as_f64()) {
                (Some(value), ..) => visitor.visit_u64(value),
                (_, Some(value), _) => visitor.visit_i64(value),
                (_, _, value) => visitor.visit_f64(value.unwrap_or(f64::MAX)),
            },
            Node::Json(Value::Array(items)) => visitor.visit_seq(Elements::new(&self, items.iter().map(Node::Json))),
            Node::Words([word]) => visitor.visit_borrowed_str(word),
            Node::Word(word) => visitor.visit_borrowed_str(word),
            Node::Words(words) => visitor.visit_seq(Elements::new(&self, words.iter().map(|word| Node::Word(word)))),
            Node::Json(Value::Object(_)) | Node::Query(_) => visitor.visit_map(self.fields(known)),
        }
    }

    fn fields(&self, known: Option<&'static [&'static str]>) -> Fields<'a> {
        let mut entries: Vec<(&'a str, Option<Node<'a>>)> = match self.node {
            Node::Json(Value::Object(object)) => {
                object.iter().map(|(key, value)| (key.as_str(), Some(Node::Json(value)))).collect()
            }
            // A query may hold what others read (paging, tokens, a campaign's marks): only known names are looked at.
            Node::Query(query) => query
                .iter()
                .filter(|(key, _)| known.is_none_or(|known| known.contains(&key.as_str())))
                .map(|(key, words)| (key.as_str(), Some(Node::Words(words))))
                .collect(),
            Node::Json(_) | Node::Words(_) | Node::Word(_) => Vec::new(),
        };
        if !self.mended.dropped.is_empty() {
            entries.retain(|(key, _)| !self.mended.dropped.contains(&join(&self.path, key)));
        }
        entries.extend(self.mended.added.get(&self.path).into_iter().flatten().map(|key| (*key, None)));
        entries.reverse();
        Fields { entries, value: None, path: self.path.clone(), mended: self.mended }
    }

    fn child<S: DeserializeSeed<'a>>(
        seed: S,
        node: Option<Node<'a>>,
        path: &str,
        mended: &'a Mended,
    ) -> Result<S::Value, Fault> {
        let found = match (node, mended.blanks.get(path)) {
            (_, Some(tried)) => seed.deserialize(Blank(*tried)),
            (Some(node), None) => seed.deserialize(Probe { node, path: path.to_owned(), mended }),
            (None, None) => seed.deserialize(Blank(0)),
        };
        found.map_err(|fault| fault.at(path))
    }
}

/// Reads a parameter's text as a number or a truth value; JSON has its own.
macro_rules! parsed {
    ($($method:ident => $visit:ident, $type:ty, $what:literal;)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
            let path = self.path.clone();
            match self.word()? {
                Some(word) => match word.parse::<$type>() {
                    Ok(value) => visitor.$visit(value),
                    Err(_) => Err(Fault::new(Kind::Shape, concat!("must be ", $what))),
                },
                None => self.read_any(None, visitor),
            }
            .map_err(|fault| fault.at(&path))
        }
    )*};
}

impl<'de> Deserializer<'de> for Probe<'de> {
    type Error = Fault;

    parsed! {
        deserialize_i8 => visit_i64, i64, "an integer";
        deserialize_i16 => visit_i64, i64, "an integer";
        deserialize_i32 => visit_i64, i64, "an integer";
        deserialize_i64 => visit_i64, i64, "an integer";
        deserialize_u8 => visit_i64, i64, "an integer";
        deserialize_u16 => visit_i64, i64, "an integer";
        deserialize_u32 => visit_i64, i64, "an integer";
        deserialize_u64 => visit_i64, i64, "an integer";
        deserialize_f32 => visit_f64, f64, "a number";
        deserialize_f64 => visit_f64, f64, "a number";
        deserialize_bool => visit_bool, bool, "true or false";
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        let path = self.path.clone();
        self.read_any(None, visitor).map_err(|fault| fault.at(&path))
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.word()?;
        self.deserialize_any(visitor)
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.deserialize_str(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        let path = self.path.clone();
        match self.node {
            // A form sends the fields that were left empty, too.
            Node::Json(Value::Null) | Node::Word("") => visitor.visit_none(),
            Node::Words([word]) if word.is_empty() => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
        .map_err(|fault| fault.at(&path))
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Fault> {
        let path = self.path.clone();
        visitor.visit_newtype_struct(self).map_err(|fault| fault.at(&path))
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        let path = self.path.clone();
        match self.node {
            Node::Words(words) => {
                let parts = words.iter().flat_map(|word| word.split(',')).filter(|word| !word.is_empty());
                visitor.visit_seq(Elements::new(&self, parts.map(Node::Word)))
            }
            _ => self.read_any(None, visitor),
        }
        .map_err(|fault| fault.at(&path))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        let path = self.path.clone();
        match self.node {
            // serde would take an array for a struct, field by field.
            Node::Json(Value::Array(_)) => Err(Fault::new(Kind::Shape, "must be an object")),
            _ => self.read_any(Some(fields), visitor),
        }
        .map_err(|fault| fault.at(&path))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        let path = self.path.clone();
        let text = match self.node {
            Node::Json(Value::String(text)) => Some(text.as_str()),
            _ => self.word()?,
        };
        match text {
            Some(text) => {
                let text: serde::de::value::StrDeserializer<'_, Fault> = text.into_deserializer();
                text.deserialize_enum(name, variants, visitor)
            }
            // serde would take `{"word": null}` for the word. Variants with contents say their name in a field.
            None => Err(Fault::invalid_type(Unexpected::Other("not a text"), &"a text")),
        }
        .map_err(|fault| fault.at(&path))
    }

    forward_to_deserialize_any! {
        i128 u128 char bytes byte_buf unit unit_struct tuple tuple_struct map identifier ignored_any
    }
}

struct Fields<'a> {
    /// In reverse; without a node it is a blank that was missing.
    entries: Vec<(&'a str, Option<Node<'a>>)>,
    value: Option<(&'a str, Option<Node<'a>>)>,
    path: String,
    mended: &'a Mended,
}

impl<'de> MapAccess<'de> for Fields<'de> {
    type Error = Fault;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Fault> {
        self.value = self.entries.pop();
        let Some((key, _)) = self.value else { return Ok(None) };
        seed.deserialize(BorrowedStrDeserializer::new(key)).map(Some).map_err(|fault: Fault| match fault.kind {
            Kind::Unknown(_) => fault,
            // A key that isn't acceptable (of a map with typed keys) is told at its own path.
            _ => fault.at(&join(&self.path, key)),
        })
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Fault> {
        let (key, node) = self.value.take().expect("serde asks for a value after its key");
        Probe::child(seed, node, &join(&self.path, key), self.mended)
    }
}

struct Elements<'a, I> {
    nodes: I,
    index: usize,
    path: String,
    mended: &'a Mended,
}

impl<'a, I: Iterator<Item = Node<'a>>> Elements<'a, I> {
    fn new(of: &Probe<'a>, nodes: I) -> Self {
        Self { nodes, index: 0, path: of.path.clone(), mended: of.mended }
    }
}

impl<'de, I: Iterator<Item = Node<'de>>> SeqAccess<'de> for Elements<'de, I> {
    type Error = Fault;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Fault> {
        let Some(node) = self.nodes.next() else { return Ok(None) };
        let path = format!("{}[{}]", self.path, self.index);
        self.index += 1;
        Probe::child(seed, Some(node), &path, self.mended).map(Some)
    }
}
