//! One spelling for letters: lower case, without accents.

use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};

/// Lower case without accents and ligatures: `Größe` and `GROSSE` are the same word.
pub fn fold(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    let mut folded = String::with_capacity(text.len());
    // Two primes would be what is left of the sign for inches.
    let inches = |letter| if letter == '\u{2033}' { '"' } else { letter };
    for letter in
        text.chars().map(inches).nfkd().filter(|letter| !is_combining_mark(*letter)).flat_map(char::to_lowercase)
    {
        match letter {
            'ß' => folded.push_str("ss"),
            'æ' => folded.push_str("ae"),
            'œ' => folded.push_str("oe"),
            'ø' => folded.push('o'),
            'ł' => folded.push('l'),
            'đ' | 'ð' => folded.push('d'),
            'þ' => folded.push_str("th"),
            'ı' => folded.push('i'),
            '\u{2019}' | '\u{2018}' => folded.push('\''),
            '\u{2010}'..='\u{2014}' => folded.push('-'),
            '\u{201c}' | '\u{201d}' => folded.push('"'),
            letter if is_combining_mark(letter) => {}
            letter => folded.push(letter),
        }
    }
    folded
}

#[cfg(test)]
mod tests {
    use super::fold;

    #[test]
    fn accents_case_and_ligatures_do_not_matter() {
        assert_eq!(fold("Größe CAFÉ Œuvre naïve İstanbul"), "grosse cafe oeuvre naive istanbul");
        assert_eq!(fold("wi\u{2011}fi 17\u{2033}"), "wi-fi 17\"");
        assert_eq!(fold("ﬁle ①"), "file 1");
    }
}
