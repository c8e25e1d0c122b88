//! Cuts text into words, part numbers and measures.
//!
//! A chunk is what stands between blanks. `usb-c` is one chunk of two parts, and is also known by its joined form `usbc`, so
//! that `usb-c`, `usb c` and `usbc` find each other; the same holds for `DSC-W800`. A number and the unit after it are joined
//! as well: `4 GB` is also `4gb`.

use super::fold::fold_into;

/// Words of one text that are looked at; what comes after is ignored.
const MOST_WORDS: usize = 4_000;
/// Bytes of one word; longer ones are cut. Nobody searches by them.
const LONGEST_WORD: usize = 64;
/// Parts that are still joined to one code.
const MOST_JOINED: usize = 5;

/// What is between two blanks: its parts and the one word that they make together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chunk {
    /// Runs of letters and digits.
    pub parts: Vec<String>,
    /// The parts without what stands between them, when there are several.
    pub joined: Option<String>,
}

/// Whether it names a thing or a measure rather than a word: such tokens are neither stemmed nor corrected.
pub fn is_code(word: &str) -> bool {
    word.bytes().any(|byte| byte.is_ascii_digit())
}

/// The chunks of a text, folded.
pub fn chunks(text: &str) -> Vec<Chunk> {
    let mut cut = Cut::default();
    cut.read(text);
    let chunk = |piece: Piece<'_>| Chunk {
        parts: piece.parts().map(str::to_owned).collect(),
        joined: piece.joined().map(str::to_owned),
    };
    cut.pieces().map(chunk).collect()
}

/// A text cut into its chunks, with room for the next one: who reads many texts allocates nothing for each.
#[derive(Debug, Default)]
pub struct Cut {
    folded: String,
    /// All parts, those of a chunk without anything between them.
    letters: String,
    parts: Vec<Span>,
    chunks: Vec<Bounds>,
}

/// From one byte of the letters to another.
#[derive(Clone, Copy, Debug)]
struct Span {
    start: usize,
    end: usize,
}

#[derive(Clone, Copy, Debug)]
struct Bounds {
    /// The first of its parts, and the first of the next chunk.
    first: usize,
    end: usize,
    joined: Option<Span>,
}

/// A chunk of a [`Cut`].
#[derive(Clone, Copy, Debug)]
pub struct Piece<'a> {
    cut: &'a Cut,
    bounds: Bounds,
}

impl<'a> Piece<'a> {
    /// Runs of letters and digits.
    pub fn parts(self) -> impl ExactSizeIterator<Item = &'a str> {
        self.cut.parts[self.bounds.first..self.bounds.end].iter().map(|part| self.cut.word(*part))
    }

    /// The parts without what stands between them, when there are several.
    pub fn joined(self) -> Option<&'a str> {
        self.bounds.joined.map(|span| self.cut.word(span))
    }
}

impl Cut {
    /// The chunks of the text that was read last.
    pub fn pieces(&self) -> impl ExactSizeIterator<Item = Piece<'_>> {
        self.chunks.iter().map(|bounds| Piece { cut: self, bounds: *bounds })
    }

    fn word(&self, span: Span) -> &str {
        &self.letters[span.start..span.end]
    }

    /// Cuts a text, folded, in place of the one before.
    pub fn read(&mut self, text: &str) {
        let mut folded = std::mem::take(&mut self.folded);
        folded.clear();
        self.letters.clear();
        self.parts.clear();
        self.chunks.clear();
        fold_into(text, &mut folded);
        for piece in
            folded.split(|letter: char| letter.is_whitespace() || matches!(letter, ',' | ';' | '(' | ')' | '|'))
        {
            let Some(bounds) = self.chunk(piece) else { continue };
            if self.parts.len() > MOST_WORDS {
                break;
            }
            match (self.chunks.last().copied(), self.measure(bounds)) {
                (Some(number), Some(unit)) if self.is_number(number) => {
                    let start = self.letters.len();
                    let digits = self.parts[number.first];
                    self.letters.extend_from_within(digits.start..digits.end);
                    self.letters.push_str(unit);
                    let joined = Some(Span { start, end: self.letters.len() });
                    *self.chunks.last_mut().expect("the number") = Bounds { end: bounds.end, joined, ..number };
                }
                _ => self.chunks.push(bounds),
            }
        }
        self.folded = folded;
    }

    fn is_number(&self, chunk: Bounds) -> bool {
        chunk.end - chunk.first == 1
            && self.word(self.parts[chunk.first]).bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
    }

    /// The unit that a chunk consists of, in the form in which it is joined to numbers.
    fn measure(&self, chunk: Bounds) -> Option<&'static str> {
        if chunk.end - chunk.first == 1 { unit(self.word(self.parts[chunk.first])) } else { None }
    }

    /// Reads the parts of what stands between two blanks.
    fn chunk(&mut self, piece: &str) -> Option<Bounds> {
        let (first, begin) = (self.parts.len(), self.letters.len());
        let mut start = begin;
        let mut gap = true;
        let mut joinable = true;
        let mut letters = piece.chars().peekable();
        while let Some(letter) = letters.next() {
            if letter.is_alphanumeric() {
                if gap {
                    start = self.letters.len();
                    self.parts.push(Span { start, end: start });
                    gap = false;
                }
                if self.letters.len() - start < LONGEST_WORD {
                    self.push(letter);
                }
                continue;
            }
            let ends_with_digit = !gap && self.letters.as_bytes().last().is_some_and(u8::is_ascii_digit);
            match letter {
                // A decimal point stays where it is.
                '.' if ends_with_digit && letters.peek().is_some_and(char::is_ascii_digit) => {
                    let part = &self.letters[start..];
                    if part.len() < LONGEST_WORD && !part.contains('.') {
                        self.push('.');
                    } else {
                        gap = true;
                    }
                }
                '"' if ends_with_digit && letters.peek().is_none() => {
                    self.push('i');
                    self.push('n');
                }
                // The possessive adds nothing: `kid's` is `kid`.
                '\'' if !gap && letters.peek() == Some(&'s') && {
                    let mut rest = letters.clone();
                    rest.next();
                    rest.next().is_none_or(|next| !next.is_alphanumeric())
                } =>
                {
                    letters.next();
                    gap = true;
                }
                '-' | '_' | '/' | '.' | '+' | '&' | '\'' => gap = true,
                _ => {
                    gap = true;
                    joinable = self.parts.len() == first;
                }
            }
        }
        let end = self.parts.len();
        if end == first {
            return None;
        }
        let whole = Span { start: begin, end: self.letters.len() };
        let joins = joinable && (2..=MOST_JOINED).contains(&(end - first)) && whole.end - whole.start <= LONGEST_WORD;
        Some(Bounds { first, end, joined: joins.then_some(whole) })
    }

    /// Adds a letter to the last part.
    fn push(&mut self, letter: char) {
        self.letters.push(letter);
        if let Some(part) = self.parts.last_mut() {
            part.end = self.letters.len();
        }
    }
}

fn unit(part: &str) -> Option<&'static str> {
    Some(match part {
        "kb" => "kb",
        "mb" => "mb",
        "gb" => "gb",
        "tb" => "tb",
        "mm" => "mm",
        "cm" => "cm",
        "m" => "m",
        "ft" => "ft",
        "in" | "inch" | "inches" | "zoll" => "in",
        "hz" => "hz",
        "khz" => "khz",
        "mhz" => "mhz",
        "ghz" => "ghz",
        "v" => "v",
        "w" | "watt" | "watts" => "w",
        "mah" => "mah",
        "kg" => "kg",
        "g" => "g",
        "ml" => "ml",
        "l" => "l",
        "mp" | "megapixel" | "megapixels" => "mp",
        "dpi" => "dpi",
        "mbps" => "mbps",
        "gbps" => "gbps",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn cut(text: &str) -> Vec<String> {
        let written = |chunk: Chunk| {
            let joined = chunk.joined.map(|joined| format!("={joined}")).unwrap_or_default();
            format!("{}{joined}", chunk.parts.join("+"))
        };
        chunks(text).into_iter().map(written).collect()
    }

    #[test]
    fn part_numbers_and_compounds_are_known_by_parts_and_whole() {
        assert_eq!(cut("DSC-W800 usb-c Wi-Fi"), ["dsc+w800=dscw800", "usb+c=usbc", "wi+fi=wifi"]);
        assert_eq!(cut("HP 301XL (black)"), ["hp", "301xl", "black"]);
        assert_eq!(cut("kid's l'eau rock'n'roll"), ["kid", "l+eau=leau", "rock+n+roll=rocknroll"]);
    }

    #[test]
    fn numbers_keep_their_point_and_take_their_unit() {
        assert_eq!(
            cut("4 GB, 4GB 15.6\" 3.5 mm 2 inches"),
            ["4+gb=4gb", "4gb", "15.6in", "3.5+mm=3.5mm", "2+inches=2in"]
        );
        assert_eq!(cut("v1.2.3"), ["v1.2+3=v1.23"]);
    }

    #[test]
    fn what_is_not_a_word_is_nothing() {
        assert!(cut(" – \"\" 🎧 ((( ' -- ").is_empty());
    }

    proptest! {
        #[test]
        fn any_text_is_cut_into_folded_words(text in "\\PC{0,200}") {
            for chunk in chunks(&text) {
                prop_assert!(!chunk.parts.is_empty());
                for word in chunk.parts.iter().chain(&chunk.joined) {
                    prop_assert!(!word.is_empty() && word.len() <= LONGEST_WORD + 4, "{word}");
                    prop_assert!(word.chars().all(|letter| letter.is_alphanumeric() || letter == '.'), "{word}");
                }
            }
        }
    }
}
