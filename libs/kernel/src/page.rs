//! One page of a list.

use serde::{Deserialize, Serialize};

/// Which page is wanted: by offset, or by the cursor that the page before gave.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct PageQuery {
    /// Rows wanted, 1 to 100.
    pub limit: u64,
    /// Rows to skip; 0 when a cursor is given.
    pub offset: u64,
    /// Opaque position after the last row of the page before.
    pub cursor: Option<String>,
}

impl PageQuery {
    /// The most rows one page may have.
    pub const MAX_LIMIT: u64 = 100;
    /// Rows in a page when the caller doesn't say.
    pub const DEFAULT_LIMIT: u64 = 20;
}

impl Default for PageQuery {
    fn default() -> Self {
        Self { limit: Self::DEFAULT_LIMIT, offset: 0, cursor: None }
    }
}

/// One page of `T`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Page<T> {
    /// The rows.
    pub items: Vec<T>,
    /// Rows asked for.
    pub limit: u64,
    /// Rows skipped.
    pub offset: u64,
    /// Rows in all.
    pub total: u64,
    /// Where the next page begins; absent on the last one.
    pub next_cursor: Option<String>,
}

impl<T> Page<T> {
    /// The same page of something else.
    pub fn map<U>(self, f: impl FnMut(T) -> U) -> Page<U> {
        Page {
            items: self.items.into_iter().map(f).collect(),
            limit: self.limit,
            offset: self.offset,
            total: self.total,
            next_cursor: self.next_cursor,
        }
    }
}
