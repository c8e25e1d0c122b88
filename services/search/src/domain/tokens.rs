//! Cuts text into words, part numbers and measures.
//!
//! A chunk is what stands between blanks. `usb-c` is one chunk of two parts, and is also known by its joined form `usbc`, so
//! that `usb-c`, `usb c` and `usbc` find each other; the same holds for `DSC-W800`. A number and the unit after it are joined
//! as well: `4 GB` is also `4gb`.

use super::fold::fold;

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
    let folded = fold(text);
    let mut chunks: Vec<Chunk> = Vec::new();
    let mut words = 0;
    for piece in folded.split(|letter: char| letter.is_whitespace() || matches!(letter, ',' | ';' | '(' | ')' | '|')) {
        let Some(chunk) = chunk(piece) else { continue };
        words += chunk.parts.len();
        if words > MOST_WORDS {
            break;
        }
        match (chunks.last_mut(), measure(&chunk)) {
            (Some(number), Some(unit)) if is_number(number) => {
                let joined = format!("{}{unit}", number.parts[0]);
                number.parts.extend(chunk.parts);
                number.joined = Some(joined);
            }
            _ => chunks.push(chunk),
        }
    }
    chunks
}

fn is_number(chunk: &Chunk) -> bool {
    chunk.parts.len() == 1 && chunk.parts[0].bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
}

/// The unit that a chunk consists of, in the form in which it is joined to numbers.
fn measure(chunk: &Chunk) -> Option<&'static str> {
    let [part] = chunk.parts.as_slice() else { return None };
    unit(part)
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

fn chunk(piece: &str) -> Option<Chunk> {
    let mut parts: Vec<String> = Vec::new();
    let mut gap = true;
    let mut joinable = true;
    let mut letters = piece.chars().peekable();
    while let Some(letter) = letters.next() {
        if letter.is_alphanumeric() {
            if gap {
                parts.push(String::new());
                gap = false;
            }
            let part = parts.last_mut().expect("a part was begun");
            if part.len() < LONGEST_WORD {
                part.push(letter);
            }
            continue;
        }
        let ends_with_digit = |parts: &[String]| {
            parts.last().and_then(|part| part.bytes().last()).is_some_and(|byte| byte.is_ascii_digit())
        };
        match letter {
            // A decimal point stays where it is.
            '.' if !gap && ends_with_digit(&parts) && letters.peek().is_some_and(char::is_ascii_digit) => {
                let part = parts.last_mut().expect("it ends with a digit");
                if part.len() < LONGEST_WORD && !part.contains('.') {
                    part.push('.');
                } else {
                    gap = true;
                }
            }
            '"' if !gap && letters.peek().is_none() && ends_with_digit(&parts) => {
                parts.last_mut().expect("it ends with a digit").push_str("in");
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
                joinable = parts.is_empty();
            }
        }
    }
    if parts.is_empty() {
        return None;
    }
    let joinable = joinable && (2..=MOST_JOINED).contains(&parts.len());
    let joined = joinable.then(|| parts.concat()).filter(|joined| joined.len() <= LONGEST_WORD);
    Some(Chunk { parts, joined })
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
