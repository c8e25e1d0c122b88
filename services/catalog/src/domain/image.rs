//! Addresses of product images: somebody's web address, or one of ours by content hash.

/// Images of one product.
pub const MOST: usize = 50;
/// Characters in an address.
pub const LONGEST: usize = 2_000;

const PREFIX: &str = "/images/";
const SUFFIX: &str = ".webp";
const HASH: usize = 64;

/// The path under which an image with this hash is served and stored.
pub fn path(hash: &str) -> String {
    format!("{PREFIX}{hash}{SUFFIX}")
}

/// A hash as text.
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        write!(text, "{byte:02x}").expect("writing to a string can't fail");
        text
    })
}

/// Whether this is the name of one of our files: a SHA-256 in hex and `.webp`.
pub fn is_file_name(name: &str) -> bool {
    let hash = name.strip_suffix(SUFFIX).unwrap_or_default();
    hash.len() == HASH && hash.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

/// The address as it is stored: ours without the public address of the installation, which may change.
pub fn stored(address: &str, public_url: &str) -> String {
    let local = address.strip_prefix(public_url).unwrap_or(address);
    if is_own(local) { local.to_owned() } else { address.to_owned() }
}

/// The address as it is answered.
pub fn shown(stored: &str, public_url: &str) -> String {
    if is_own(stored) { format!("{public_url}{stored}") } else { stored.to_owned() }
}

fn is_own(address: &str) -> bool {
    address.strip_prefix(PREFIX).is_some_and(is_file_name)
}

/// What is wrong with an address, if anything.
pub fn fault(address: &str, public_url: &str) -> Option<&'static str> {
    if is_own(address.strip_prefix(public_url).unwrap_or(address)) {
        return None;
    }
    let host = address.strip_prefix("https://").or_else(|| address.strip_prefix("http://"));
    let good = host.is_some_and(|rest| rest.starts_with(|first: char| first.is_ascii_alphanumeric() || first == '['))
        && address.chars().count() <= LONGEST
        && !address
            .chars()
            .any(|letter| letter.is_control() || letter.is_whitespace() || "\"<>\\^`{|}".contains(letter));
    (!good).then_some("must be an http or https address of at most 2000 characters")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_web_addresses_and_our_own_files_are_taken() {
        let own = path(&"0a".repeat(32));
        for good in
            ["https://a.example/x.jpg?y=1#z", "http://[::1]:80/x", "http://a", &own, &format!("https://cdn{own}")]
        {
            assert_eq!(fault(good, "https://cdn"), None, "{good}");
        }
        for bad in [
            "javascript:alert(1)",
            "ftp://a/b",
            "//a/b",
            "https://",
            "https:///x",
            "https://a b",
            "/images/x.webp",
            "data:x",
        ] {
            assert!(fault(bad, "").is_some(), "{bad}");
        }
        assert!(fault(&format!("https://a/{}", "x".repeat(2_000)), "").is_some());
    }

    #[test]
    fn our_own_addresses_follow_the_installation() {
        let own = path(&"0a".repeat(32));
        let shown_address = shown(&own, "https://cdn");
        assert_eq!(shown_address, format!("https://cdn{own}"));
        assert_eq!(stored(&shown_address, "https://cdn"), own);
        assert_eq!(stored("https://cdn/other", "https://cdn"), "https://cdn/other");
        assert_eq!(shown("https://a/x", "https://cdn"), "https://a/x");
    }
}
