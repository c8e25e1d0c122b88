//! A stand-in for a faulty value: whatever type is asked for, it is one.

use serde::{
    Deserializer,
    de::{DeserializeSeed, IntoDeserializer, MapAccess, SeqAccess, Visitor, value::StrDeserializer},
    forward_to_deserialize_any,
};

use super::fault::Fault;

/// Texts that the types in bodies read: free text, a currency, a moment, an address. A type that reads none of them, nor
/// any of [`IDS`], ends the search for further faults.
const TEXTS: [&str; 5] = ["", "GBP", "1970-01-01T00:00:00Z", "http://a.invalid/", "a@a.invalid"];

/// How many different blanks there are.
pub(super) const VARIETIES: usize = TEXTS.len() + IDS.len();

/// One id of each kind that bodies carry.
const IDS: [&str; 14] = [
    "user_00000000000000000000000000",
    "seller_00000000000000000000000000",
    "cat_00000000000000000000000000",
    "prod_00000000000000000000000000",
    "var_00000000000000000000000000",
    "sku_00000000000000000000000000",
    "ord_00000000000000000000000000",
    "sord_00000000000000000000000000",
    "pay_00000000000000000000000000",
    "ref_00000000000000000000000000",
    "rev_00000000000000000000000000",
    "ret_00000000000000000000000000",
    "po_00000000000000000000000000",
    "evt_00000000000000000000000000",
];

#[derive(Clone, Copy)]
pub(super) struct Blank(pub usize);

impl Blank {
    fn text(self) -> &'static str {
        TEXTS.iter().chain(&IDS).nth(self.0).copied().unwrap_or_default()
    }
}

macro_rules! numbers {
    ($($method:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
            visitor.visit_u64(u64::from(self.0 > 0))
        }
    )*};
}

impl<'de> Deserializer<'de> for Blank {
    type Error = Fault;

    numbers! { deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_i128
    deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 deserialize_u128 deserialize_f32 deserialize_f64 }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_unit()
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_bool(false)
    }

    fn deserialize_char<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_char('a')
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_borrowed_str(self.text())
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_borrowed_str(self.text())
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_none()
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_seq(Blanks { blank: self, keys: &[], left: 0 })
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_seq(Blanks { blank: self, keys: &[], left: len })
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_map(Blanks { blank: self, keys: &[], left: 0 })
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        visitor.visit_map(Blanks { blank: self, keys: fields, left: fields.len() })
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        let first: StrDeserializer<'de, Fault> = variants.first().copied().unwrap_or_default().into_deserializer();
        first.deserialize_enum(name, variants, visitor)
    }

    forward_to_deserialize_any! { bytes byte_buf unit unit_struct tuple_struct identifier ignored_any }
}

/// Several blanks: the elements of a tuple or the fields of a struct.
struct Blanks {
    blank: Blank,
    keys: &'static [&'static str],
    left: usize,
}

impl<'de> SeqAccess<'de> for Blanks {
    type Error = Fault;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Fault> {
        if self.left == 0 {
            return Ok(None);
        }
        self.left -= 1;
        seed.deserialize(self.blank).map(Some)
    }
}

impl<'de> MapAccess<'de> for Blanks {
    type Error = Fault;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Fault> {
        let Some((key, rest)) = self.keys.split_first() else { return Ok(None) };
        self.keys = rest;
        let key: StrDeserializer<'_, Fault> = (*key).into_deserializer();
        seed.deserialize(key).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Fault> {
        seed.deserialize(self.blank)
    }
}
