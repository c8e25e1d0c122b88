//! Completions: the words, pairs of words and queries that begin with what was typed, the most frequent first.

use tantivy::{TantivyError, termdict::TermMerger};
use tantivy_fst::{IntoStreamer, Map, MapBuilder, Streamer};

use super::{dictionary::Automata, snapshot::Snapshot};
use crate::domain::query::{Near, edits};

/// Phrases that are kept.
const MOST: usize = 50_000;
/// Corrected beginnings that are looked at.
const CORRECTED: usize = 300;

/// Phrases with how often they occur, in the order of their letters.
pub struct Vocabulary {
    /// All phrases, one after the other.
    text: String,
    /// Where each ends.
    ends: Vec<u32>,
    /// How much each counts; a tree of maxima above them finds the heaviest of a stretch without looking at all of it.
    tree: Vec<u32>,
    /// The same phrases for the automata of misspellings, with their places.
    map: Option<Map<Vec<u8>>>,
}

impl Default for Vocabulary {
    fn default() -> Self {
        Self::new(Vec::new())
    }
}

impl Vocabulary {
    /// A vocabulary of these phrases.
    pub fn new(mut phrases: Vec<(String, u32)>) -> Self {
        phrases.sort_unstable();
        phrases.dedup_by(|later, first| {
            let same = later.0 == first.0;
            if same {
                first.1 = first.1.max(later.1);
            }
            same
        });
        if phrases.len() > MOST {
            phrases.select_nth_unstable_by_key(MOST, |(_, weight)| std::cmp::Reverse(*weight));
            phrases.truncate(MOST);
            phrases.sort_unstable();
        }
        let mut text = String::new();
        let mut ends = Vec::with_capacity(phrases.len());
        let mut map = MapBuilder::memory();
        let mut is_whole = true;
        for (place, (phrase, _)) in phrases.iter().enumerate() {
            text.push_str(phrase);
            ends.push(u32::try_from(text.len()).unwrap_or(u32::MAX));
            is_whole &= map.insert(phrase, place as u64).is_ok();
        }
        let map = map.into_inner().ok().filter(|_| is_whole).and_then(|bytes| Map::from_bytes(bytes).ok());
        let size = phrases.len();
        let mut tree = vec![0; size * 2];
        for (place, (_, weight)) in phrases.iter().enumerate() {
            tree[size + place] = *weight;
        }
        for node in (1..size).rev() {
            tree[node] = tree[2 * node].max(tree[2 * node + 1]);
        }
        Self { text, ends, tree, map }
    }

    /// How many of so many products must have a word, so that it is kept.
    pub fn least(products: u64) -> u32 {
        if products < 200 { 1 } else { u32::try_from(2 + products / 50_000).unwrap_or(u32::MAX) }
    }

    /// The words of an index and what else is given. Words of a single product are left out of all but small indexes.
    pub fn read(snapshot: &Snapshot, more: Vec<(String, u32)>) -> Result<Self, TantivyError> {
        let least = Self::least(snapshot.products.into());
        let streams = snapshot.segments.iter().map(|segment| segment.words.terms().stream());
        let mut merged = TermMerger::new(streams.collect::<Result<_, _>>()?);
        let mut phrases = more;
        while merged.advance() {
            let weight = merged.current_segment_ords_and_term_infos().map(|(_, info)| info.doc_freq).sum();
            if weight >= least
                && let Ok(phrase) = std::str::from_utf8(merged.key())
            {
                phrases.push((phrase.to_owned(), weight));
            }
        }
        Ok(Self::new(phrases))
    }

    fn phrase(&self, place: usize) -> &str {
        let start = place.checked_sub(1).map_or(0, |before| self.ends[before] as usize);
        &self.text[start..self.ends[place] as usize]
    }

    fn weight(&self, place: usize) -> u32 {
        self.tree[self.ends.len() + place]
    }

    /// The heaviest phrases that begin so.
    pub fn beginning(&self, prefix: &str, most: usize) -> Vec<&str> {
        let start = self.partition_point(|phrase| phrase < prefix);
        let end = self.partition_point(|phrase| phrase < prefix || phrase.starts_with(prefix));
        let mut stretches = vec![(start, end)];
        let mut found = Vec::new();
        // Takes the heaviest of all stretches and splits its stretch there.
        while found.len() < most {
            let heaviest = stretches.iter().enumerate().filter_map(|(at, (start, end))| {
                self.heaviest(*start, *end).map(|place| (self.weight(place), std::cmp::Reverse(place), at))
            });
            let Some((_, std::cmp::Reverse(place), at)) = heaviest.max() else { break };
            let (start, end) = stretches.swap_remove(at);
            stretches.push((start, place));
            stretches.push((place + 1, end));
            found.push(self.phrase(place));
        }
        found
    }

    /// The heaviest phrases that begin nearly so.
    pub fn nearly_beginning(&self, prefix: &str, automata: &Automata, most: usize) -> Vec<&str> {
        let Some((map, near)) = self.map.as_ref().zip(automata.beginning(prefix, edits(prefix).min(2))) else {
            return Vec::new();
        };
        let first = prefix.chars().next();
        let mut found: Vec<(u32, usize)> = Vec::new();
        let mut places = map.search(&near).into_stream();
        while let Some((_, place)) = places.next() {
            let Ok(place) = usize::try_from(place) else { continue };
            if self.phrase(place).chars().next() == first {
                found.push((self.weight(place), place));
            }
            if found.len() >= CORRECTED * 20 {
                break;
            }
        }
        found.sort_unstable_by_key(|(weight, place)| (std::cmp::Reverse(*weight), *place));
        found.truncate(most.min(CORRECTED));
        found.into_iter().map(|(_, place)| self.phrase(place)).collect()
    }

    /// Words within so many edits, nearest first.
    pub fn near(&self, word: &str, automata: &Automata, edits: u8) -> Vec<Near> {
        let Some((map, recogniser)) = self.map.as_ref().zip(automata.within(word, edits)) else { return Vec::new() };
        let mut found = Vec::new();
        let mut places = map.search(&recogniser).into_stream();
        while let Some((_, place)) = places.next() {
            if let Ok(place) = usize::try_from(place) {
                found.push((self.phrase(place).to_owned(), self.weight(place)));
            }
        }
        recogniser.nearest(word, found)
    }

    fn partition_point(&self, is_before: impl Fn(&str) -> bool) -> usize {
        let (mut low, mut high) = (0, self.ends.len());
        while low < high {
            let middle = usize::midpoint(low, high);
            if is_before(self.phrase(middle)) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low
    }

    /// The heaviest place of a stretch.
    fn heaviest(&self, start: usize, end: usize) -> Option<usize> {
        let size = self.ends.len();
        let (mut low, mut high) = (start + size, end + size);
        let mut best: Option<usize> = None;
        let mut offer = |node: usize| {
            if best.is_none_or(|known| self.tree[node] > self.tree[known]) {
                best = Some(node);
            }
        };
        while low < high {
            if low % 2 == 1 {
                offer(low);
                low += 1;
            }
            if high % 2 == 1 {
                high -= 1;
                offer(high);
            }
            low /= 2;
            high /= 2;
        }
        let mut node = best?;
        while node < size {
            node = if self.tree[2 * node] >= self.tree[2 * node + 1] { 2 * node } else { 2 * node + 1 };
        }
        Some(node - size)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_misspelled_beginning_finds_its_word() {
        let words = [("headphones", 50), ("headset", 20), ("keyboard", 90), ("headphone stand", 5)];
        let vocabulary = Vocabulary::new(words.map(|(word, weight)| (word.to_owned(), weight)).into());
        let automata = Automata::default();
        assert_eq!(vocabulary.nearly_beginning("haedph", &automata, 2), ["headphones", "headphone stand"]);
        assert_eq!(vocabulary.beginning("head", 2), ["headphones", "headset"]);
    }

    proptest! {
        #[test]
        fn the_heaviest_come_first(
            phrases in prop::collection::vec(("[ab]{1,4}", 1u32..50), 0..40), prefix in "[ab]{0,2}", most in 0usize..10,
        ) {
            let vocabulary = Vocabulary::new(phrases.clone());
            let mut expected: std::collections::BTreeMap<&str, u32> = std::collections::BTreeMap::new();
            for (phrase, weight) in phrases.iter().filter(|(phrase, _)| phrase.starts_with(&prefix)) {
                let known = expected.entry(phrase).or_default();
                *known = (*known).max(*weight);
            }
            let mut weights: Vec<u32> = expected.values().copied().collect();
            weights.sort_unstable_by(|a, b| b.cmp(a));
            weights.truncate(most);
            let found = vocabulary.beginning(&prefix, most);
            let found: Vec<u32> = found.into_iter().map(|phrase| expected[phrase]).collect();
            prop_assert_eq!(found, weights);
        }
    }
}
