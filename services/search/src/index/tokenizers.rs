//! The index gets its terms ready-made; these only take them apart again, without allocating.

use tantivy::{
    Index,
    tokenizer::{TextAnalyzer, Token, TokenStream, Tokenizer},
};

use crate::domain::texts::LEVELS as LAST;

/// Terms on lines. A blank line is a gap that no phrase reaches across.
pub const LIST: &str = "list";
/// Terms on lines, a letter before each that says how often it counts.
pub const LEVELS: &str = "levels";

/// Makes them known to an index.
pub fn register(index: &Index) {
    index.tokenizers().register(LIST, TextAnalyzer::from(Lines { leveled: false, token: Token::default() }));
    index.tokenizers().register(LEVELS, TextAnalyzer::from(Lines { leveled: true, token: Token::default() }));
}

/// Terms and their levels as [`LEVELS`] takes them.
pub fn leveled<'a>(levels: impl Iterator<Item = (&'a str, u8)>, text: &mut String) {
    for (term, level) in levels {
        text.push(char::from(b'@' + count(level)));
        text.push_str(term);
        text.push('\n');
    }
}

/// How often a term of this level is given: each token costs time, so that the most frequent levels have the least numbers.
pub fn count(level: u8) -> u8 {
    COUNTS[usize::from(level.clamp(1, LAST)) - 1]
}

/// By level.
const COUNTS: [u8; LAST as usize] =
    [12, 22, 24, 21, 19, 16, 15, 9, 3, 2, 4, 1, 5, 8, 18, 13, 20, 11, 6, 7, 10, 17, 14, 23, 25, 26, 27];

#[derive(Clone)]
struct Lines {
    leveled: bool,
    token: Token,
}

struct Stream<'a> {
    rest: std::str::Lines<'a>,
    leveled: bool,
    /// How often the token is still to be given.
    left: u8,
    token: &'a mut Token,
}

impl Tokenizer for Lines {
    type TokenStream<'a> = Stream<'a>;

    fn token_stream<'a>(&'a mut self, text: &'a str) -> Stream<'a> {
        self.token.reset();
        Stream { rest: text.lines(), leveled: self.leveled, left: 0, token: &mut self.token }
    }
}

impl TokenStream for Stream<'_> {
    fn advance(&mut self) -> bool {
        if self.left > 0 {
            self.left -= 1;
            return true;
        }
        let line = loop {
            let Some(line) = self.rest.next() else { return false };
            if !line.is_empty() {
                break line;
            }
            self.token.position = self.token.position.wrapping_add(1);
        };
        let term = if self.leveled {
            self.left = line.as_bytes()[0].saturating_sub(b'A');
            &line[1..]
        } else {
            line
        };
        self.token.text.clear();
        self.token.text.push_str(term);
        self.token.position = self.token.position.wrapping_add(1);
        true
    }

    fn token(&self) -> &Token {
        self.token
    }

    fn token_mut(&mut self) -> &mut Token {
        self.token
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(name: &str, text: &str) -> Vec<(usize, String)> {
        let index = Index::create_in_ram(tantivy::schema::Schema::builder().build());
        register(&index);
        let mut analyzer = index.tokenizers().get(name).unwrap();
        let mut stream = analyzer.token_stream(text);
        let mut found = Vec::new();
        stream.process(&mut |token| found.push((token.position, token.text.clone())));
        found
    }

    #[test]
    fn terms_come_back_as_often_as_their_level_says() {
        let mut text = String::new();
        leveled([("mouse", 3)].into_iter(), &mut text);
        let expected = vec![(0, "mouse".to_owned()); usize::from(count(3))];
        assert_eq!(tokens(LEVELS, &text), expected);
        assert_eq!(tokens(LIST, "a b\n\nc"), [(0, "a b".to_owned()), (2, "c".to_owned())]);
    }

    #[test]
    fn every_level_has_a_number_of_its_own() {
        let mut counts: Vec<u8> = (1..=LAST).map(count).collect();
        counts.sort_unstable();
        assert!(counts.into_iter().eq(1..=LAST));
    }
}
