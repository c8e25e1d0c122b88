//! What a product says in its fields, weighed into one number for each term: the field-weighted term frequency of BM25F
//! (Robertson, Zaragoza, Taylor: Simple BM25 extension to multiple weighted fields, 2004).
//!
//! The number is found when a product is indexed, so that a query reads one posting list for each term, whatever the
//! number of fields. It is kept as a level: level `n` stands for `0.1 · 1.2ⁿ⁻¹`, so that it is off by a tenth at most.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::{
    analysis::Analyzer,
    tokens::{self, is_code},
};

/// How one field counts.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
pub struct Field {
    /// What one occurrence is worth.
    pub weight: f32,
    /// How much long texts are held back, 0 to 1 (the `b` of BM25).
    pub b: f32,
    /// Words of a text of usual length.
    pub length: f32,
}

/// How the fields count.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
#[serde(from = "GivenFields")]
pub struct Fields {
    pub title: Field,
    pub codes: Field,
    pub brand: Field,
    pub category: Field,
    pub attributes: Field,
    pub description: Field,
}

impl Default for Fields {
    fn default() -> Self {
        Self {
            title: Field { weight: 1.6, b: 0.75, length: 16.0 },
            codes: Field { weight: 1.0, b: 0.3, length: 3.0 },
            brand: Field { weight: 0.5, b: 0.45, length: 1.0 },
            category: Field { weight: 2.5, b: 0.65, length: 1.0 },
            attributes: Field { weight: 0.4, b: 0.55, length: 60.0 },
            description: Field { weight: 0.7, b: 0.9, length: 30.0 },
        }
    }
}

/// What a configuration says of a field: each has defaults of its own.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct GivenField {
    weight: Option<f32>,
    b: Option<f32>,
    length: Option<f32>,
}

impl GivenField {
    fn over(self, default: Field) -> Field {
        Field {
            weight: self.weight.unwrap_or(default.weight),
            b: self.b.unwrap_or(default.b),
            length: self.length.unwrap_or(default.length),
        }
    }
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct GivenFields {
    title: GivenField,
    codes: GivenField,
    brand: GivenField,
    category: GivenField,
    attributes: GivenField,
    description: GivenField,
}

impl From<GivenFields> for Fields {
    fn from(given: GivenFields) -> Self {
        let default = Self::default();
        Self {
            title: given.title.over(default.title),
            codes: given.codes.over(default.codes),
            brand: given.brand.over(default.brand),
            category: given.category.over(default.category),
            attributes: given.attributes.over(default.attributes),
            description: given.description.over(default.description),
        }
    }
}

/// A product's texts by field.
#[derive(Clone, Debug, Default)]
pub struct Texts<'a> {
    pub title: &'a str,
    /// Part numbers, article numbers, codes of the offers.
    pub codes: Vec<&'a str>,
    pub brand: Vec<&'a str>,
    /// Names from the root down to the product's category.
    pub category: Vec<&'a str>,
    pub attributes: Vec<&'a str>,
    pub description: &'a str,
}

/// The highest level.
pub const LEVELS: u8 = 27;
const FIRST: f32 = 0.1;
const STEP: f32 = 1.2;

/// The level of a weighed frequency, 1 to [`LEVELS`].
fn level(frequency: f32) -> u8 {
    let steps = (frequency / FIRST).max(1.0).ln() / STEP.ln();
    (1..LEVELS).find(|level| steps < f32::from(*level) - 0.5).unwrap_or(LEVELS)
}

/// The weighed frequency that a level stands for.
pub fn frequency(level: u8) -> f32 {
    FIRST * STEP.powi(i32::from(level.clamp(1, LEVELS)) - 1)
}

/// Weighs all terms of a product; gives each with its level.
pub fn weigh(texts: &Texts<'_>, fields: &Fields, analyzer: &Analyzer) -> HashMap<String, u8> {
    let mut sums: HashMap<String, f32> = HashMap::new();
    let mut add = |field: Field, texts: &[&str], codes: bool| {
        let mut found: Vec<String> = Vec::new();
        for text in texts {
            analyzer.all_terms(text, |term| found.push(term));
            if codes {
                found.extend(whole(text));
            }
        }
        #[expect(clippy::cast_precision_loss, reason = "a count of words")]
        let length = found.len() as f32;
        let worth = field.weight / (1.0 - field.b + field.b * length / field.length.max(1.0));
        for term in found {
            *sums.entry(term).or_default() += worth;
        }
    };
    add(fields.title, &[texts.title], false);
    add(fields.codes, &texts.codes, true);
    add(fields.brand, &texts.brand, false);
    add(fields.category, &texts.category, false);
    add(fields.attributes, &texts.attributes, false);
    add(fields.description, &[texts.description], false);
    sums.into_iter().map(|(term, sum)| (term, level(sum))).collect()
}

/// Words as they are spelled, for corrections and completions: of the title, with pairs of neighbours, of brand and category.
pub fn words(texts: &Texts<'_>) -> Vec<String> {
    const SHORTEST: usize = 2;
    let mut found = Vec::new();
    for (text, pairs) in std::iter::once((texts.title, true))
        .chain(texts.category.iter().map(|name| (*name, true)))
        .chain(texts.brand.iter().map(|name| (*name, false)))
    {
        let words: Vec<String> = tokens::chunks(text)
            .into_iter()
            .flat_map(|chunk| chunk.joined.filter(|joined| is_code(joined)).map_or(chunk.parts, |joined| vec![joined]))
            .collect();
        if pairs {
            let spelled = |word: &str| word.len() >= SHORTEST && !is_code(word);
            let pairs = words.windows(2).filter(|pair| pair.iter().all(|word| spelled(word)));
            found.extend(pairs.map(|pair| pair.join(" ")));
        }
        found.extend(words.into_iter().filter(|word| word.len() >= SHORTEST));
    }
    found
}

/// A code without everything but letters and digits, however many parts it has.
fn whole(text: &str) -> Option<String> {
    let chunks = tokens::chunks(text);
    let whole: String = chunks.iter().flat_map(|chunk| &chunk.parts).map(String::as_str).collect();
    (chunks.len() > 1 && whole.len() <= 40 && is_code(&whole)).then_some(whole)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::Language;

    #[test]
    fn the_title_counts_more_than_the_description() {
        let texts = Texts { title: "Gaming mouse", description: "A keyboard and a mouse", ..Texts::default() };
        let levels = weigh(&texts, &Fields::default(), &Analyzer::new(Language::English));
        assert!(levels["game"] > levels["keyboard"]);
        assert!(levels["mous"] >= levels["game"], "in both fields");
    }

    #[test]
    fn a_code_is_found_in_one_piece() {
        let texts = Texts { codes: vec!["MB 4-X 17"], ..Texts::default() };
        let levels = weigh(&texts, &Fields::default(), &Analyzer::new(Language::English));
        assert!(levels.contains_key("mb4x17"));
    }

    proptest! {
        #[test]
        fn a_level_is_near_its_frequency(value in 0.1f32..11.0) {
            let near = frequency(level(value));
            prop_assert!((near / value).ln().abs() <= STEP.ln() / 2.0 + 1e-3, "{value} became {near}");
        }

        #[test]
        fn more_is_never_less(value in 0.001f32..100.0, more in 0.0f32..10.0) {
            prop_assert!(level(value + more) >= level(value));
        }
    }
}
