//! Scores documents by the groups of a plan.
//!
//! `score = Σ over groups: max over alternatives: weight · mass · Σ share · impact`, where the impact of a term in a product is
//! `(k + 1) · f / (k + f)` for its field-weighted frequency `f`, and the mass of a group is the inverse document frequency of
//! what was typed: synonyms do not win by being rare.

use std::{cell::RefCell, collections::HashMap};

use tantivy::{DocId, TantivyError};

use super::{
    postings::{Cursor, WINDOW},
    snapshot::{Segment, Snapshot},
    tokenizers::count,
};
use crate::domain::{
    query::Plan,
    ranking::Weights,
    texts::{self, LEVELS},
    weighing::{Weighed, weigh},
};

/// A plan with the numbers that hold for the whole index.
pub struct Scoring {
    groups: Vec<Vec<Weighed>>,
    impacts: [f32; LEVELS as usize + 1],
}

/// Which documents are wanted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mode {
    /// With all groups.
    All,
    /// With at least half of them.
    Some,
}

/// What one document scores.
#[derive(Clone, Copy, Debug)]
pub struct Scored {
    pub doc: DocId,
    pub score: f32,
    /// Whether it has all groups.
    pub whole: bool,
}

impl Scoring {
    /// Weighs the groups of a plan by what is in the index. Alternatives that no product has are left out.
    pub fn new(plan: &Plan, snapshot: &Snapshot, weights: &Weights) -> Result<Self, TantivyError> {
        let mut frequencies = HashMap::new();
        for term in plan.terms() {
            let mut frequency = 0;
            for segment in &snapshot.segments {
                frequency += segment.frequency(term)?;
            }
            frequencies.insert(term, frequency);
        }
        let frequency = |term: &str| frequencies.get(term).copied().unwrap_or_default();
        let groups = plan.groups.iter().map(|group| weigh(group, frequency, snapshot.products)).collect();
        let mut impacts = [0.0; LEVELS as usize + 1];
        for level in 1..=LEVELS {
            impacts[usize::from(count(level))] = weights.impact(texts::frequency(level));
        }
        Ok(Self { groups, impacts })
    }

    /// Whether there is more than one group, so that some products may have only a part of them.
    pub fn can_be_relaxed(&self) -> bool {
        self.groups.len() > 1
    }

    /// Every wanted document of the segment that is alive, in order.
    pub fn each(&self, segment: &Segment, mode: Mode, each: impl FnMut(Scored)) -> Result<(), TantivyError> {
        DESK.with_borrow_mut(|desk| self.score(segment, mode, desk, each))
    }

    fn score(
        &self,
        segment: &Segment,
        mode: Mode,
        desk: &mut Desk,
        mut each: impl FnMut(Scored),
    ) -> Result<(), TantivyError> {
        let alive = segment.reader.alive_bitset();
        let all = (1u32 << self.groups.len()) - 1;
        let needed = match mode {
            Mode::All => self.groups.len(),
            Mode::Some => self.groups.len().div_ceil(2),
        };
        let needed = u32::try_from(needed).expect("a query has few words");
        let mut groups = self.open(segment)?;
        if mode == Mode::All && groups.iter().any(Vec::is_empty) {
            return Ok(());
        }
        // The rarer of two comes first: nothing is done for products that have only the other. The sum is the same.
        if let [first, second] = groups.as_mut_slice()
            && mode == Mode::All
            && self.postings(segment, 0)? > self.postings(segment, 1)?
        {
            std::mem::swap(first, second);
        }
        loop {
            let firsts = groups.iter().map(|group| {
                let cursors = group.iter().flat_map(|opened| &opened.cursors);
                cursors.filter_map(|(cursor, _)| cursor.next_doc()).min()
            });
            // What has all groups comes where the last of them begins, or later.
            let next = match mode {
                Mode::All => firsts.collect::<Option<Vec<_>>>().and_then(|firsts| firsts.into_iter().max()),
                Mode::Some => firsts.flatten().min(),
            };
            let Some(next) = next else { return Ok(()) };
            let start = next / WINDOW * WINDOW;
            if mode == Mode::All {
                let cursors = groups.iter_mut().flatten().flat_map(|opened| &mut opened.cursors);
                cursors.for_each(|(cursor, _)| cursor.skip_to(start));
            }
            let mut before = 0;
            for (index, group) in groups.iter_mut().enumerate() {
                desk.add_group(group, 1 << index, before, start, &self.impacts);
                if mode == Mode::All {
                    before |= 1 << index;
                }
            }
            desk.take(|at, score, mask| {
                let doc = start + at;
                if mask.count_ones() >= needed && alive.is_none_or(|alive| alive.is_alive(doc)) {
                    each(Scored { doc, score, whole: mask == all });
                }
            });
        }
    }

    /// How many postings a group has in a segment.
    fn postings(&self, segment: &Segment, group: usize) -> Result<u32, TantivyError> {
        self.groups[group].iter().flat_map(|weighed| &weighed.terms).map(|(term, _)| segment.frequency(term)).sum()
    }

    fn open(&self, segment: &Segment) -> Result<Vec<Vec<Opened>>, TantivyError> {
        let open = |weighed: &Weighed| {
            let mut cursors = Vec::with_capacity(weighed.terms.len());
            for (term, share) in &weighed.terms {
                let Some(cursor) = segment.levels(term)? else { return Ok(None) };
                cursors.push((cursor, *share));
            }
            Ok(Some(Opened { cursors }))
        };
        let group = |group: &Vec<Weighed>| group.iter().filter_map(|weighed| open(weighed).transpose()).collect();
        self.groups.iter().map(group).collect()
    }
}

/// An alternative with its posting lists in one segment.
struct Opened {
    cursors: Vec<(Cursor, f32)>,
}

const WORDS: usize = WINDOW as usize / 64;

thread_local! {
    /// Each thread has one, which is as it was before whenever a search ends.
    static DESK: RefCell<Desk> = RefCell::default();
}

/// Room to add up one window of documents.
struct Desk {
    scores: Vec<f32>,
    masks: Vec<u32>,
    touched: [u64; WORDS],
    /// The best alternative of the group at hand.
    best: Vec<f32>,
    in_group: [u64; WORDS],
    /// Of an alternative of several terms.
    sums: Vec<f32>,
    counts: Vec<u8>,
    in_sums: [u64; WORDS],
}

impl Default for Desk {
    fn default() -> Self {
        let room = WINDOW as usize;
        Self {
            scores: vec![0.0; room],
            masks: vec![0; room],
            touched: [0; WORDS],
            best: vec![0.0; room],
            in_group: [0; WORDS],
            sums: vec![0.0; room],
            counts: vec![0; room],
            in_sums: [0; WORDS],
        }
    }
}

fn mark(bits: &mut [u64; WORDS], at: usize) {
    bits[at / 64] |= 1 << (at % 64);
}

/// Every marked place, in order; the marks are wiped.
fn unmark(bits: &mut [u64; WORDS], mut each: impl FnMut(usize)) {
    for (index, word) in bits.iter_mut().enumerate() {
        while *word != 0 {
            each(index * 64 + word.trailing_zeros() as usize);
            *word &= *word - 1;
        }
    }
}

impl Desk {
    /// Adds what a group gives to the documents of a window that have all of the groups `before`.
    fn add_group(&mut self, group: &mut [Opened], bit: u32, before: u32, start: DocId, impacts: &[f32]) {
        let end = start + WINDOW;
        let impact = |level: u32| impacts[(level as usize).min(impacts.len() - 1)];
        for Opened { cursors } in group {
            if let [(cursor, share)] = cursors.as_mut_slice() {
                cursor.read(end, |doc, level| {
                    let at = (doc - start) as usize;
                    if self.masks[at] & before != before {
                        return;
                    }
                    self.best[at] = self.best[at].max(*share * impact(level));
                    self.masks[at] |= bit;
                    mark(&mut self.in_group, at);
                });
                continue;
            }
            let wanted = u8::try_from(cursors.len()).unwrap_or(u8::MAX);
            for (cursor, share) in cursors {
                cursor.read(end, |doc, level| {
                    let at = (doc - start) as usize;
                    if self.masks[at] & before != before {
                        return;
                    }
                    self.sums[at] += *share * impact(level);
                    self.counts[at] = self.counts[at].saturating_add(1);
                    mark(&mut self.in_sums, at);
                });
            }
            unmark(&mut self.in_sums, |at| {
                if self.counts[at] == wanted {
                    self.best[at] = self.best[at].max(self.sums[at]);
                    self.masks[at] |= bit;
                    mark(&mut self.in_group, at);
                }
                self.sums[at] = 0.0;
                self.counts[at] = 0;
            });
        }
        unmark(&mut self.in_group, |at| {
            self.scores[at] += self.best[at];
            self.best[at] = 0.0;
            mark(&mut self.touched, at);
        });
    }

    fn take(&mut self, mut each: impl FnMut(u32, f32, u32)) {
        unmark(&mut self.touched, |at| {
            each(u32::try_from(at).expect("a window is small"), self.scores[at], self.masks[at]);
            self.scores[at] = 0.0;
            self.masks[at] = 0;
        });
    }
}
