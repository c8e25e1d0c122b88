//! Versions in HTTP: `ETag`, `If-Match` for writes, `If-None-Match` for reads.

use std::convert::Infallible;

use axum::{
    extract::FromRequestParts,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header, request::Parts};
use souk_kernel::Problem;

use super::{Failure, params::single_header};

/// The entity tag of a version: `"7"`.
#[must_use]
pub fn etag(version: i64) -> HeaderValue {
    HeaderValue::try_from(format!("\"{version}\"")).expect("digits and quotes may stand in a header")
}

/// The version that the caller saw, from `If-Match`. `*` and an absent header make the write unconditional; what isn't
/// one of our tags is 400. A tag weakened on its way (`W/"7"`) counts, because a compressing proxy may do that.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct IfMatch(pub Option<i64>);

impl<S: Sync> FromRequestParts<S> for IfMatch {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Failure> {
        let Some(given) = single_header(&parts.headers, &header::IF_MATCH)? else { return Ok(Self(None)) };
        if given == "*" {
            return Ok(Self(None));
        }
        let tag = given.strip_prefix("W/").unwrap_or(given);
        let version = tag.strip_prefix('"').and_then(|tag| tag.strip_suffix('"')).and_then(|tag| tag.parse().ok());
        match version {
            Some(version) => Ok(Self(Some(version))),
            None => Err(Failure(Problem::malformed("If-Match", "must be the ETag of the version you saw, like \"7\""))),
        }
    }
}

/// What the caller already holds, from `If-None-Match`.
#[derive(Clone, Debug)]
pub struct IfNoneMatch(Vec<HeaderValue>);

impl IfNoneMatch {
    /// Whether the caller holds the thing with this tag; answer [`NotModified`] then. Compared weakly (RFC 9110 13.1.2).
    #[must_use]
    pub fn holds(&self, tag: &HeaderValue) -> bool {
        let wanted = weak(tag.as_bytes());
        self.0.iter().flat_map(|line| line.as_bytes().split(|byte| *byte == b',')).any(|given| {
            let given = given.trim_ascii();
            given == b"*" || weak(given) == wanted
        })
    }
}

fn weak(tag: &[u8]) -> &[u8] {
    tag.strip_prefix(b"W/").unwrap_or(tag)
}

impl<S: Sync> FromRequestParts<S> for IfNoneMatch {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self(parts.headers.get_all(header::IF_NONE_MATCH).iter().cloned().collect()))
    }
}

/// 304 with the tag that the caller holds and the headers that the full answer would have had.
#[derive(Clone, Debug)]
pub struct NotModified(HeaderMap);

impl NotModified {
    /// The caller's copy with this tag is still good.
    #[must_use]
    pub fn new(tag: HeaderValue) -> Self {
        Self(HeaderMap::from_iter([(header::ETAG, tag)]))
    }

    /// Adds a header, such as `Cache-Control`.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.0.insert(name, value);
        self
    }
}

impl IntoResponse for NotModified {
    fn into_response(self) -> Response {
        (StatusCode::NOT_MODIFIED, self.0).into_response()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::testing::parts;

    async fn if_match(value: &str) -> Result<Option<i64>, Failure> {
        IfMatch::from_request_parts(&mut parts("/", &[("if-match", value)]), &()).await.map(|found| found.0)
    }

    #[tokio::test]
    async fn if_match_names_a_version() {
        assert_eq!(if_match("\"7\"").await.unwrap(), Some(7));
        assert_eq!(if_match("W/\"7\"").await.unwrap(), Some(7));
        assert_eq!(if_match("*").await.unwrap(), None);
        for bad in ["7", "\"x\"", "\"7\", \"8\"", "\""] {
            assert_eq!(if_match(bad).await.unwrap_err().0.details[0].field, "If-Match", "{bad}");
        }
    }

    #[tokio::test]
    async fn a_held_copy_is_recognised() {
        let mut parts = parts("/", &[("if-none-match", "\"1\", W/\"2\"")]);
        let Ok(held) = IfNoneMatch::from_request_parts(&mut parts, &()).await;
        assert!(held.holds(&etag(1)) && held.holds(&etag(2)) && !held.holds(&etag(3)));
    }
}
