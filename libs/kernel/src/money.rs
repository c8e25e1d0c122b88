//! Amounts of money: an integer in the currency's smallest unit and an ISO 4217 code. No float anywhere.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Why an amount could not be computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    /// The result does not fit 64 bits.
    #[error("amount out of range")]
    Overflow,
    /// Two different currencies met.
    #[error("currencies differ: {0} and {1}")]
    CurrencyMismatch(Currency, Currency),
    /// Not three upper-case letters.
    #[error("must be an ISO 4217 code of three upper-case letters")]
    InvalidCurrency,
}

/// An ISO 4217 currency code, three upper-case ASCII letters.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Currency([u8; 3]);

impl Currency {
    /// Pound sterling.
    pub const GBP: Self = Self(*b"GBP");
    /// Euro.
    pub const EUR: Self = Self(*b"EUR");
    /// United States dollar.
    pub const USD: Self = Self(*b"USD");

    /// The code as text.
    #[must_use]
    pub fn code(&self) -> &str {
        std::str::from_utf8(&self.0).expect("only ASCII letters are let in")
    }

    /// How many decimal digits the smallest unit stands for: 2 for cents, 0 for yen, 3 for dinars (ISO 4217).
    #[must_use]
    pub fn exponent(&self) -> u32 {
        match &self.0 {
            b"BIF" | b"CLP" | b"DJF" | b"GNF" | b"ISK" | b"JPY" | b"KMF" | b"KRW" | b"PYG" | b"RWF" | b"UGX"
            | b"UYI" | b"VND" | b"VUV" | b"XAF" | b"XOF" | b"XPF" => 0,
            b"BHD" | b"IQD" | b"JOD" | b"KWD" | b"LYD" | b"OMR" | b"TND" => 3,
            _ => 2,
        }
    }
}

impl FromStr for Currency {
    type Err = MoneyError;
    fn from_str(text: &str) -> Result<Self, MoneyError> {
        let code: [u8; 3] = text.as_bytes().try_into().map_err(|_| MoneyError::InvalidCurrency)?;
        if code.iter().all(u8::is_ascii_uppercase) { Ok(Self(code)) } else { Err(MoneyError::InvalidCurrency) }
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.code())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.code())
    }
}

impl Serialize for Currency {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.code())
    }
}

impl<'de> Deserialize<'de> for Currency {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

impl utoipa::PartialSchema for Currency {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        utoipa::openapi::ObjectBuilder::new()
            .schema_type(utoipa::openapi::schema::Type::String)
            .pattern(Some("^[A-Z]{3}$"))
            .into()
    }
}

impl utoipa::ToSchema for Currency {}

impl From<Currency> for sea_orm::Value {
    fn from(currency: Currency) -> Self {
        currency.code().to_owned().into()
    }
}

impl sea_orm::TryGetable for Currency {
    fn try_get_by<I: sea_orm::ColIdx>(row: &sea_orm::QueryResult, index: I) -> Result<Self, sea_orm::TryGetError> {
        let text = String::try_get_by(row, index)?;
        text.parse().map_err(|error: MoneyError| sea_orm::DbErr::Type(error.to_string()).into())
    }
}

impl sea_orm::sea_query::ValueType for Currency {
    fn try_from(value: sea_orm::Value) -> Result<Self, sea_orm::sea_query::ValueTypeErr> {
        <String as sea_orm::sea_query::ValueType>::try_from(value)?
            .parse()
            .map_err(|_| sea_orm::sea_query::ValueTypeErr)
    }
    fn type_name() -> String {
        "Currency".to_owned()
    }
    fn array_type() -> sea_orm::sea_query::ArrayType {
        sea_orm::sea_query::ArrayType::String
    }
    fn column_type() -> sea_orm::sea_query::ColumnType {
        sea_orm::sea_query::ColumnType::Char(Some(3))
    }
}

impl sea_orm::sea_query::Nullable for Currency {
    fn null() -> sea_orm::Value {
        <String as sea_orm::sea_query::Nullable>::null()
    }
}

impl sea_orm::IntoActiveValue<Currency> for Currency {
    fn into_active_value(self) -> sea_orm::ActiveValue<Currency> {
        sea_orm::ActiveValue::Set(self)
    }
}

/// An amount in one currency. `amount` counts the currency's smallest unit (cents, pence, yen) and may be negative.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Money {
    /// In the smallest unit.
    pub amount: i64,
    /// ISO 4217 code.
    pub currency: Currency,
}

impl Money {
    /// `amount` smallest units of `currency`.
    #[must_use]
    pub const fn new(amount: i64, currency: Currency) -> Self {
        Self { amount, currency }
    }

    /// Nothing, in `currency`.
    #[must_use]
    pub const fn zero(currency: Currency) -> Self {
        Self::new(0, currency)
    }

    /// The sum. Errors on two currencies and on overflow.
    pub fn plus(self, other: Self) -> Result<Self, MoneyError> {
        self.same_currency(other)?;
        Ok(Self::new(self.amount.checked_add(other.amount).ok_or(MoneyError::Overflow)?, self.currency))
    }

    /// The difference. Errors on two currencies and on overflow.
    pub fn minus(self, other: Self) -> Result<Self, MoneyError> {
        self.same_currency(other)?;
        Ok(Self::new(self.amount.checked_sub(other.amount).ok_or(MoneyError::Overflow)?, self.currency))
    }

    /// `count` times this amount. Errors on overflow.
    pub fn times(self, count: i64) -> Result<Self, MoneyError> {
        Ok(Self::new(self.amount.checked_mul(count).ok_or(MoneyError::Overflow)?, self.currency))
    }

    fn same_currency(self, other: Self) -> Result<(), MoneyError> {
        if self.currency == other.currency {
            Ok(())
        } else {
            Err(MoneyError::CurrencyMismatch(self.currency, other.currency))
        }
    }
}

impl fmt::Display for Money {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let exponent = self.currency.exponent();
        if exponent == 0 {
            return write!(out, "{} {}", self.amount, self.currency);
        }
        let scale = 10_u64.pow(exponent);
        let (whole, part) = (self.amount.unsigned_abs() / scale, self.amount.unsigned_abs() % scale);
        let sign = if self.amount < 0 { "-" } else { "" };
        write!(out, "{sign}{whole}.{part:0width$} {}", self.currency, width = exponent as usize)
    }
}

/// `amount × numerator / denominator`, rounded half to even. Used for percentages: commission is
/// `share(amount, basis_points, 10_000)`. Errors when the result does not fit 64 bits or the denominator is not positive.
pub fn share(amount: i64, numerator: i64, denominator: i64) -> Result<i64, MoneyError> {
    if denominator <= 0 {
        return Err(MoneyError::Overflow);
    }
    let product = i128::from(amount) * i128::from(numerator);
    let denominator = i128::from(denominator);
    let (quotient, remainder) = (product.div_euclid(denominator), product.rem_euclid(denominator));
    let rounded = match (2 * remainder).cmp(&denominator) {
        std::cmp::Ordering::Less => quotient,
        std::cmp::Ordering::Greater => quotient + 1,
        std::cmp::Ordering::Equal => quotient + quotient.rem_euclid(2),
    };
    i64::try_from(rounded).map_err(|_| MoneyError::Overflow)
}

/// Divides `total` in proportion to `weights` by the largest-remainder method (Hamilton): the parts add up to `total`
/// exactly, each within one unit of its exact share; ties go to the earlier part. All-zero weights count as equal ones.
/// Negative weights count as zero. No weights give no parts.
#[must_use]
pub fn allocate(total: i64, weights: &[i64]) -> Vec<i64> {
    if weights.is_empty() {
        return Vec::new();
    }
    let mut weights: Vec<i128> = weights.iter().map(|weight| i128::from((*weight).max(0))).collect();
    if weights.iter().all(|weight| *weight == 0) {
        weights.fill(1);
    }
    let sum: i128 = weights.iter().sum();
    let magnitude = i128::from(total).abs();
    let mut parts: Vec<i128> = weights.iter().map(|weight| magnitude * weight / sum).collect();
    let mut left = magnitude - parts.iter().sum::<i128>();
    let mut order: Vec<usize> = (0..weights.len()).collect();
    order.sort_by_key(|i| (std::cmp::Reverse(magnitude * weights[*i] % sum), *i));
    for i in order {
        if left == 0 {
            break;
        }
        parts[i] += 1;
        left -= 1;
    }
    parts
        .into_iter()
        .map(|part| i64::try_from(if total < 0 { -part } else { part }).expect("a part is no larger than the total"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounding_is_half_to_even() {
        assert_eq!(share(250, 100, 10_000), Ok(2)); // 2.5
        assert_eq!(share(350, 100, 10_000), Ok(4)); // 3.5
        assert_eq!(share(251, 100, 10_000), Ok(3));
        assert_eq!(share(-250, 100, 10_000), Ok(-2));
        assert_eq!(share(-350, 100, 10_000), Ok(-4));
        assert_eq!(share(i64::MAX, 2, 1), Err(MoneyError::Overflow));
    }

    #[test]
    fn parts_add_up_to_the_whole() {
        assert_eq!(allocate(100, &[1, 1, 1]), [34, 33, 33]);
        assert_eq!(allocate(-100, &[1, 1, 1]), [-34, -33, -33]);
        assert_eq!(allocate(5, &[0, 0]), [3, 2]);
        assert_eq!(allocate(i64::MAX, &[i64::MAX, i64::MAX]).iter().sum::<i64>(), i64::MAX);
        assert!(allocate(5, &[]).is_empty());
    }

    #[test]
    fn amounts_read_as_people_write_them() {
        assert_eq!(Money::new(-1205, Currency::GBP).to_string(), "-12.05 GBP");
        assert_eq!(Money::new(5, "JPY".parse().unwrap()).to_string(), "5 JPY");
    }

    #[test]
    fn two_currencies_do_not_mix() {
        assert!(Money::new(1, Currency::GBP).plus(Money::new(1, Currency::EUR)).is_err());
        assert!("gbp".parse::<Currency>().is_err());
    }
}
