//! Where a request goes.

use std::{fmt, str::FromStr};

use base64::{Engine, engine::general_purpose::STANDARD};
use http::HeaderValue;
use url::{Host, Url};

/// The longest URL that is taken.
const LONGEST: usize = 2_000;

/// An `http` or `https` URL. It may hold a name and a password, which go to that host only and show nowhere.
#[derive(Clone, PartialEq, Eq)]
pub struct Target(Url);

/// Why a text is not a [`Target`].
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be an http or https URL of at most {LONGEST} characters")]
pub struct ParseTargetError;

impl FromStr for Target {
    type Err = ParseTargetError;

    fn from_str(text: &str) -> Result<Self, ParseTargetError> {
        let url = Url::parse(text).map_err(|_| ParseTargetError)?;
        Self::of(url).ok_or(ParseTargetError)
    }
}

impl Target {
    fn of(mut url: Url) -> Option<Self> {
        url.set_fragment(None);
        let known =
            matches!(url.scheme(), "http" | "https") && url.has_host() && url.port_or_known_default() != Some(0);
        (known && url.as_str().len() <= LONGEST).then_some(Self(url))
    }

    /// The whole URL with what is secret in it: to be stored, never to be shown or logged.
    pub fn expose(&self) -> &str {
        self.0.as_str()
    }

    pub(super) fn host(&self) -> Host<&str> {
        self.0.host().expect("made with a host")
    }

    pub(super) fn port(&self) -> u16 {
        self.0.port_or_known_default().expect("http and https have one")
    }

    pub(super) fn is_encrypted(&self) -> bool {
        self.0.scheme() == "https"
    }

    /// For the header `Host`.
    pub(super) fn authority(&self) -> String {
        let host = self.0.host_str().unwrap_or_default();
        self.0.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
    }

    /// For the request line.
    pub(super) fn path_and_query(&self) -> String {
        let path = self.0.path();
        self.0.query().map_or_else(|| path.to_owned(), |query| format!("{path}?{query}"))
    }

    /// For the header `Authorization` (RFC 7617), if the URL says who asks.
    pub(super) fn authorization(&self) -> Option<HeaderValue> {
        let (user, password) = (self.0.username(), self.0.password());
        if user.is_empty() && password.is_none() {
            return None;
        }
        let plain = |text: &str| percent_decoded(text);
        let mut both = plain(user);
        both.push(b':');
        both.extend(plain(password.unwrap_or_default()));
        let mut value = HeaderValue::from_str(&format!("Basic {}", STANDARD.encode(both))).ok()?;
        value.set_sensitive(true);
        Some(value)
    }

    /// Where a redirect from here to `location` leads; `None` when requests don't go there, or would no longer be
    /// encrypted.
    pub(super) fn redirected(&self, location: &str) -> Option<Self> {
        let next = Self::of(self.0.join(location).ok()?)?;
        (next.is_encrypted() || !self.is_encrypted()).then_some(next)
    }
}

fn percent_decoded(text: &str) -> Vec<u8> {
    let (mut bytes, mut decoded) = (text.bytes(), Vec::with_capacity(text.len()));
    while let Some(byte) = bytes.next() {
        let mut rest = bytes.clone();
        let digits = [rest.next(), rest.next()].map(|digit| digit.and_then(|digit| char::from(digit).to_digit(16)));
        if let (b'%', [Some(high), Some(low)]) = (byte, digits) {
            decoded.push(u8::try_from(high * 16 + low).expect("two digits are one byte"));
            bytes = rest;
        } else {
            decoded.push(byte);
        }
    }
    decoded
}

/// Without what may be secret: the password, and the query, which often holds a key.
impl fmt::Display for Target {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}://{}{}", self.0.scheme(), self.authority(), self.0.path())?;
        out.write_str(if self.0.query().is_some() { "?…" } else { "" })
    }
}

impl fmt::Debug for Target {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_web_is_a_target() {
        for text in ["http://example.com", "https://u:p@example.com:8443/a?b=c#d", "http://[::1]/", "http://0x7f.1/"] {
            assert!(text.parse::<Target>().is_ok(), "{text}");
        }
        let long = format!("http://example.com/{}", "x".repeat(LONGEST));
        for text in ["", "example.com", "/a", "ftp://example.com", "file:///etc/passwd", "http://", "http://:80", &long]
        {
            assert!(text.parse::<Target>().is_err(), "{text}");
        }
    }

    #[test]
    fn what_is_secret_is_sent_and_not_shown() {
        let target: Target = "https://cleo:s%3Acret@example.com:8443/feed?key=abc".parse().unwrap();
        assert_eq!(target.to_string(), "https://example.com:8443/feed?…");
        assert_eq!(format!("{target:?}"), target.to_string());
        assert_eq!(target.authority(), "example.com:8443");
        assert_eq!(target.path_and_query(), "/feed?key=abc");
        let header = target.authorization().unwrap();
        assert_eq!(header.to_str().unwrap(), format!("Basic {}", STANDARD.encode("cleo:s:cret")));
        assert!(header.is_sensitive());
        assert!("https://example.com".parse::<Target>().unwrap().authorization().is_none());
    }

    #[test]
    fn a_redirect_stays_encrypted_and_takes_no_password_along() {
        let from: Target = "https://cleo:secret@example.com/a/b".parse().unwrap();
        assert_eq!(from.redirected("../c").unwrap().expose(), "https://cleo:secret@example.com/c");
        assert!(from.redirected("https://other.example/c").unwrap().authorization().is_none());
        assert!(from.redirected("http://example.com/c").is_none());
        assert!(from.redirected("ftp://example.com/c").is_none());
        let plain: Target = "http://example.com/a".parse().unwrap();
        assert!(plain.redirected("https://example.com/a").is_some());
    }
}
