//! What the planner asks of a snapshot.

use std::collections::HashMap;

use levenshtein_automata::{DFA, Distance, LevenshteinAutomatonBuilder, SINK_STATE};
use tantivy::TantivyError;
use tantivy_fst::Automaton;

use super::snapshot::Snapshot;
use crate::domain::query::{Dictionary, Near};

/// Terms that are looked at to find the most frequent ones with a beginning.
const LOOKED_AT: usize = 2_000;

/// A snapshot's words. Faults of the files are logged by the caller and make a word unknown.
pub struct Words<'a> {
    pub snapshot: &'a Snapshot,
    /// Builds the automata of one and two edits; making one takes milliseconds.
    pub automata: &'a Automata,
}

/// Recognise words within one or two edits, neighbours changing places counting as one.
pub struct Automata([LevenshteinAutomatonBuilder; 2]);

impl Default for Automata {
    fn default() -> Self {
        Self([1, 2].map(|edits| LevenshteinAutomatonBuilder::new(edits, true)))
    }
}

impl Automata {
    /// What accepts words within so many edits of `word`.
    pub fn within(&self, word: &str, edits: u8) -> Option<Recogniser> {
        let builder = self.0.get(usize::from(edits.checked_sub(1)?))?;
        Some(Recogniser { dfa: builder.build_dfa(word), of_one_word: true })
    }

    /// What accepts words that begin with something within so many edits of `word`.
    pub fn beginning(&self, word: &str, edits: u8) -> Option<Recogniser> {
        let builder = self.0.get(usize::from(edits.checked_sub(1)?))?;
        Some(Recogniser { dfa: builder.build_prefix_dfa(word), of_one_word: false })
    }
}

/// A Levenshtein automaton as a filter of dictionaries.
pub struct Recogniser {
    dfa: DFA,
    /// Pairs of words need not be looked through.
    of_one_word: bool,
}

impl Recogniser {
    /// The edits to `word`, if it is accepted.
    pub fn edits(&self, word: &[u8]) -> Option<u8> {
        match self.dfa.eval(word) {
            Distance::Exact(edits) => Some(edits),
            Distance::AtLeast(_) => None,
        }
    }
}

impl Recogniser {
    /// Those of the words that are near `word`, nearest first, then the most frequent.
    pub fn nearest(&self, word: &str, words: impl IntoIterator<Item = (String, u32)>) -> Vec<Near> {
        // The first letter is rarely wrong, and other first letters give other words.
        let first = word.chars().next();
        let near = |(known, frequency): (String, u32)| {
            let edits = self.edits(known.as_bytes())?;
            let fits = known != word && !known.contains(' ') && !crate::domain::is_code(&known);
            let penalty = u8::from(known.chars().next() != first);
            fits.then_some((edits + penalty, Near { word: known, edits, frequency }))
        };
        let mut found: Vec<(u8, Near)> = words.into_iter().filter_map(near).collect();
        found.sort_unstable_by(|(a, near), (b, other)| {
            a.cmp(b).then(other.frequency.cmp(&near.frequency)).then_with(|| near.word.cmp(&other.word))
        });
        found.into_iter().map(|(_, near)| near).collect()
    }
}

impl Automaton for Recogniser {
    type State = u32;

    fn start(&self) -> u32 {
        self.dfa.initial_state()
    }

    fn is_match(&self, state: &u32) -> bool {
        matches!(self.dfa.distance(*state), Distance::Exact(_))
    }

    fn can_match(&self, state: &u32) -> bool {
        *state != SINK_STATE
    }

    fn accept(&self, state: &u32, byte: u8) -> u32 {
        if self.of_one_word && byte == b' ' { SINK_STATE } else { self.dfa.transition(*state, byte) }
    }
}

impl Words<'_> {
    fn near_words(&self, word: &str, edits: u8) -> Result<Vec<Near>, TantivyError> {
        let mut found: HashMap<String, u32> = HashMap::new();
        let Some(recogniser) = self.automata.within(word, edits) else { return Ok(Vec::new()) };
        for segment in &self.snapshot.segments {
            let mut terms = segment.words.terms().search(&recogniser).into_stream()?;
            while terms.advance() {
                if let Ok(known) = std::str::from_utf8(terms.key()) {
                    *found.entry(known.to_owned()).or_default() += terms.value().doc_freq;
                }
            }
        }
        Ok(recogniser.nearest(word, found))
    }

    fn terms_beginning(&self, prefix: &str, most: usize) -> Result<Vec<String>, TantivyError> {
        let mut found: HashMap<String, u32> = HashMap::new();
        for segment in &self.snapshot.segments {
            let mut terms = segment.text.terms().range().ge(prefix).into_stream()?;
            let mut looked_at = 0;
            while looked_at < LOOKED_AT && terms.advance() && terms.key().starts_with(prefix.as_bytes()) {
                looked_at += 1;
                if let Ok(term) = std::str::from_utf8(terms.key())
                    && term != prefix
                {
                    *found.entry(term.to_owned()).or_default() += terms.value().doc_freq;
                }
            }
        }
        let mut found: Vec<(String, u32)> = found.into_iter().collect();
        found.sort_unstable_by(|(a, more), (b, less)| less.cmp(more).then_with(|| a.cmp(b)));
        found.truncate(most);
        Ok(found.into_iter().map(|(term, _)| term).collect())
    }
}

fn or_none<T: Default>(result: Result<T, TantivyError>) -> T {
    result.unwrap_or_else(|error| {
        tracing::error!(%error, "the dictionary of the index can't be read");
        T::default()
    })
}

impl Dictionary for Words<'_> {
    fn frequency(&self, term: &str) -> u32 {
        or_none(self.snapshot.segments.iter().map(|segment| segment.frequency(term)).sum())
    }

    fn near(&self, word: &str, edits: u8) -> Vec<Near> {
        or_none(self.near_words(word, edits))
    }

    fn beginning(&self, prefix: &str, most: usize) -> Vec<String> {
        or_none(self.terms_beginning(prefix, most))
    }
}
