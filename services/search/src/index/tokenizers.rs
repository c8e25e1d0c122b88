//! The index gets its terms ready-made; these only take them apart again, without allocating.

use std::collections::HashMap;

use tantivy::{
    Index,
    tokenizer::{TextAnalyzer, Token, TokenStream, Tokenizer},
};

/// Terms on lines.
pub const LIST: &str = "list";
/// Terms on lines, a letter before each that says how often it counts.
pub const LEVELS: &str = "levels";

/// Makes them known to an index.
pub fn register(index: &Index) {
    index.tokenizers().register(LIST, TextAnalyzer::from(Lines { leveled: false, token: Token::default() }));
    index.tokenizers().register(LEVELS, TextAnalyzer::from(Lines { leveled: true, token: Token::default() }));
}

/// Terms and their levels as [`LEVELS`] takes them.
pub fn leveled(levels: &HashMap<String, u8>) -> String {
    let mut text = String::with_capacity(levels.keys().map(|term| term.len() + 2).sum());
    for (term, level) in levels {
        text.push(char::from(b'@' + level));
        text.push_str(term);
        text.push('\n');
    }
    text
}

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
        let Some(line) = self.rest.by_ref().find(|line| !line.is_empty()) else { return false };
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
    fn terms_come_back_as_often_as_their_level() {
        let text = leveled(&HashMap::from([("mouse".to_owned(), 3)]));
        assert_eq!(tokens(LEVELS, &text), [(0, "mouse".to_owned()), (0, "mouse".to_owned()), (0, "mouse".to_owned())]);
        assert_eq!(tokens(LIST, "a b\n\nc"), [(0, "a b".to_owned()), (1, "c".to_owned())]);
    }
}
