//! One spelling for letters: lower case, without accents.

use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};

/// Lower case without accents and ligatures: `Größe` and `GROSSE` are the same word.
pub fn fold(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    fold_into(text, &mut folded);
    folded
}

/// The same, at the end of `folded`.
pub fn fold_into(text: &str, folded: &mut String) {
    let mut rest = text;
    while !rest.is_empty() {
        // Most letters are plain; marks that follow one are left out wherever they stand.
        let plain = rest.bytes().position(|byte| !byte.is_ascii()).unwrap_or(rest.len());
        let start = folded.len();
        folded.push_str(&rest[..plain]);
        folded[start..].make_ascii_lowercase();
        rest = &rest[plain..];
        let other = rest.bytes().position(|byte| byte.is_ascii()).unwrap_or(rest.len());
        fold_letters(&rest[..other], folded);
        rest = &rest[other..];
    }
}

fn fold_letters(text: &str, folded: &mut String) {
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
