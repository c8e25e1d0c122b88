//! Collects everything that is wrong with a request, so that all of it is told at once.

use std::ops::RangeInclusive;

use souk_kernel::Detail;

use crate::error::Error;

/// Amounts of money up to here leave room for any quantity without overflow.
pub const PRICE: RangeInclusive<i64> = 0..=1_000_000_000_000;
/// Units of one offer.
pub const STOCK: RangeInclusive<i64> = 0..=1_000_000_000;
/// Characters in a title.
pub const TITLE: RangeInclusive<usize> = 1..=200;
/// Characters in a description.
pub const DESCRIPTION: RangeInclusive<usize> = 0..=20_000;
/// Characters in a SKU code.
pub const CODE: RangeInclusive<usize> = 1..=64;
/// Offers in one request.
pub const SKUS: RangeInclusive<usize> = 1..=100;

/// Faults found so far.
#[derive(Default)]
pub struct Faults(Vec<Detail>);

impl Faults {
    pub fn add(&mut self, field: impl Into<String>, message: impl Into<String>) {
        self.0.push(Detail { field: field.into(), message: message.into() });
    }

    pub fn extend(&mut self, faults: Vec<Detail>) {
        self.0.extend(faults);
    }

    /// A text of so many characters, not counting space around it, without control characters except line breaks and tabs.
    pub fn text(&mut self, field: impl Into<String>, text: &str, length: &RangeInclusive<usize>) {
        let (least, most) = (length.start(), length.end());
        if text.trim().chars().count() < *least || text.chars().count() > *most {
            self.add(field, format!("must have {least} to {most} characters"));
        } else if text.chars().any(|letter| letter.is_control() && !matches!(letter, '\n' | '\r' | '\t')) {
            self.add(field, "must not contain control characters");
        }
    }

    pub fn number(&mut self, field: impl Into<String>, number: i64, range: &RangeInclusive<i64>) {
        if !range.contains(&number) {
            self.add(field, format!("must be between {} and {}", range.start(), range.end()));
        }
    }

    pub fn count(&mut self, field: impl Into<String>, count: usize, range: &RangeInclusive<usize>) {
        if !range.contains(&count) {
            self.add(field, format!("must have {} to {} entries", range.start(), range.end()));
        }
    }

    /// 422 with all of them, if there are any.
    pub fn into_result(self) -> Result<(), Error> {
        if self.0.is_empty() { Ok(()) } else { Err(Error::Invalid(self.0)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_is_told() {
        let mut faults = Faults::default();
        faults.text("title", "  ", &TITLE);
        faults.text("code", "a\u{7}b", &CODE);
        faults.text("description", "two\nlines", &DESCRIPTION);
        faults.number("price", -1, &PRICE);
        faults.number("stock", 0, &STOCK);
        faults.count("skus", 0, &SKUS);
        let Err(Error::Invalid(details)) = faults.into_result() else { panic!("nothing was found") };
        assert_eq!(
            details.iter().map(|detail| detail.field.as_str()).collect::<Vec<_>>(),
            ["title", "code", "price", "skus"]
        );
    }
}
