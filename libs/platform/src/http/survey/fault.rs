//! One fault, as serde tells it.

use std::fmt::{self, Display};

use serde::de::{self, Expected, Unexpected};

#[derive(Debug, PartialEq)]
pub(super) enum Kind {
    /// A wrong JSON type.
    Shape,
    /// The right type, but not an acceptable value.
    Value,
    Unknown(String),
    Missing(&'static str),
}

#[derive(Debug)]
pub(super) struct Fault {
    /// Set by the innermost value that was being read.
    pub path: Option<String>,
    pub kind: Kind,
    pub message: String,
}

impl Fault {
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self { path: None, kind, message: message.into() }
    }

    pub fn at(mut self, path: &str) -> Self {
        self.path.get_or_insert_with(|| path.to_owned());
        self
    }
}

impl Display for Fault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.message)
    }
}

impl std::error::Error for Fault {}

/// What serde calls the expected thing, in the words of JSON. The value itself is not repeated: it may be a secret.
fn expected(what: &dyn Expected) -> String {
    let what = what.to_string();
    match what.as_str() {
        "i8" | "i16" | "i32" | "i64" | "i128" | "isize" | "u8" | "u16" | "u32" | "u64" | "u128" | "usize" => {
            "an integer".to_owned()
        }
        "f32" | "f64" => "a number".to_owned(),
        "a sequence" => "an array".to_owned(),
        "a map" => "an object".to_owned(),
        "string or map" => "a text".to_owned(),
        other if other.starts_with("struct ") => "an object".to_owned(),
        other if other.starts_with("enum ") || other.ends_with("string") => "a text".to_owned(),
        _ => what,
    }
}

impl de::Error for Fault {
    fn custom<T: Display>(message: T) -> Self {
        Self::new(Kind::Value, message.to_string())
    }

    fn invalid_type(_: Unexpected<'_>, wanted: &dyn Expected) -> Self {
        Self::new(Kind::Shape, format!("must be {}", expected(wanted)))
    }

    fn invalid_value(_: Unexpected<'_>, wanted: &dyn Expected) -> Self {
        match expected(wanted).as_str() {
            "an integer" => Self::new(Kind::Value, "is out of range"),
            other => Self::new(Kind::Value, format!("must be {other}")),
        }
    }

    fn invalid_length(_: usize, wanted: &dyn Expected) -> Self {
        Self::new(Kind::Value, format!("must be {}", expected(wanted)))
    }

    fn unknown_variant(_: &str, known: &'static [&'static str]) -> Self {
        Self::new(Kind::Value, format!("must be one of: {}", known.join(", ")))
    }

    fn unknown_field(field: &str, _: &'static [&'static str]) -> Self {
        Self::new(Kind::Unknown(field.to_owned()), "is not a known field")
    }

    fn missing_field(field: &'static str) -> Self {
        Self::new(Kind::Missing(field), "is required")
    }

    fn duplicate_field(field: &'static str) -> Self {
        // Reached only through an alias; a key that stands twice is found before anything is read.
        Self::new(Kind::Unknown(field.to_owned()), "is given twice")
    }
}
