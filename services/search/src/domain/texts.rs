//! What a product says in its fields, weighed into one number for each term: the field-weighted term frequency of BM25F
//! (Robertson, Zaragoza, Taylor: Simple BM25 extension to multiple weighted fields, 2004).
//!
//! The number is found when a product is indexed, so that a query reads one posting list for each term, whatever the
//! number of fields. It is kept as a level: level `n` stands for `0.1 · 1.2ⁿ⁻¹`, so that it is off by a tenth at most.

use std::hash::BuildHasher;

use hashbrown::{DefaultHashBuilder, HashTable};
use serde::{Deserialize, Serialize};

use super::{
    analysis::Analyzer,
    tokens::{Cut, Piece, is_code},
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

/// Reads the texts of products, one after the other, each text once. What it gives is of the product that was read last;
/// it keeps its room, so that nothing is allocated for each word.
#[derive(Default)]
pub struct Reader {
    cut: Cut,
    terms: Terms,
    /// The terms of the field at hand.
    found: Vec<u32>,
    title: String,
    phrases: String,
    words: String,
}

impl Reader {
    /// Reads the texts of a product.
    pub fn read(&mut self, texts: &Texts<'_>, fields: &Fields, analyzer: &Analyzer) {
        self.terms.clear();
        self.title.clear();
        self.phrases.clear();
        self.words.clear();
        self.text(texts.title, Place::Title, analyzer);
        self.weigh(fields.title);
        for text in &texts.codes {
            self.text(text, Place::Code, analyzer);
        }
        self.weigh(fields.codes);
        for text in &texts.brand {
            self.text(text, Place::Brand, analyzer);
        }
        self.weigh(fields.brand);
        for text in &texts.category {
            self.text(text, Place::Category, analyzer);
        }
        self.weigh(fields.category);
        for text in &texts.attributes {
            self.text(text, Place::Other, analyzer);
        }
        self.weigh(fields.attributes);
        self.text(texts.description, Place::Other, analyzer);
        self.weigh(fields.description);
    }

    /// All terms, each with its level.
    pub fn levels(&self) -> impl Iterator<Item = (&str, u8)> {
        self.terms.all.iter().map(|term| (self.terms.spelled(term), level(term.sum)))
    }

    /// The terms of the title in their order, each on a line.
    pub fn title(&self) -> &str {
        &self.title
    }

    /// The terms of all other texts in their order, each on a line, with a blank line behind every text.
    pub fn phrases(&self) -> &str {
        &self.phrases
    }

    /// Words as they are spelled, for corrections and completions, each on a line: of the title, with pairs of neighbours, of
    /// brand and category.
    pub fn words(&self) -> &str {
        &self.words
    }

    /// Adds a text to the field at hand.
    fn text(&mut self, text: &str, place: Place, analyzer: &Analyzer) {
        if text.is_empty() {
            return;
        }
        let Self { cut, terms, found, title, phrases, words } = self;
        cut.read(text);
        let in_order = if place == Place::Title { title } else { &mut *phrases };
        for piece in cut.pieces() {
            for part in piece.parts() {
                found.push(analyzer.with_term(part, |term| {
                    in_order.push_str(term);
                    in_order.push('\n');
                    terms.add(term)
                }));
            }
            if let Some(joined) = piece.joined() {
                found.push(analyzer.with_term(joined, |term| terms.add(term)));
            }
        }
        match place {
            Place::Title | Place::Category => spell(cut, true, words),
            Place::Brand => spell(cut, false, words),
            Place::Code => found.extend(whole(cut).map(|whole| terms.add(&whole))),
            Place::Other => {}
        }
        if place != Place::Title {
            phrases.push('\n');
        }
    }

    /// Ends a field: what it adds to its terms depends on how many it has.
    fn weigh(&mut self, field: Field) {
        #[expect(clippy::cast_precision_loss, reason = "a count of words")]
        let length = self.found.len() as f32;
        let worth = field.weight / (1.0 - field.b + field.b * length / field.length.max(1.0));
        for term in self.found.drain(..) {
            self.terms.all[term as usize].sum += worth;
        }
    }
}

/// Where a text stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Title,
    Code,
    Brand,
    Category,
    Other,
}

/// The different terms of a product.
#[derive(Default)]
struct Terms {
    letters: String,
    all: Vec<Term>,
    places: HashTable<u32>,
    hasher: DefaultHashBuilder,
}

/// Where a term is spelled, and its weighed frequency.
struct Term {
    start: usize,
    end: usize,
    sum: f32,
}

impl Terms {
    fn clear(&mut self) {
        self.letters.clear();
        self.all.clear();
        self.places.clear();
    }

    fn spelled(&self, term: &Term) -> &str {
        &self.letters[term.start..term.end]
    }

    /// The number of a term, a new one if it was not there.
    fn add(&mut self, term: &str) -> u32 {
        let Self { letters, all, places, hasher } = self;
        let spelled = |place: &u32| {
            let Term { start, end, .. } = all[*place as usize];
            &letters[start..end]
        };
        let hash = hasher.hash_one(term);
        if let Some(known) = places.find(hash, |place| spelled(place) == term) {
            return *known;
        }
        let number = u32::try_from(all.len()).expect("a product has few words");
        places.insert_unique(hash, number, |place| hasher.hash_one(spelled(place)));
        let start = letters.len();
        letters.push_str(term);
        all.push(Term { start, end: letters.len(), sum: 0.0 });
        number
    }
}

/// The words of a text, and pairs of neighbours if they are wanted.
fn spell(cut: &Cut, pairs: bool, words: &mut String) {
    const SHORTEST: usize = 2;
    let is_paired = |word: &str| pairs && word.len() >= SHORTEST && !is_code(word);
    let mut before: Option<&str> = None;
    let mut each = |word| {
        if let Some(before) = before
            && is_paired(before)
            && is_paired(word)
        {
            words.extend([before, " ", word, "\n"]);
        }
        if word.len() >= SHORTEST {
            words.extend([word, "\n"]);
        }
        before = Some(word);
    };
    for piece in cut.pieces() {
        match piece.joined().filter(|joined| is_code(joined)) {
            Some(joined) => each(joined),
            None => piece.parts().for_each(&mut each),
        }
    }
}

/// A code without everything but letters and digits, however many parts it has.
fn whole(cut: &Cut) -> Option<String> {
    if cut.pieces().len() < 2 {
        return None;
    }
    let whole: String = cut.pieces().flat_map(Piece::parts).collect();
    (whole.len() <= 40 && is_code(&whole)).then_some(whole)
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;
    use crate::domain::Language;

    fn read(texts: &Texts<'_>) -> Reader {
        let mut reader = Reader::default();
        let analyzer = Analyzer::new(Language::English);
        reader.read(&Texts { title: "What was before", ..Texts::default() }, &Fields::default(), &analyzer);
        reader.read(texts, &Fields::default(), &analyzer);
        reader
    }

    #[test]
    fn the_title_counts_more_than_the_description() {
        let texts = Texts { title: "Gaming mouse", description: "A keyboard and a mouse", ..Texts::default() };
        let reader = read(&texts);
        let levels: HashMap<&str, u8> = reader.levels().collect();
        assert!(levels["game"] > levels["keyboard"]);
        assert!(levels["mous"] >= levels["game"], "in both fields");
    }

    #[test]
    fn a_code_is_found_in_one_piece() {
        let reader = read(&Texts { codes: vec!["MB 4-X 17"], ..Texts::default() });
        assert!(reader.levels().any(|(term, _)| term == "mb4x17"));
    }

    #[test]
    fn texts_keep_their_order_and_their_borders() {
        let texts = Texts {
            title: "USB-C cables, 2 m",
            brand: vec!["Blue Tea"],
            description: "Charges it.",
            ..Texts::default()
        };
        let reader = read(&texts);
        assert_eq!(reader.title(), "usb\nc\ncabl\n2\nm\n");
        assert_eq!(reader.phrases(), "blue\ntea\n\ncharg\nit\n\n");
        assert_eq!(reader.words(), "usb\ncables\n2m\nblue\ntea\n");
        assert!(reader.levels().any(|(term, _)| term == "usbc"));
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
