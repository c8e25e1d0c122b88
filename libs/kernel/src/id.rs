//! Typed identifiers: a prefix that names the kind and a `UUIDv7`, written as a `TypeID`.
//!
//! Text form: `<prefix>_<26 characters of Crockford base32>`, as in the `TypeID` specification 0.3. In a database an id is
//! a plain UUID column. Ids made later sort later, to the millisecond.

use std::{fmt, str::FromStr};

use sea_orm::DeriveValueType;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use uuid::Uuid;

const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// Why a text is not an id of the wanted kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("must be an id of the form {prefix}_ followed by 26 characters")]
pub struct ParseIdError {
    prefix: &'static str,
}

/// What all id types have in common; lets generic code (path parameters, entities) speak of any of them.
pub trait TypedId:
    Copy + Eq + std::hash::Hash + fmt::Display + FromStr<Err = ParseIdError> + Send + Sync + 'static
{
    /// The kind's prefix without the underscore, for example `ord`.
    const PREFIX: &'static str;
    /// The UUID inside.
    fn uuid(self) -> Uuid;
    /// The id with this UUID inside, whatever made it.
    fn from_uuid(uuid: Uuid) -> Self;
}

fn encode(prefix: &str, uuid: Uuid, out: &mut fmt::Formatter<'_>) -> fmt::Result {
    let value = uuid.as_u128();
    let mut text = [0_u8; 26];
    for (i, slot) in text.iter_mut().enumerate() {
        let shift = 125 - 5 * i;
        *slot = ALPHABET[usize::try_from((value >> shift) & 31).expect("five bits")];
    }
    out.write_str(prefix)?;
    out.write_str("_")?;
    out.write_str(std::str::from_utf8(&text).expect("the alphabet is ASCII"))
}

fn decode(prefix: &'static str, text: &str) -> Result<Uuid, ParseIdError> {
    let error = ParseIdError { prefix };
    let digits =
        text.strip_prefix(prefix).and_then(|rest| rest.strip_prefix('_')).ok_or_else(|| error.clone())?.as_bytes();
    // 26 digits hold 130 bits: the first may only be 0 to 7.
    if digits.len() != 26 || digits[0] > b'7' {
        return Err(error);
    }
    let mut value = 0_u128;
    for digit in digits {
        let bits = ALPHABET.iter().position(|known| known == digit).ok_or_else(|| error.clone())?;
        value = (value << 5) | bits as u128;
    }
    Ok(Uuid::from_u128(value))
}

macro_rules! typed_ids {
    ($($(#[$doc:meta])* $name:ident = $prefix:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, DeriveValueType)]
        pub struct $name(Uuid);

        impl $name {
            /// A new id of this moment.
            #[must_use]
            #[expect(clippy::new_without_default, reason = "a default would hide that every call makes another id")]
            pub fn new() -> Self {
                Self(Uuid::now_v7())
            }

            /// The id that always belongs to `name` (a version 5 UUID), for work that must give the same id when repeated.
            #[must_use]
            pub fn derived(name: &str) -> Self {
                Self(Uuid::new_v5(&Uuid::NAMESPACE_URL, name.as_bytes()))
            }
        }

        impl TypedId for $name {
            const PREFIX: &'static str = $prefix;
            fn uuid(self) -> Uuid {
                self.0
            }
            fn from_uuid(uuid: Uuid) -> Self {
                Self(uuid)
            }
        }

        // Demanded of every primary key's type; only databases that number rows themselves would call it.
        impl sea_orm::TryFromU64 for $name {
            fn try_from_u64(_: u64) -> Result<Self, sea_orm::DbErr> {
                Err(sea_orm::DbErr::ConvertFromU64(stringify!($name)))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                encode($prefix, self.0, out)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                encode($prefix, self.0, out)
            }
        }

        impl FromStr for $name {
            type Err = ParseIdError;
            fn from_str(text: &str) -> Result<Self, ParseIdError> {
                decode($prefix, text).map(Self)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Visitor;
                impl de::Visitor<'_> for Visitor {
                    type Value = $name;
                    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                        write!(out, "an id of the form {}_ followed by 26 characters", $prefix)
                    }
                    fn visit_str<E: de::Error>(self, text: &str) -> Result<$name, E> {
                        text.parse().map_err(E::custom)
                    }
                }
                deserializer.deserialize_str(Visitor)
            }
        }

        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
                utoipa::openapi::ObjectBuilder::new()
                    .schema_type(utoipa::openapi::schema::Type::String)
                    .pattern(Some(concat!("^", $prefix, "_[0-7][0-9a-hjkmnp-tv-z]{25}$")))
                    .into()
            }
        }

        impl utoipa::ToSchema for $name {}
    )*};
}

typed_ids! {
    /// A person with an account.
    UserId = "user";
    /// A seller: a shop with a team.
    SellerId = "seller";
    /// A category of products.
    CategoryId = "cat";
    /// A product, sold by one or several sellers.
    ProductId = "prod";
    /// One combination of a product's options.
    VariantId = "var";
    /// One seller's offer of one variant: what carts, stock and orders speak of.
    SkuId = "sku";
    /// A cart.
    CartId = "cart";
    /// A buyer's order.
    OrderId = "ord";
    /// One seller's part of an order.
    SellerOrderId = "sord";
    /// A payment for an order.
    PaymentId = "pay";
    /// A refund of a payment.
    RefundId = "ref";
    /// A review of a product.
    ReviewId = "rev";
    /// A return of delivered lines.
    ReturnId = "ret";
    /// A payout to a seller.
    PayoutId = "po";
    /// An event between services, or one of a payment provider.
    EventId = "evt";
    /// One HTTP request.
    RequestId = "req";
    /// One notification to one person.
    NotificationId = "ntf";
    /// An uploaded image.
    ImageId = "img";
    /// A family of refresh tokens: one login on one device.
    SessionId = "ses";
    /// A commission rule.
    CommissionRuleId = "com";
    /// A balanced transaction of the ledger.
    LedgerTransactionId = "ltx";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_form_follows_the_typeid_specification() {
        // From the specification's list of valid encodings.
        let id = ProductId::from_uuid("01890a5d-ac96-774b-bcce-b302099a8057".parse().unwrap());
        assert_eq!(id.to_string(), "prod_01h455vb4pex5vsknk084sn02q");
        assert_eq!("prod_01h455vb4pex5vsknk084sn02q".parse::<ProductId>().unwrap(), id);
        assert_eq!(ProductId::from_uuid(Uuid::max()).to_string(), "prod_7zzzzzzzzzzzzzzzzzzzzzzzzz");
    }

    #[test]
    fn another_kind_an_overflow_and_upper_case_are_refused() {
        for text in [
            "ord_01h455vb4pex5vsknk084sn02q",
            "prod_81h455vb4pex5vsknk084sn02q",
            "prod_01H455VB4PEX5VSKNK084SN02Q",
            "prod_01h455vb4pex5vsknk084sn02",
            "prod01h455vb4pex5vsknk084sn02q",
            "prod_01h455vb4pex5vsknk084sn0é",
            "",
        ] {
            assert!(text.parse::<ProductId>().is_err(), "{text}");
        }
    }

    #[test]
    fn later_ids_sort_later_and_derived_ids_repeat() {
        let mut ids: Vec<_> = (0..100).map(|_| OrderId::new()).collect();
        let made = ids.clone();
        ids.sort();
        assert_eq!(ids, made);
        assert_eq!(PaymentId::derived("a/1"), PaymentId::derived("a/1"));
        assert_ne!(PaymentId::derived("a/1"), PaymentId::derived("a/2"));
    }
}
