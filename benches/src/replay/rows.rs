//! The rows of the transactions file, streamed, each told as what it is.

use std::{collections::BTreeMap, fs::File, io::BufReader, path::Path};

use csv::{ReaderBuilder, StringRecord};
use flate2::read::MultiGzDecoder;
use serde::Deserialize;

use crate::error::Error;

/// One line of somebody's purchase, or of its cancellation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line<'a> {
    pub invoice: &'a str,
    /// Upper case: the file writes some codes both ways.
    pub stock_code: String,
    pub description: &'a str,
    pub quantity: u64,
    /// In pence.
    pub unit_price: i64,
    pub customer: &'a str,
}

impl Line<'_> {
    /// Quantity × price in pence. The file's are far from the limit; one that is not would fail every comparison.
    pub fn value(&self) -> i64 {
        self.unit_price.saturating_mul(i64::try_from(self.quantity).unwrap_or(i64::MAX))
    }
}

/// What a row says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Row<'a> {
    Sale(Line<'a>),
    Cancellation(Line<'a>),
    Unusable(&'static str),
}

#[derive(Deserialize)]
struct Raw<'a> {
    #[serde(rename = "InvoiceNo")]
    invoice: &'a str,
    #[serde(rename = "StockCode")]
    stock_code: &'a str,
    #[serde(rename = "Description")]
    description: &'a str,
    #[serde(rename = "Quantity")]
    quantity: &'a str,
    #[serde(rename = "UnitPrice")]
    unit_price: &'a str,
    #[serde(rename = "CustomerID")]
    customer: &'a str,
}

/// Reads the file from its beginning, `most` rows at most.
pub fn read(path: &Path, most: u64, mut each: impl FnMut(Row<'_>)) -> Result<(), Error> {
    let file = File::open(path).map_err(Error::io(path.display().to_string()))?;
    let mut reader = ReaderBuilder::new().from_reader(MultiGzDecoder::new(BufReader::new(file)));
    let headers = reader.headers()?.clone();
    let mut record = StringRecord::new();
    let mut left = most;
    while left > 0 && reader.read_record(&mut record)? {
        left -= 1;
        each(tell(&record.deserialize(Some(&headers))?));
    }
    Ok(())
}

fn tell<'a>(raw: &Raw<'a>) -> Row<'a> {
    let cancellation = raw.invoice.starts_with('C');
    let unusable = |sale, cancelled| Row::Unusable(if cancellation { cancelled } else { sale });
    if raw.customer.is_empty() {
        return unusable("not sold: no customer", "not refunded: no customer");
    }
    let Ok(quantity) = raw.quantity.parse::<i64>() else {
        return unusable("not sold: quantity is not a whole number", "not refunded: quantity is not a whole number");
    };
    if (quantity < 0) != cancellation || quantity == 0 {
        return unusable("not sold: adjustment (quantity not positive)", "not refunded: quantity not negative");
    }
    let unit_price = match pence(raw.unit_price) {
        Ok(price) if price > 0 => price,
        Ok(_) => return unusable("not sold: price zero or negative", "not refunded: price zero or negative"),
        Err(PriceFault::Fraction) => {
            return unusable(
                "not sold: price with fractions of a penny",
                "not refunded: price with fractions of a penny",
            );
        }
        Err(PriceFault::Unreadable) => {
            return unusable("not sold: price is not a number", "not refunded: price is not a number");
        }
    };
    let line = Line {
        invoice: raw.invoice,
        stock_code: raw.stock_code.trim().to_uppercase(),
        description: raw.description.trim(),
        quantity: quantity.unsigned_abs(),
        unit_price,
        customer: raw.customer,
    };
    if cancellation { Row::Cancellation(line) } else { Row::Sale(line) }
}

#[derive(Debug, PartialEq, Eq)]
enum PriceFault {
    Fraction,
    Unreadable,
}

/// A decimal number of pounds in pence, exactly.
fn pence(text: &str) -> Result<i64, PriceFault> {
    let (sign, digits) = text.strip_prefix('-').map_or((1, text), |digits| (-1, digits));
    let (pounds, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let fraction = fraction.trim_end_matches('0');
    let digits_only = |part: &str| part.bytes().all(|digit| digit.is_ascii_digit());
    if pounds.is_empty() || !digits_only(pounds) || !digits_only(fraction) {
        return Err(PriceFault::Unreadable);
    }
    if fraction.len() > 2 {
        return Err(PriceFault::Fraction);
    }
    let pence = format!("{pounds}{fraction:0<2}").parse::<i64>().map_err(|_| PriceFault::Unreadable)?;
    Ok(sign * pence)
}

/// What the file itself adds up to, row by row, without the plan that the replay follows.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Sums {
    pub rows: u64,
    pub sold_rows: u64,
    pub sold_value: i64,
    pub sold_units: u64,
    pub cancelled_rows: u64,
    pub cancelled_value: i64,
    /// By stock code and price.
    pub units: BTreeMap<(String, i64), u64>,
}

impl Sums {
    pub fn of(path: &Path, most: u64) -> Result<Self, Error> {
        let mut sums = Self::default();
        read(path, most, |row| {
            sums.rows += 1;
            match row {
                Row::Sale(line) => {
                    sums.sold_rows += 1;
                    sums.sold_value += line.value();
                    sums.sold_units += line.quantity;
                    *sums.units.entry((line.stock_code, line.unit_price)).or_default() += line.quantity;
                }
                Row::Cancellation(line) => {
                    sums.cancelled_rows += 1;
                    sums.cancelled_value += line.value();
                }
                Row::Unusable(_) => {}
            }
        })?;
        Ok(sums)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(
        invoice: &'static str,
        quantity: &'static str,
        unit_price: &'static str,
        customer: &'static str,
    ) -> Row<'static> {
        tell(&Raw { invoice, stock_code: "85123a", description: " HEART ", quantity, unit_price, customer })
    }

    #[test]
    fn prices_are_read_exactly() {
        for (text, expected) in
            [("2.55", 255), ("3.4", 340), ("850", 85_000), ("0.0", 0), ("-11062.06", -1_106_206), ("1.500", 150)]
        {
            assert_eq!(pence(text), Ok(expected), "{text}");
        }
        for text in ["0.001", "", "1e3", "1.2.3", "abc"] {
            assert!(pence(text).is_err(), "{text}");
        }
    }

    #[test]
    fn every_row_is_a_sale_a_cancellation_or_has_a_reason() {
        let Row::Sale(line) = told("536365", "6", "2.55", "17850") else { panic!("a sale") };
        assert_eq!((line.stock_code.as_str(), line.description, line.value()), ("85123A", "HEART", 1530));
        assert!(matches!(told("C536379", "-1", "27.5", "14527"), Row::Cancellation(Line { quantity: 1, .. })));
        for (invoice, quantity, price, customer) in [
            ("1", "6", "2.55", ""),
            ("1", "-6", "2.55", "2"),
            ("1", "6", "0.0", "2"),
            ("1", "6", "0.001", "2"),
            ("C1", "1", "2", "2"),
            ("1", "x", "2", "2"),
        ] {
            assert!(
                matches!(told(invoice, quantity, price, customer), Row::Unusable(_)),
                "{quantity} {price} {customer}"
            );
        }
    }
}
