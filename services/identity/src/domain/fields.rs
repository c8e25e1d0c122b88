//! What may stand in the fields of accounts and sellers. Each rule has the form that `garde` calls.

use serde_json::{Map, Value};

use super::account::DELETED_DOMAIN;

/// The most characters of a password; more would only be work for the hash.
pub const MAX_PASSWORD: usize = 128;
/// RFC 5321 4.5.3.1: the most octets of a path, without its brackets.
const MAX_EMAIL: usize = 254;
const MAX_LOCAL_PART: usize = 64;
const MAX_LABEL: usize = 63;
/// Preferences as JSON text.
const MAX_PREFERENCES: usize = 8 * 1024;

fn require(holds: bool, message: &str) -> garde::Result {
    if holds { Ok(()) } else { Err(garde::Error::new(message)) }
}

/// An address as the HTML standard defines one (ASCII, so that no two look alike), without the dots in a row or at the
/// ends of the local part that mail servers refuse.
pub fn email<C>(text: &str, _: &C) -> garde::Result {
    require(is_email(text), "must be an e-mail address of at most 254 ASCII characters")
}

fn is_email(text: &str) -> bool {
    let Some((local, domain)) = text.rsplit_once('@') else { return false };
    let atom = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+/=?^_`{|}~-".contains(&byte);
    let local_is_fine =
        local.len() <= MAX_LOCAL_PART && local.split('.').all(|part| !part.is_empty() && part.bytes().all(atom));
    let label_is_fine = |label: &str| {
        (1..=MAX_LABEL).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let is_reserved = domain.eq_ignore_ascii_case(DELETED_DOMAIN);
    !is_reserved && text.len() <= MAX_EMAIL && local_is_fine && domain.split('.').all(label_is_fine)
}

/// What two spellings of one address have in common.
pub fn email_key(email: &str) -> String {
    email.to_ascii_lowercase()
}

/// A name of a person or a shop: something visible, no control characters.
pub fn name<C>(text: &str, _: &C) -> garde::Result {
    let characters = text.chars().count();
    require(
        characters <= 200 && !text.trim().is_empty() && !text.chars().any(char::is_control),
        "must be 1 to 200 characters, without control characters",
    )
}

/// A telephone number as people write one.
pub fn phone<C>(text: &str, _: &C) -> garde::Result {
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    let allowed = |byte: u8| byte.is_ascii_digit() || b"+-() ./".contains(&byte);
    require(
        (3..=20).contains(&digits) && text.len() <= 32 && text.bytes().all(allowed),
        "must be a telephone number of 3 to 20 digits",
    )
}

/// A language tag (RFC 5646), for example `en` or `pt-BR`.
pub fn locale<C>(text: &str, _: &C) -> garde::Result {
    let mut parts = text.split('-');
    let language =
        parts.next().is_some_and(|tag| (2..=3).contains(&tag.len()) && tag.bytes().all(|b| b.is_ascii_alphabetic()));
    let rest = parts.all(|tag| (1..=8).contains(&tag.len()) && tag.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    require(language && rest && text.len() <= 35, "must be a language tag such as en or pt-BR")
}

/// Preferences are the client's own, within reason.
pub fn preferences<C>(given: &Map<String, Value>, _: &C) -> garde::Result {
    let length = serde_json::to_string(given).map_or(usize::MAX, |text| text.len());
    require(given.len() <= 100 && length <= MAX_PREFERENCES, "must be at most 100 keys and 8192 bytes")
}

/// Words that stand in paths beside sellers' slugs, or that only the marketplace may call itself.
const RESERVED: [&str; 4] = ["me", "admin", "souk", "api"];

/// A slug as a client may name it.
pub fn slug<C>(text: &str, _: &C) -> garde::Result {
    require(
        (1..=80).contains(&text.len()) && souk_kernel::text::slugify(text) == text && !RESERVED.contains(&text),
        "must be 1 to 80 lower-case letters, digits and single hyphens",
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn addresses_that_mail_servers_take_are_taken() {
        for good in ["a@b", "Ann.Lee+souk@Example.co.uk", "o'neill@x-y.org", "1@1.2"] {
            assert!(email(good, &()).is_ok(), "{good}");
        }
        let long_label = format!("a@{}.org", "x".repeat(64));
        let long_local = format!("{}@b.org", "x".repeat(65));
        let bad = [
            "",
            "a",
            "@b",
            "a@",
            "a@b@c",
            "a b@c",
            "a..b@c",
            ".a@b",
            "a.@b",
            "a@b..c",
            "a@-b",
            "a@b-",
            "a\0@b",
            "é@b",
            "a@é",
            "a@b\r\nBcc: c@d",
            &long_label,
            &long_local,
        ];
        for bad in bad {
            assert!(email(bad, &()).is_err(), "{bad}");
        }
        assert!(email(&format!("a@{}", "b.".repeat(130)), &()).is_err());
    }

    #[test]
    fn names_show_something() {
        assert!(name("Zoë", &()).is_ok());
        assert!(name(&"é".repeat(200), &()).is_ok());
        for bad in ["", " \u{a0} ", "a\nb", &"x".repeat(201)] {
            assert!(name(bad, &()).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn phones_and_locales_are_recognised() {
        assert!(phone("+44 (0)20 7946-0018", &()).is_ok());
        assert!(phone("call me", &()).is_err());
        assert!(phone("++++", &()).is_err());
        for good in ["en", "pt-BR", "zh-Hant-TW", "sl-rozaj-biske-1994"] {
            assert!(locale(good, &()).is_ok(), "{good}");
        }
        for bad in ["", "e", "english", "en_GB", "en-", "12"] {
            assert!(locale(bad, &()).is_err(), "{bad}");
        }
    }

    #[test]
    fn preferences_and_slugs_are_bounded() {
        let small = json!({"theme": "dark"});
        assert!(preferences(small.as_object().unwrap(), &()).is_ok());
        let large = json!({"x": "y".repeat(9000)});
        assert!(preferences(large.as_object().unwrap(), &()).is_err());
        assert!(slug("tea-house", &()).is_ok());
        for bad in ["", "Tea", "-tea", "tea--house", "me"] {
            assert!(slug(bad, &()).is_err(), "{bad}");
        }
    }
}
