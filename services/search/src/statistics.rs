//! Counts queries in memory, until they are written together.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

/// Different queries that are counted between two writings; more are not counted.
const MOST: usize = 10_000;
/// Characters of a query that are kept.
const LONGEST: usize = 200;

/// What happened to one query.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Count {
    pub searches: i64,
    /// Searches that found nothing.
    pub empty: i64,
    /// Products that were opened from its results.
    pub clicks: i64,
}

/// The counts since the last writing.
#[derive(Debug, Default)]
pub struct Statistics(Mutex<HashMap<String, Count>>);

impl Statistics {
    /// A search that found so many.
    pub fn searched(&self, words: &str, total: u64) {
        self.add(words, Count { searches: 1, empty: i64::from(total == 0), clicks: 0 });
    }

    /// A product was opened from the results.
    pub fn clicked(&self, words: &str) {
        self.add(words, Count { clicks: 1, ..Count::default() });
    }

    fn add(&self, words: &str, more: Count) {
        if words.is_empty() {
            return;
        }
        let words = words.char_indices().nth(LONGEST).map_or(words, |(end, _)| &words[..end]);
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_full = counts.len() >= MOST;
        let count = match counts.get_mut(words) {
            Some(count) => count,
            None if is_full => return,
            None => counts.entry(words.to_owned()).or_default(),
        };
        count.searches += more.searches;
        count.empty += more.empty;
        count.clicks += more.clicks;
    }

    /// All counts; they begin anew.
    pub fn take(&self) -> HashMap<String, Count> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_are_counted_until_they_are_taken() {
        let statistics = Statistics::default();
        statistics.searched("mouse", 3);
        statistics.searched("mouse", 0);
        statistics.clicked("mouse");
        statistics.searched("", 5);
        assert_eq!(
            statistics.take(),
            HashMap::from([("mouse".to_owned(), Count { searches: 2, empty: 1, clicks: 1 })])
        );
        assert!(statistics.take().is_empty());
    }
}
