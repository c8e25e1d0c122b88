//! Words that mean the same to buyers, from a file that the operator edits.
//!
//! ```text
//! # Each finds the others.
//! laptop, notebook
//! # The left finds the right, but not the other way.
//! usb stick => usb flash drive
//! # How much a match by expansion counts; without it, 0.5 for synonyms and 0.3 for expansions.
//! console => playstation^0.4, xbox^0.4
//! ```

use std::collections::HashMap;

use super::{analysis::Analyzer, fold::fold};

const SYNONYM: f32 = 0.5;
const EXPANSION: f32 = 0.3;

/// What comes with the program when the operator names no file of their own.
const ENGLISH: &str = include_str!("../../synonyms/english.txt");

/// A line that can't be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("synonyms, line {line}: {message}")]
pub struct SynonymError {
    /// Counted from 1.
    pub line: usize,
    /// What is wrong with it.
    pub message: &'static str,
}

/// Another way to say something: its terms, and how much a match by it counts.
#[derive(Clone, Debug, PartialEq)]
pub struct Expansion {
    /// All of them must be found.
    pub terms: Vec<String>,
    /// 0 to 1.
    pub weight: f32,
}

/// All rules, by the terms that they begin from.
#[derive(Clone, Debug, Default)]
pub struct Synonyms {
    rules: HashMap<Vec<String>, Vec<Expansion>>,
    /// Terms of the longest left side.
    longest: usize,
}

impl Synonyms {
    /// The rules of a file.
    pub fn parse(text: &str, analyzer: &Analyzer) -> Result<Self, SynonymError> {
        let mut synonyms = Self::default();
        for (index, line) in text.lines().enumerate() {
            let line = line.split('#').next().unwrap_or_default().trim();
            if line.is_empty() {
                continue;
            }
            let fault = |message| SynonymError { line: index + 1, message };
            if let Some((left, right)) = line.split_once("=>") {
                let to = sides(right, EXPANSION, analyzer).map_err(fault)?;
                for from in sides(left, 1.0, analyzer).map_err(fault)? {
                    synonyms.add(&from, &to);
                }
            } else {
                let same = sides(line, SYNONYM, analyzer).map_err(fault)?;
                if same.len() < 2 {
                    return Err(fault("needs several words with commas between them, or `=>`"));
                }
                for from in &same {
                    synonyms.add(from, &same);
                }
            }
        }
        Ok(synonyms)
    }

    /// The rules that come with the program for a language.
    pub fn built_in(language: super::Language, analyzer: &Analyzer) -> Self {
        let text = if language == super::Language::English { ENGLISH } else { "" };
        Self::parse(text, analyzer).expect("the file is checked by a test")
    }

    fn add(&mut self, from: &Expansion, to: &[Expansion]) {
        self.longest = self.longest.max(from.terms.len());
        let known = self.rules.entry(from.terms.clone()).or_default();
        for expansion in to.iter().filter(|expansion| expansion.terms != from.terms) {
            match known.iter_mut().find(|known| known.terms == expansion.terms) {
                Some(known) => known.weight = known.weight.max(expansion.weight),
                None => known.push(expansion.clone()),
            }
        }
    }

    /// The longest rule that begins where `terms` begin: how many terms it takes, and what else they mean.
    pub fn longest_match(&self, terms: &[&str]) -> Option<(usize, &[Expansion])> {
        (1..=self.longest.min(terms.len())).rev().find_map(|count| {
            let from: Vec<String> = terms[..count].iter().map(|term| (*term).to_owned()).collect();
            self.rules.get(&from).map(|found| (count, found.as_slice()))
        })
    }
}

fn sides(text: &str, weight: f32, analyzer: &Analyzer) -> Result<Vec<Expansion>, &'static str> {
    let side = |part: &str| {
        let (words, weight) = match part.split_once('^') {
            Some((words, number)) => {
                let number = number.trim().parse().ok().filter(|weight| (0.0..=1.0).contains(weight));
                (words, number.ok_or("a weight after ^ must be a number from 0 to 1")?)
            }
            None => (part, weight),
        };
        let terms = analyzer.terms(&fold(words));
        if terms.is_empty() { Err("there is no word between two commas") } else { Ok(Expansion { terms, weight }) }
    };
    text.split(',').map(side).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Language;

    fn parse(text: &str) -> Result<Synonyms, SynonymError> {
        Synonyms::parse(text, &Analyzer::new(Language::English))
    }

    fn found(synonyms: &Synonyms, terms: &[&str]) -> Vec<(String, f32)> {
        let (_, found) = synonyms.longest_match(terms).unwrap_or_default();
        found.iter().map(|expansion| (expansion.terms.join(" "), expansion.weight)).collect()
    }

    #[test]
    fn synonyms_go_both_ways_and_expansions_one() {
        let synonyms = parse("# rules\nlaptops, notebook\nusb stick => flash drives^0.5, memory stick").unwrap();
        assert_eq!(found(&synonyms, &["laptop"]), [("notebook".to_owned(), SYNONYM)]);
        assert_eq!(found(&synonyms, &["notebook", "bag"]), [("laptop".to_owned(), SYNONYM)]);
        let expected = [("flash drive".to_owned(), 0.5), ("memori stick".to_owned(), EXPANSION)];
        assert_eq!(found(&synonyms, &["usb", "stick"]), expected);
        assert!(found(&synonyms, &["flash", "drive"]).is_empty());
    }

    #[test]
    fn the_longest_rule_wins() {
        let synonyms = parse("tv => television\ntv stand => tv mount").unwrap();
        assert_eq!(synonyms.longest_match(&["tv", "stand"]).unwrap().0, 2);
        assert_eq!(synonyms.longest_match(&["tv", "set"]).unwrap().0, 1);
        assert!(synonyms.longest_match(&["stand"]).is_none());
    }

    #[test]
    fn a_bad_line_is_named() {
        assert_eq!(parse("a, b\n\nlonely").unwrap_err().line, 3);
        assert!(parse("a => b^2").is_err() && parse("a, ,b").is_err() && parse("=> b").is_err());
    }

    #[test]
    fn the_built_in_file_is_well_formed() {
        let built_in = Synonyms::built_in(Language::English, &Analyzer::new(Language::English));
        assert!(built_in.rules.len() > 50);
    }
}
