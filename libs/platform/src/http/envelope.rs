//! The frame around every answer: what is the same for success and failure.

use axum::{
    body::Body,
    response::{IntoResponse, Response},
};
use chrono::SecondsFormat;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use souk_kernel::Clock;

use crate::context;

/// Bytes that the frame takes besides the data.
pub(super) const ROOM: usize = 256;

/// Appends `,"meta":{…}}`. The time is the system's, whatever clock the services run by: it tells the client when this
/// answer left, and nothing is decided by it.
pub(super) fn finish(out: &mut Vec<u8>, page: Option<&[u8]>) {
    out.extend_from_slice(br#","meta":{"request_id":"#);
    serde_json::to_writer(&mut *out, &*context::current().request_id).expect("a string can always be encoded");
    out.extend_from_slice(br#","timestamp":""#);
    out.extend_from_slice(Clock::system().now().to_rfc3339_opts(SecondsFormat::Secs, true).as_bytes());
    out.push(b'"');
    if let Some(page) = page {
        out.extend_from_slice(br#","page":"#);
        out.extend_from_slice(page);
    }
    out.extend_from_slice(b"}}");
}

pub(super) fn response(status: StatusCode, json: Vec<u8>, headers: HeaderMap) -> Response {
    let mut response = (status, Body::from(json)).into_response();
    *response.headers_mut() = headers;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
