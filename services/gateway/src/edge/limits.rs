//! Limits on what is sent to us, checked before anything of it is read.

use std::time::Duration;

use axum::extract::Request;
use http::{HeaderMap, StatusCode, header};
use souk_kernel::{ErrorKind, Problem};

use super::Refusal;
use crate::config::Config;

/// In bytes: a search for ten thousand characters, each of them escaped.
const MAX_URI: usize = 32 * 1024;
/// All headers together, in bytes.
const MAX_HEADERS: usize = 32 * 1024;

pub(super) struct Limits {
    body: usize,
    upload: usize,
    request_timeout: Duration,
    upload_timeout: Duration,
}

impl Limits {
    pub(super) fn new(config: &Config) -> Self {
        Self {
            body: config.body_limit,
            upload: config.upload_limit,
            request_timeout: config.request_timeout,
            upload_timeout: config.upload_timeout,
        }
    }

    /// How long the request may take, if its sizes are acceptable. A body without a length is measured by whoever reads it.
    pub(super) fn check(&self, request: &Request) -> Result<Duration, Refusal> {
        if request.uri().path_and_query().is_some_and(|text| text.as_str().len() > MAX_URI) {
            return Err(Refusal::Bare(StatusCode::URI_TOO_LONG));
        }
        let headers = request.headers();
        if headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum::<usize>() > MAX_HEADERS {
            return Err(Refusal::Bare(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE));
        }
        let carries_files = carries_files(headers);
        let (most, time) =
            if carries_files { (self.upload, self.upload_timeout) } else { (self.body, self.request_timeout) };
        if content_length(headers).is_some_and(|length| length > most as u64) {
            let message = format!("a request's body may have at most {most} bytes");
            return Err(Refusal::Problem(Problem::new(ErrorKind::TooLarge, "too_large", message)));
        }
        Ok(time)
    }
}

fn carries_files(headers: &HeaderMap) -> bool {
    headers.get(header::CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"multipart/"))
}

fn content_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}
