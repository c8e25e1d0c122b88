//! From text to the terms of the index: the same steps for products and for queries.

use std::cell::RefCell;

use frostem::Stemmer;
use hashbrown::HashMap;

use super::{
    language::Language,
    tokens::{self, is_code},
};

/// Stems that are remembered; the memory starts anew when it is full.
const REMEMBERED: usize = 20_000;
/// Shorter words have no ending to lose.
const SHORTEST_STEMMED: usize = 3;

/// Turns words into terms.
pub struct Analyzer {
    language: Language,
    stemmer: Option<Stemmer>,
    /// Catalogues repeat their words, and a stem takes longer to find than to look up.
    stems: RefCell<HashMap<Box<str>, Box<str>>>,
}

impl Analyzer {
    /// The analysis of a language.
    pub fn new(language: Language) -> Self {
        Self { language, stemmer: language.stemmer(), stems: RefCell::default() }
    }

    /// Whether a query may leave the word out.
    pub fn is_stop_word(&self, word: &str) -> bool {
        self.language.is_stop_word(word)
    }

    /// The term of a folded word.
    pub fn term(&self, word: &str) -> String {
        self.with_term(word, str::to_owned)
    }

    /// Lends the term of a folded word.
    pub fn with_term<T>(&self, word: &str, take: impl FnOnce(&str) -> T) -> T {
        let Some(stemmer) = self.stemmer.as_ref().filter(|_| word.len() >= SHORTEST_STEMMED && !is_code(word)) else {
            return take(word);
        };
        let mut stems = self.stems.borrow_mut();
        if let Some(stem) = stems.get(word) {
            return take(stem);
        }
        if stems.len() >= REMEMBERED {
            stems.clear();
        }
        let stem: Box<str> = stemmer.stem(word).into();
        let result = take(&stem);
        stems.insert(word.into(), stem);
        result
    }

    /// The terms of a text in their order, without joined forms.
    pub fn terms(&self, text: &str) -> Vec<String> {
        tokens::chunks(text).iter().flat_map(|chunk| &chunk.parts).map(|part| self.term(part)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_lose_their_endings_and_codes_keep_theirs() {
        let english = Analyzer::new(Language::English);
        assert_eq!(english.terms("Rechargeable batteries, gaming mouses"), ["recharg", "batteri", "game", "mous"]);
        assert_eq!(english.terms("CR2032s iPhones"), ["cr2032s", "iphon"]);
        assert_eq!(english.terms("USB-C cables 4 GB"), ["usb", "c", "cabl", "4", "gb"]);
        let german = Analyzer::new(Language::German);
        assert_eq!(german.terms("Häuser Kopfhörern"), german.terms("hauser kopfhorer"));
    }

    #[test]
    fn stop_words_are_those_of_the_language() {
        assert!(Analyzer::new(Language::English).is_stop_word("the"));
        assert!(Analyzer::new(Language::German).is_stop_word("fur"));
        assert!(!Analyzer::new(Language::None).is_stop_word("the"));
    }
}
