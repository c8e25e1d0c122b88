//! Understands what somebody typed: which terms to look for, what else they may be called, what was probably meant.

use super::{
    analysis::Analyzer,
    quotes,
    synonyms::Synonyms,
    tokens::{self, Chunk, is_code},
};

/// Characters of a query that are looked at; the rest is ignored.
const LONGEST: usize = 500;
/// Words of a query that are looked at: each has one bit.
pub const MOST_WORDS: usize = 24;
/// Terms that a beginning is expanded to.
const COMPLETIONS: usize = 12;
/// A word that so few products have may be a typing error.
const RARE: u32 = 2;
/// A correction of a rare word is meant only if it is so many times as frequent.
const MUCH_MORE: u32 = 50;

/// What the planner needs to know of the index.
pub trait Dictionary {
    /// Products that have the term.
    fn frequency(&self, term: &str) -> u32;
    /// Words as products spell them, within so many edits of `word`, with the products that have them; nearest first.
    fn near(&self, word: &str, edits: u8) -> Vec<Near>;
    /// Terms that begin so, the most frequent first.
    fn beginning(&self, prefix: &str, most: usize) -> Vec<String>;
}

/// A word near another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Near {
    /// As products spell it.
    pub word: String,
    /// Edits between the two.
    pub edits: u8,
    /// Products that have it.
    pub frequency: u32,
}

/// One way to say what a group stands for: a product must have all terms.
#[derive(Clone, Debug, PartialEq)]
pub struct Alternative {
    pub terms: Vec<String>,
    /// How much a match counts, 0 to 1.
    pub weight: f32,
}

impl Alternative {
    fn new(terms: Vec<String>, weight: f32) -> Self {
        Self { terms, weight }
    }
}

/// A word of the query, or some that belong together, with all ways to say it. The first is what was typed.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Group {
    pub alternatives: Vec<Alternative>,
}

/// What to look for.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Plan {
    /// All of them in the best products.
    pub groups: Vec<Group>,
    /// What was put in quotes: only products that have the terms of each side by side in this order are found.
    pub phrases: Vec<Vec<String>>,
    /// The terms in the order in which they were typed, corrected: products that have them close together come first.
    pub sequence: Vec<String>,
    /// The query as it was probably meant, when that differs from what was typed.
    pub suggestion: Option<String>,
}

impl Plan {
    /// Everything that is looked for.
    pub fn terms(&self) -> impl Iterator<Item = &str> {
        let ways = self.groups.iter().flat_map(|group| &group.alternatives);
        ways.flat_map(|way| &way.terms).map(String::as_str)
    }

    /// These terms are demanded as they stand.
    fn quote(&mut self, terms: Vec<String>) {
        let mut different: Vec<String> = Vec::with_capacity(terms.len());
        for term in &terms {
            if !different.contains(term) {
                different.push(term.clone());
            }
        }
        self.groups.push(Group { alternatives: vec![Alternative::new(different, 1.0)] });
        self.sequence.extend(terms.iter().cloned());
        self.phrases.push(terms);
    }

    /// The word is looked for as it was typed.
    fn keep(&mut self, unit: &Unit, meant: &mut Vec<String>) {
        self.sequence.push(unit.term.clone());
        meant.push(unit.word.clone());
    }
}

/// A word or a code of the query.
#[derive(Debug)]
struct Unit {
    /// As typed, folded.
    word: String,
    term: String,
    /// The terms of its parts, when it is a code of several.
    parts: Vec<String>,
    /// Which of the phrases in quotes it stands in.
    phrase: Option<usize>,
}

/// The folded words of a query, stop words included: two queries with the same words are one for the statistics.
pub fn normalised(query: &str) -> String {
    let words: Vec<String> = units(query, None).into_iter().map(|unit| unit.word).collect();
    words.join(" ")
}

fn units(query: &str, analyzer: Option<&Analyzer>) -> Vec<Unit> {
    let cut = query.char_indices().nth(LONGEST).map_or(query, |(end, _)| &query[..end]);
    let term = |word: &str| analyzer.map_or_else(String::new, |analyzer| analyzer.term(word));
    let mut units = Vec::new();
    for (number, stretch) in quotes::stretches(cut).into_iter().enumerate() {
        let phrase = stretch.quoted.then_some(number);
        let unit = |word: String| Unit { term: term(&word), word, parts: Vec::new(), phrase };
        for Chunk { parts, joined } in tokens::chunks(stretch.text) {
            match joined.filter(|_| phrase.is_none()) {
                Some(joined) => {
                    let parts = parts.iter().map(|part| term(part)).collect();
                    units.push(Unit { parts, ..unit(joined) });
                }
                None => units.extend(parts.into_iter().map(unit)),
            }
        }
    }
    units.truncate(MOST_WORDS);
    units
}

/// What a planner goes by.
pub struct Planner<'a, D> {
    pub analyzer: &'a Analyzer,
    pub synonyms: &'a Synonyms,
    pub dictionary: &'a D,
    /// Whether the last word may be the beginning of one.
    pub as_you_type: bool,
}

impl<D: Dictionary> Planner<'_, D> {
    /// Plans a query. No words, no groups: everything is found.
    pub fn plan(&self, query: &str) -> Plan {
        let mut units = units(query, Some(self.analyzer));
        // Words like `the` decide only when there is nothing else.
        if units.iter().any(|unit| !self.analyzer.is_stop_word(&unit.word)) {
            let last = units.len() - 1;
            let mut index = 0;
            units.retain(|unit| {
                index += 1;
                let is_last = self.as_you_type && index - 1 == last;
                is_last || unit.phrase.is_some() || !self.analyzer.is_stop_word(&unit.word)
            });
        }
        let mut plan = Plan::default();
        let mut meant: Vec<String> = Vec::with_capacity(units.len());
        let mut at = 0;
        while at < units.len() {
            if let Some(phrase) = units[at].phrase {
                let quoted = units[at..].iter().take_while(|unit| unit.phrase == Some(phrase));
                let terms: Vec<String> = quoted.map(|unit| unit.term.clone()).collect();
                let count = terms.len();
                meant.extend(units[at..at + count].iter().map(|unit| unit.word.clone()));
                plan.quote(terms);
                at += count;
                continue;
            }
            let plain = units[at..].iter().take_while(|unit| unit.phrase.is_none());
            let terms: Vec<&str> = plain.map(|unit| unit.term.as_str()).collect();
            let is_last = |count: usize| self.as_you_type && at + count == units.len();
            let (count, group) = match self.synonyms.longest_match(&terms) {
                Some((count, expansions)) if !is_last(count) => {
                    let literal = Alternative::new(terms[..count].iter().map(|term| (*term).to_owned()).collect(), 1.0);
                    let others = expansions.iter().map(|other| Alternative::new(other.terms.clone(), other.weight));
                    let alternatives = std::iter::once(literal).chain(others).collect();
                    plan.sequence.extend(terms[..count].iter().map(|term| (*term).to_owned()));
                    meant.extend(units[at..at + count].iter().map(|unit| unit.word.clone()));
                    (count, Group { alternatives })
                }
                _ => (1, self.single(&units[at], is_last(1), &mut plan, &mut meant)),
            };
            let mut group = group;
            self.join(&mut group, &units, at, count);
            plan.groups.push(group);
            at += count;
        }
        let typed = units.iter().map(|unit| unit.word.as_str());
        if !self.as_you_type && !typed.eq(meant.iter().map(String::as_str)) && !meant.is_empty() {
            plan.suggestion = Some(meant.join(" "));
        }
        plan
    }

    /// `head set` is also `headset`, if there is such a word.
    fn join(&self, group: &mut Group, units: &[Unit], at: usize, count: usize) {
        let neighbours = [at.checked_sub(1).map(|before| (before, at)), Some((at + count - 1, at + count))];
        for (left, right) in neighbours.into_iter().flatten() {
            let (Some(left), Some(right)) = (units.get(left), units.get(right)) else { continue };
            if left.phrase.is_some() || right.phrase.is_some() {
                continue;
            }
            let joined = format!("{}{}", left.word, right.word);
            let term = self.analyzer.term(&joined);
            if joined.len() >= 4 && self.dictionary.frequency(&term) > 0 {
                let alternative = Alternative::new(vec![term], 1.0);
                if !group.alternatives.contains(&alternative) {
                    group.alternatives.push(alternative);
                }
            }
        }
    }

    fn single(&self, unit: &Unit, completed: bool, plan: &mut Plan, meant: &mut Vec<String>) -> Group {
        let mut alternatives = vec![Alternative::new(vec![unit.term.clone()], 1.0)];
        if !unit.parts.is_empty() {
            alternatives.push(Alternative::new(unit.parts.clone(), 0.9));
        }
        if completed {
            let longer = self.dictionary.beginning(&unit.word, COMPLETIONS);
            alternatives.extend(longer.into_iter().map(|term| Alternative::new(vec![term], 0.8)));
        }
        let known = |terms: &[String]| terms.iter().all(|term| self.dictionary.frequency(term) > 0);
        let frequency = self.dictionary.frequency(&unit.term);
        let found = frequency > 0 || alternatives.iter().any(|alternative| known(&alternative.terms));
        if found && (frequency > RARE || frequency == 0) || is_code(&unit.word) {
            if !found {
                let longer = self.dictionary.beginning(&unit.word, COMPLETIONS);
                alternatives.extend(longer.into_iter().map(|term| Alternative::new(vec![term], 0.7)));
            }
            plan.keep(unit, meant);
            return Group { alternatives };
        }
        if !found && let Some((left, right)) = self.split(&unit.word) {
            let terms = [&left, &right].map(|word| self.analyzer.term(word));
            plan.sequence.extend(terms.clone());
            alternatives.push(Alternative::new(terms.into(), 1.0));
            meant.push(unit.word.clone());
            return Group { alternatives };
        }
        let near = self.dictionary.near(&unit.word, edits(&unit.word));
        let best: Vec<&Near> = near.iter().filter(|near| !found || near.frequency / MUCH_MORE >= frequency).collect();
        match best.first() {
            None => plan.keep(unit, meant),
            Some(first) => {
                meant.push(first.word.clone());
                plan.sequence.push(self.analyzer.term(&first.word));
                for near in best.iter().filter(|near| near.edits == first.edits).take(3) {
                    let term = vec![self.analyzer.term(&near.word)];
                    let weight = if near.word == first.word { 0.9 } else { 0.6 };
                    alternatives.push(Alternative::new(term, weight));
                }
            }
        }
        Group { alternatives }
    }

    /// An unknown word that is two known ones without the blank: the pair whose rarer word is most frequent.
    fn split(&self, word: &str) -> Option<(String, String)> {
        const SHORTEST: usize = 3;
        let ends = word
            .char_indices()
            .map(|(end, _)| end)
            .filter(|end| (SHORTEST..=word.len().saturating_sub(SHORTEST)).contains(end));
        let pairs = ends.filter_map(|end| {
            let (left, right) = word.split_at(end);
            let frequency = |word: &str| self.dictionary.frequency(&self.analyzer.term(word));
            let rarer = frequency(left).min(frequency(right));
            (rarer > RARE).then(|| (rarer, left.to_owned(), right.to_owned()))
        });
        pairs.max_by_key(|(rarer, ..)| *rarer).map(|(_, left, right)| (left, right))
    }
}

/// Edits that a word of this length is forgiven.
pub fn edits(word: &str) -> u8 {
    match word.chars().count() {
        0..=3 => 0,
        4..=7 => 1,
        _ => 2,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::domain::Language;

    struct Words(BTreeMap<&'static str, u32>);

    impl Dictionary for Words {
        fn frequency(&self, term: &str) -> u32 {
            self.0.get(term).copied().unwrap_or_default()
        }
        fn near(&self, word: &str, edits: u8) -> Vec<Near> {
            let same = |known: &str| known.chars().zip(word.chars()).filter(|(a, b)| a == b).count();
            let near = |known: &&'static str| edits > 0 && known.len() == word.len() && same(known) + 1 == known.len();
            let found = self.0.iter().filter(|(known, _)| near(known));
            found.map(|(known, count)| Near { word: (*known).to_owned(), edits: 1, frequency: *count }).collect()
        }
        fn beginning(&self, prefix: &str, most: usize) -> Vec<String> {
            self.0.keys().filter(|term| term.starts_with(prefix)).take(most).map(|term| (*term).to_owned()).collect()
        }
    }

    fn plan(query: &str, as_you_type: bool) -> Plan {
        let words = [
            ("laptop", 300),
            ("bag", 90),
            ("headset", 50),
            ("head", 40),
            ("set", 70),
            ("dscw800", 1),
            ("notebook", 500),
        ];
        let analyzer = Analyzer::new(Language::English);
        let synonyms = Synonyms::parse("laptop, notebook", &analyzer).unwrap();
        let dictionary = Words(words.into());
        Planner { analyzer: &analyzer, synonyms: &synonyms, dictionary: &dictionary, as_you_type }.plan(query)
    }

    fn terms(plan: &Plan) -> Vec<Vec<String>> {
        let group = |group: &Group| group.alternatives.iter().map(|way| way.terms.join("+")).collect();
        plan.groups.iter().map(group).collect()
    }

    #[test]
    fn every_word_is_a_group_with_its_synonyms() {
        assert_eq!(terms(&plan("the Laptop bag", false)), [vec!["laptop", "notebook"], vec!["bag"]]);
        assert_eq!(plan("the", false).groups.len(), 1, "only stop words: they are looked for");
        assert!(plan(" ?! 🎧", false).groups.is_empty());
    }

    #[test]
    fn words_are_joined_split_and_corrected() {
        assert_eq!(terms(&plan("head set", false)), [vec!["head", "headset"], vec!["set", "headset"]]);
        assert_eq!(terms(&plan("laptopbag", false)), [["laptopbag", "laptop+bag"]]);
        let corrected = plan("laptip bag", false);
        assert_eq!(terms(&corrected)[0], ["laptip", "laptop"]);
        assert_eq!(corrected.suggestion.as_deref(), Some("laptop bag"));
    }

    #[test]
    fn part_numbers_are_completed_and_never_corrected() {
        assert_eq!(terms(&plan("DSC-W800", false)), [["dscw800", "dsc+w800"]]);
        assert_eq!(terms(&plan("dscw80", false)), [["dscw80", "dscw800"]]);
        assert_eq!(terms(&plan("dscw801", false)), [["dscw801"]]);
        assert_eq!(plan("dscw801", false).suggestion, None);
    }

    #[test]
    fn what_is_quoted_is_demanded_as_it_stands() {
        let quoted = plan("\"the laptop bag\" head set", false);
        assert_eq!(quoted.phrases, [["the", "laptop", "bag"]]);
        assert_eq!(terms(&quoted), [vec!["the+laptop+bag"], vec!["head", "headset"], vec!["set", "headset"]]);
        let single = plan("\"laptip\"", false);
        assert_eq!((terms(&single), single.suggestion), (vec![vec!["laptip".to_owned()]], None));
        let open = plan("\"laptop bag", false);
        assert!(open.phrases.is_empty());
        assert_eq!(terms(&open), terms(&plan("laptop bag", false)));
        assert_eq!(plan("bag \"bag bag\" \"\" \"!\"", false).phrases, [["bag", "bag"]]);
        assert_eq!(normalised("\"Laptop  bag\""), "laptop bag");
    }

    #[test]
    fn the_last_word_may_be_a_beginning() {
        assert_eq!(terms(&plan("bag lap", true))[1], ["lap", "laptop"]);
    }

    proptest! {
        #[test]
        fn any_text_is_planned(query in "\\PC{0,700}") {
            let plan = plan(&query, false);
            prop_assert!(plan.groups.len() <= MOST_WORDS);
            prop_assert!(plan.groups.iter().all(|group| !group.alternatives.is_empty()));
        }
    }
}
