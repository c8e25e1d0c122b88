//! A field of an update that can also be taken away.

use serde::{Deserialize, Deserializer};

/// Absent keeps it, null removes it, a value replaces it. Fields of this type need `#[serde(default)]`.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum Removable<T> {
    #[default]
    Keep,
    Remove,
    Set(T),
}

impl<T> Removable<T> {
    /// What the field holds after the update.
    pub fn apply(self, field: &mut Option<T>) {
        match self {
            Self::Keep => {}
            Self::Remove => *field = None,
            Self::Set(value) => *field = Some(value),
        }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Removable<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Option::deserialize(deserializer)?.map_or(Self::Remove, Self::Set))
    }
}
