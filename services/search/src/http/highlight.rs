//! Marks what was found, in text that can stand in a page.

use std::collections::HashSet;

use crate::domain::{analysis::Analyzer, fold, query::Plan};

/// Characters of a description that are shown around what was found.
const SHOWN: usize = 180;

/// The terms that are marked.
pub struct Marker<'a> {
    terms: HashSet<&'a str>,
    /// The first bytes of the terms: most words begin with none of them.
    begin: [bool; 256],
    analyzer: &'a Analyzer,
}

impl<'a> Marker<'a> {
    /// Marks everything that the plan looks for.
    pub fn new(plan: &'a Plan, analyzer: &'a Analyzer) -> Self {
        let ways = plan.groups.iter().flat_map(|group| &group.alternatives);
        let terms: HashSet<&str> = ways.flat_map(|way| &way.terms).map(String::as_str).collect();
        let mut begin = [false; 256];
        for first in terms.iter().filter_map(|term| term.bytes().next()) {
            begin[usize::from(first)] = true;
        }
        Self { terms, begin, analyzer }
    }

    /// Whether the word is one of them.
    fn has(&self, word: &str) -> bool {
        let first = word.as_bytes().first().map_or(b' ', u8::to_ascii_lowercase);
        if first.is_ascii() && !self.begin[usize::from(first)] {
            return false;
        }
        let folded = fold(word);
        self.terms.contains(folded.as_str()) || self.terms.contains(self.analyzer.term(&folded).as_str())
    }

    /// The text with `<em>` around what was found, everything else escaped. Whether anything was.
    pub fn mark(&self, text: &str) -> (String, bool) {
        let mut marked = String::with_capacity(text.len() + 32);
        let mut any = false;
        for piece in pieces(text) {
            if self.has(piece) {
                any = true;
                marked.push_str("<em>");
                escape(piece, &mut marked);
                marked.push_str("</em>");
            } else {
                escape(piece, &mut marked);
            }
        }
        (marked, any)
    }

    /// The part of a text around the first word that was found.
    pub fn excerpt(&self, text: &str) -> Option<String> {
        let mut at = 0;
        for piece in pieces(text) {
            if self.has(piece) {
                let before = text[..at].char_indices().rev().take(SHOWN / 3).last().map_or(at, |(start, _)| start);
                let start =
                    text[before..at].find(' ').filter(|_| before > 0).map_or(before, |blank| before + blank + 1);
                let length = text[start..].char_indices().nth(SHOWN).map_or(text.len() - start, |(end, _)| end);
                let end = start + length;
                let end = if end < text.len() {
                    text[at + piece.len()..end.max(at + piece.len())]
                        .rfind(' ')
                        .map_or(end, |blank| at + piece.len() + blank)
                } else {
                    end
                };
                let (marked, _) = self.mark(&text[start..end.max(at + piece.len())]);
                let (lead, tail) = (if start > 0 { "… " } else { "" }, if end < text.len() { " …" } else { "" });
                return Some(format!("{lead}{marked}{tail}"));
            }
            at += piece.len();
        }
        None
    }
}

/// Runs of letters and digits, and what is between them.
fn pieces(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let is_word = rest.chars().next()?.is_alphanumeric();
        let mut end = 0;
        while let Some(byte) = rest.as_bytes().get(end) {
            let (same, length) = if byte.is_ascii() {
                (byte.is_ascii_alphanumeric() == is_word, 1)
            } else {
                let letter = rest[end..].chars().next()?;
                (letter.is_alphanumeric() == is_word, letter.len_utf8())
            };
            if !same {
                break;
            }
            end += length;
        }
        let (piece, after) = rest.split_at(end);
        rest = after;
        Some(piece)
    })
}

fn escape(text: &str, into: &mut String) {
    let mut rest = text;
    while let Some(at) = rest.find(['&', '<', '>', '"', '\'']) {
        into.push_str(&rest[..at]);
        into.push_str(match rest.as_bytes()[at] {
            b'&' => "&amp;",
            b'<' => "&lt;",
            b'>' => "&gt;",
            b'"' => "&quot;",
            _ => "&#39;",
        });
        rest = &rest[at + 1..];
    }
    into.push_str(rest);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::{
        Language,
        query::{Alternative, Group},
    };

    fn marked<T>(terms: &[&str], with: impl FnOnce(&Marker<'_>) -> T) -> T {
        let alternatives =
            terms.iter().map(|term| Alternative { terms: vec![(*term).to_owned()], weight: 1.0 }).collect();
        let plan = Plan { groups: vec![Group { alternatives }], ..Plan::default() };
        let analyzer = Analyzer::new(Language::English);
        with(&Marker::new(&plan, &analyzer))
    }

    #[test]
    fn found_words_are_marked_and_nothing_becomes_markup() {
        let (text, any) = marked(&["mous", "usb"], |marker| marker.mark("USB <b>Mouses</b> & \"more\""));
        assert_eq!(text, "<em>USB</em> &lt;b&gt;<em>Mouses</em>&lt;/b&gt; &amp; &quot;more&quot;");
        assert!(any);
        assert_eq!(marked(&["mous"], |marker| marker.excerpt("nothing here")), None);
        let long = format!("{} a mouse {}", "before ".repeat(40), "after ".repeat(60));
        let excerpt = marked(&["mous"], |marker| marker.excerpt(&long)).unwrap();
        assert!(
            excerpt.starts_with("… ") && excerpt.ends_with(" …") && excerpt.contains("<em>mouse</em>"),
            "{excerpt}"
        );
    }

    proptest! {
        #[test]
        fn any_text_can_be_shown(text in "\\PC{0,400}") {
            let (whole, part) = marked(&["a", "mous"], |marker| (marker.mark(&text).0, marker.excerpt(&text)));
            for shown in std::iter::once(&whole).chain(&part) {
                prop_assert!(!shown.replace("<em>", "").replace("</em>", "").contains(['<', '>']));
            }
        }
    }
}
