//! What of a query stands in quotes.

use std::ops::Range;

/// Letters that quote.
const QUOTES: [char; 6] = ['"', '\u{201c}', '\u{201d}', '\u{201e}', '\u{ab}', '\u{bb}'];

/// A part of a query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stretch<'a> {
    pub text: &'a str,
    /// Whether it stood in quotes, which are not part of the text.
    pub quoted: bool,
}

/// The parts of a query in their order.
///
/// A quote opens in front of a word and closes behind one, so that the sign for inches in `15.6" laptop` quotes nothing. What
/// is opened and never closed is plain text.
pub fn stretches(query: &str) -> Vec<Stretch<'_>> {
    let mut found = Vec::new();
    let mut from = 0;
    while let Some((open, phrase, after)) = phrase(query, from) {
        found.push(Stretch { text: &query[from..open], quoted: false });
        found.push(Stretch { text: &query[phrase], quoted: true });
        from = after;
    }
    found.push(Stretch { text: &query[from..], quoted: false });
    found
}

/// The first phrase from a place on: where its quote opens, the phrase, and where the text goes on.
fn phrase(query: &str, from: usize) -> Option<(usize, Range<usize>, usize)> {
    let is_word = |letter: Option<char>| letter.is_some_and(char::is_alphanumeric);
    let quotes = || query[from..].char_indices().filter(|(_, letter)| QUOTES.contains(letter));
    let quotes = || quotes().map(|(at, letter)| (from + at, from + at + letter.len_utf8()));
    let before = |at: usize| query[..at].chars().next_back();
    let behind = |at: usize| query[at..].chars().next();
    quotes().find_map(|(open, begin)| {
        let opens = !is_word(before(open)) && behind(begin).is_some_and(|next| !next.is_whitespace());
        let mut closing = quotes().filter(|(close, after)| *close >= begin && !is_word(behind(*after)));
        closing.next().filter(|_| opens).map(|(close, after)| (open, begin..close, after))
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn quoted(query: &str) -> Vec<&str> {
        stretches(query).into_iter().filter(|stretch| stretch.quoted).map(|stretch| stretch.text).collect()
    }

    #[test]
    fn quotes_around_words_make_phrases() {
        assert_eq!(quoted("black \"usb cable\" 2m"), ["usb cable"]);
        assert_eq!(quoted("\"usb cable\"\"2 m\""), ["usb cable", "2 m"]);
        assert_eq!(quoted("„usb kabel“ «câble usb»"), ["usb kabel", "câble usb"]);
        assert_eq!(quoted("(\"usb cable\")"), ["usb cable"]);
    }

    #[test]
    fn inches_and_lonely_quotes_are_plain_text() {
        assert!(quoted("15.6\" laptop 17\" bag").is_empty());
        assert!(quoted("\"usb cable").is_empty());
        assert!(quoted("usb cable\" \"").is_empty());
        assert_eq!(quoted("17\" \"usb hub\""), ["usb hub"]);
    }

    proptest! {
        #[test]
        fn nothing_but_quotes_is_lost(query in "[a-z0-9 \"“”„«é]{0,60}") {
            let bare = |text: &str| text.chars().filter(|letter| !QUOTES.contains(letter)).collect::<String>();
            let kept: String = stretches(&query).into_iter().map(|stretch| bare(stretch.text)).collect();
            prop_assert_eq!(kept, bare(&query));
        }
    }
}
