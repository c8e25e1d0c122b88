//! The columns that every hit is counted by, unpacked: a search may find a tenth of a large catalogue, and what is packed
//! into bits costs ten times as much to read as what lies ready.

use tantivy::{
    TantivyError,
    columnar::{BytesColumn, Column, ColumnValues},
};
use uuid::Uuid;

use crate::domain::{prices, ranking::Signals};

/// Of one segment, by document.
#[derive(Debug, Default)]
pub struct Columns {
    /// The step of the price on the ladder.
    pub steps: Box<[u8]>,
    /// How many of the thresholds of stars it reaches, from 0 to 4.
    pub stars: Box<[u8]>,
    pub category: Terms,
    /// By number of the category.
    pub categories: Box<[Uuid]>,
    pub sellers: Terms,
    /// By number of the seller.
    pub all_sellers: Box<[Uuid]>,
    pub facets: Terms,
}

/// The terms of each document, by their numbers.
#[derive(Debug, Default)]
pub struct Terms {
    /// Where each document's begin, and the end of the last; empty when each has exactly one.
    starts: Box<[u32]>,
    terms: Box<[u32]>,
}

impl Terms {
    /// Unpacks a column of so many documents.
    pub fn read(column: Option<&Column<u64>>, documents: u32) -> Self {
        let Some(column) = column else {
            return Self { starts: vec![0; documents as usize + 1].into(), terms: Box::default() };
        };
        let mut packed = vec![0; column.values.num_vals() as usize];
        column.values.get_range(0, &mut packed);
        let terms: Box<[u32]> = packed.into_iter().map(|term| u32::try_from(term).unwrap_or(u32::MAX)).collect();
        let mut starts = Vec::with_capacity(documents as usize + 1);
        let mut end = 0;
        for document in 0..documents {
            starts.push(end);
            let rows = column.index.value_row_ids(document);
            end += rows.end - rows.start;
        }
        starts.push(end);
        let has_one = terms.len() == documents as usize && (0..=documents).eq(starts.iter().copied());
        Self { starts: if has_one { Box::default() } else { starts.into() }, terms }
    }

    /// Those of a document.
    pub fn of(&self, document: u32) -> &[u32] {
        let at = document as usize;
        if self.starts.is_empty() {
            return &self.terms[at..=at];
        }
        &self.terms[self.starts[at] as usize..self.starts[at + 1] as usize]
    }
}

/// The ids of a column, by their numbers.
pub fn ids(column: Option<&BytesColumn>) -> Result<Box<[Uuid]>, TantivyError> {
    let Some(column) = column else { return Ok(Box::default()) };
    let mut ids = Vec::with_capacity(column.num_terms());
    let mut terms = column.dictionary().stream()?;
    while terms.advance() {
        ids.push(Uuid::from_slice(terms.key()).unwrap_or_default());
    }
    Ok(ids.into())
}

/// The steps of prices.
pub fn steps(prices: &dyn ColumnValues<u64>, documents: u32) -> Box<[u8]> {
    let step = |document| {
        let price = i64::try_from(prices.get_val(document)).unwrap_or(i64::MAX);
        u8::try_from(prices::step(price)).unwrap_or(u8::MAX)
    };
    (0..documents).map(step).collect()
}

/// How many thresholds of stars each reaches.
pub fn stars(signals: &dyn ColumnValues<u64>, documents: u32) -> Box<[u8]> {
    let reached = |document| {
        let stars = Signals::unpack(signals.get_val(document)).stars;
        [100, 200, 300, 400].into_iter().map(|least| u8::from(stars >= least)).sum()
    };
    (0..documents).map(reached).collect()
}
