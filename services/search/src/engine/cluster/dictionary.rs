//! What the planner asks of the words, when they are on another machine: everything that it may want to know is found out
//! first, asked for in one request, and then it plans.

use std::{cell::RefCell, collections::HashMap};

use crate::{
    domain::query::{Dictionary, Near},
    engine::Understanding,
    index::suggestions::Vocabulary,
};

/// Notes what is asked and knows nothing: to a planner that finds nothing everything else is of interest.
#[derive(Default)]
pub struct Scout(pub RefCell<Vec<String>>);

impl Dictionary for Scout {
    fn frequency(&self, term: &str) -> u32 {
        self.0.borrow_mut().push(term.to_owned());
        0
    }

    fn near(&self, _: &str, _: u8) -> Vec<Near> {
        Vec::new()
    }

    fn beginning(&self, _: &str, _: usize) -> Vec<String> {
        Vec::new()
    }
}

/// Knows what was asked for; corrects and completes by the words that were learnt last.
pub struct Known<'a> {
    pub frequencies: &'a HashMap<String, u32>,
    pub vocabulary: &'a Vocabulary,
    pub understanding: &'a Understanding,
}

impl Dictionary for Known<'_> {
    fn frequency(&self, term: &str) -> u32 {
        self.frequencies.get(term).copied().unwrap_or_default()
    }

    fn near(&self, word: &str, edits: u8) -> Vec<Near> {
        self.vocabulary.near(word, &self.understanding.automata, edits)
    }

    fn beginning(&self, prefix: &str, most: usize) -> Vec<String> {
        // Pairs of words are no terms.
        let words = self.vocabulary.beginning(prefix, most * 4);
        let words = words.into_iter().filter(|word| !word.contains(' '));
        let mut terms: Vec<String> = Vec::new();
        self.understanding.analyzing(|analyzer| {
            for term in words.map(|word| analyzer.term(word)) {
                if term != prefix && !terms.contains(&term) {
                    terms.push(term);
                }
            }
        });
        terms.truncate(most);
        terms
    }
}
