//! Headers that every answer has.

use axum::{http::HeaderName, response::Response};
use http::{HeaderMap, HeaderValue, header};
use souk_platform::context::{self, REQUEST_ID_HEADER};

const NOSNIFF: HeaderValue = HeaderValue::from_static("nosniff");
const DENY: HeaderValue = HeaderValue::from_static("DENY");
const REFERRER: HeaderValue = HeaderValue::from_static("strict-origin-when-cross-origin");
const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");
const HTTPS_ONLY: HeaderValue = HeaderValue::from_static("max-age=63072000; includeSubDomains");
const BY_ENCODING: HeaderValue = HeaderValue::from_static("accept-encoding");

/// An answer for programs: a browser that is made to show it may load and run nothing.
const CSP_DATA: HeaderValue = HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'");
/// A page that did not say otherwise: only what comes from here.
const CSP_PAGE: HeaderValue = HeaderValue::from_static(
    "default-src 'self'; img-src 'self' https: data:; style-src 'self' 'unsafe-inline'; object-src 'none'; base-uri 'none'; \
     frame-ancestors 'none'",
);

/// Whether the client takes gzip. `gzip;q=0` is rare enough to be left to the compression itself.
pub(super) fn accepts_gzip(headers: &HeaderMap) -> bool {
    headers.get_all(header::ACCEPT_ENCODING).iter().any(|value| {
        value.as_bytes().windows(4).any(|window| window.eq_ignore_ascii_case(b"gzip")) || value.as_bytes() == b"*"
    })
}

/// Adds what the handler did not set.
pub(super) fn finish(response: &mut Response, secure: bool) {
    let page =
        response.headers().get(header::CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"));
    // What nobody called cacheable is somebody's own.
    let private = !response.headers().contains_key(header::ETAG);
    let headers = response.headers_mut();
    if let Ok(id) = HeaderValue::from_str(&context::current().request_id) {
        headers.insert(REQUEST_ID_HEADER, id);
    }
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, NOSNIFF);
    let mut default = |name: HeaderName, value: HeaderValue| {
        headers.entry(name).or_insert(value);
    };
    default(header::CONTENT_SECURITY_POLICY, if page { CSP_PAGE } else { CSP_DATA });
    default(header::X_FRAME_OPTIONS, DENY);
    default(header::REFERRER_POLICY, REFERRER);
    default(header::VARY, BY_ENCODING);
    if private {
        default(header::CACHE_CONTROL, NO_STORE);
    }
    if secure {
        default(header::STRICT_TRANSPORT_SECURITY, HTTPS_ONLY);
    }
}
