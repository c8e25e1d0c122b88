//! The order of what was found, and how pages are cut out of it: the same whichever engine found it.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::{
    domain::{item::Summary, refining::REFINED},
    index::facets::Counts,
};

/// In which order.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sort {
    #[default]
    Relevance,
    Newest,
    PriceAsc,
    PriceDesc,
    Rating,
    Popular,
}

/// The place of a hit in the order.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Position {
    /// Larger comes first.
    pub key: u64,
    /// Among equals, larger comes first.
    pub tie: u64,
    /// Whether it is among the refined, where the key is that of the refined order.
    pub refined: bool,
    /// Whether products with only some words were let in: the pages of one list go by the same rule.
    pub relaxed: bool,
}

/// A product that was found.
#[derive(Clone, Debug)]
pub struct Hit {
    pub summary: Arc<Summary>,
    pub score: f32,
}

/// What a search gives.
#[derive(Clone, Debug, Default)]
pub struct Results {
    pub hits: Vec<Hit>,
    pub total: u64,
    pub counts: Option<Counts>,
    pub next: Option<Position>,
    /// Whether products that have only some of the words are among them.
    pub relaxed: bool,
}

/// A candidate for the page.
#[derive(Clone, Copy, Debug)]
pub struct Candidate {
    pub key: u64,
    pub tie: u64,
    /// Where the engine has it.
    pub segment: usize,
    pub doc: u32,
    pub score: f32,
}

impl Candidate {
    /// Multiplies the score.
    fn lift(&mut self, factor: f32) {
        self.score = f32::from_bits(u32::try_from(self.key & 0xffff_ffff).unwrap_or_default()) * factor;
        self.key = score_key(self.score, self.key >> 32 & 1 == 1);
    }

    pub fn rank(&self) -> (u64, u64) {
        (self.key, self.tie)
    }
}

/// A score as a number of the same order.
pub fn score_key(score: f32, whole: bool) -> u64 {
    u64::from(score.max(0.0).to_bits()) | u64::from(whole) << 32
}

/// Which page is wanted of which order.
#[derive(Clone, Copy, Debug)]
pub struct Paging {
    pub sort: Sort,
    /// Whether words are looked for.
    pub by_words: bool,
    pub limit: usize,
    pub offset: usize,
    pub after: Option<Position>,
}

impl Paging {
    /// Whether the first ones are put into a finer order.
    pub fn refines(&self) -> bool {
        self.sort == Sort::Relevance && self.by_words && self.after.is_none_or(|after| after.refined)
    }

    /// How many of the best are needed. One more than the page tells whether there is a next one.
    pub fn wanted(&self) -> usize {
        let before = if self.refines() { self.offset.max(REFINED) } else { self.offset };
        before.saturating_add(self.limit).saturating_add(1)
    }

    /// How many of so many are put into a finer order.
    pub fn refined(&self, found: usize) -> usize {
        if self.refines() { found.min(REFINED) } else { 0 }
    }

    /// Behind the refined ones, the order by words alone begins where the page before ended: only what ranks lower is wanted.
    pub fn from(&self) -> Option<(u64, u64)> {
        self.after.filter(|after| !after.refined).map(|after| (after.key, after.tie))
    }

    /// Puts the first into the order that follows when their scores are multiplied by the factors, cuts the page out, and
    /// says where the next one begins.
    pub fn cut(&self, mut best: Vec<Candidate>, factors: &[f32], relaxed: bool) -> (Vec<Candidate>, Option<Position>) {
        let refined = factors.len();
        // Where the order by words alone goes on.
        let border = refined.checked_sub(1).map(|last| best[last].rank());
        for (candidate, factor) in best.iter_mut().zip(factors) {
            candidate.lift(*factor);
        }
        best[..refined].sort_unstable_by_key(|candidate| std::cmp::Reverse(candidate.rank()));
        let start = match self.after {
            Some(after) if after.refined => {
                let last = (after.key, after.tie);
                let same = best[..refined].iter().position(|candidate| candidate.rank() == last);
                same.map_or_else(|| best[..refined].partition_point(|candidate| candidate.rank() >= last), |at| at + 1)
            }
            Some(_) => 0,
            None => self.offset.min(best.len()),
        };
        let end = (start + self.limit).min(best.len());
        let page = best[start..end].to_vec();
        let next = page.last().filter(|_| end < best.len()).map(|last| {
            let (key, tie) = border.filter(|_| end == refined).unwrap_or(last.rank());
            Position { key, tie, refined: end < refined, relaxed }
        });
        (page, next)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// All pages of a list, one after the other, as an engine would be asked for them.
    fn walk(all: &[Candidate], factors: &[f32], limit: usize) -> Vec<u32> {
        let mut seen = Vec::new();
        let mut after = None;
        loop {
            let paging = Paging { sort: Sort::Relevance, by_words: true, limit, offset: 0, after };
            let behind = |candidate: &&Candidate| paging.from().is_none_or(|from| candidate.rank() < from);
            let best: Vec<Candidate> = all.iter().filter(behind).take(paging.wanted()).copied().collect();
            let refined = paging.refined(best.len());
            let (page, next) = paging.cut(best, &factors[..refined], false);
            seen.extend(page.iter().map(|candidate| candidate.doc));
            after = next;
            if after.is_none() {
                return seen;
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn pages_hold_everything_once_however_deep(count in 0usize..1300, limit in 1usize..100, seed: u32) {
            let candidate = |doc: u32| {
                let mixed = doc.wrapping_mul(2_654_435_761).wrapping_add(seed);
                // Many have the same score.
                let score = f32::from(u8::try_from(mixed >> 24).unwrap()) / 16.0;
                Candidate { key: score_key(score, mixed & 1 == 1), tie: mixed.into(), segment: 0, doc, score }
            };
            let count = u32::try_from(count).unwrap();
            let mut all: Vec<Candidate> = (0..count).map(candidate).collect();
            all.sort_by_key(|candidate| std::cmp::Reverse(candidate.rank()));
            let factors: Vec<f32> = all.iter().map(|one| 1.0 + f32::from(u8::try_from(one.tie & 3).unwrap())).collect();
            let mut seen = walk(&all, &factors, limit);
            prop_assert_eq!(seen.len(), all.len());
            seen.sort_unstable();
            prop_assert!(seen.into_iter().eq(0..count));
        }
    }
}
