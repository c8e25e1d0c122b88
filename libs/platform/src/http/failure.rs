//! The error envelope, and what makes sure that no other kind of error ever leaves.

use std::{any::Any, borrow::Cow, time::Duration};

use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde::Serialize;
use souk_kernel::{Detail, ErrorKind, Problem};

use super::envelope;

/// A [`Problem`] as an HTTP answer, with `Retry-After` and `WWW-Authenticate` where they belong.
#[derive(Debug)]
pub struct Failure(pub Problem);

/// The code of an error answer, left in the response's extensions for the request log.
#[derive(Clone, Debug)]
pub struct ErrorCode(pub Cow<'static, str>);

/// `error` of the error envelope.
#[derive(Debug, Serialize)]
struct ErrorBody<'a> {
    /// A stable `snake_case` word.
    code: &'a str,
    /// A sentence for people.
    message: &'a str,
    /// Every field concerned.
    details: &'a [Detail],
}

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        Self(problem)
    }
}

impl Failure {
    pub(crate) fn encoding(error: &serde_json::Error) -> Self {
        tracing::error!(%error, "an answer could not be encoded");
        Self(Problem::internal())
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let Problem { kind, code, message, details, retry_after } = self.0;
        let mut headers = HeaderMap::new();
        if let Some(after) = retry_after {
            headers.insert(header::RETRY_AFTER, whole_seconds(after).into());
        }
        if kind == ErrorKind::Unauthenticated {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        error_response(status_of(kind), code, &message, &details, headers)
    }
}

/// `Retry-After` counts whole seconds; never too early, and never at once.
fn whole_seconds(after: Duration) -> u64 {
    (after.as_secs() + u64::from(after.subsec_nanos() > 0)).max(1)
}

/// The HTTP status of a kind of problem.
#[must_use]
pub const fn status_of(kind: ErrorKind) -> StatusCode {
    match kind {
        ErrorKind::Malformed => StatusCode::BAD_REQUEST,
        ErrorKind::Unauthenticated => StatusCode::UNAUTHORIZED,
        ErrorKind::Forbidden => StatusCode::FORBIDDEN,
        ErrorKind::NotFound => StatusCode::NOT_FOUND,
        ErrorKind::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
        ErrorKind::Conflict => StatusCode::CONFLICT,
        ErrorKind::VersionLost => StatusCode::PRECONDITION_FAILED,
        ErrorKind::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        ErrorKind::UnsupportedType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        ErrorKind::Invalid => StatusCode::UNPROCESSABLE_ENTITY,
        ErrorKind::RateLimited => StatusCode::TOO_MANY_REQUESTS,
        ErrorKind::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        ErrorKind::Internal => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

fn error_response(
    status: StatusCode,
    code: Cow<'static, str>,
    message: &str,
    details: &[Detail],
    headers: HeaderMap,
) -> Response {
    let mut out = Vec::with_capacity(envelope::ROOM + message.len() + 64 * details.len());
    out.extend_from_slice(br#"{"status":"error","error":"#);
    let body = ErrorBody { code: &code, message, details };
    serde_json::to_writer(&mut out, &body).expect("texts can always be encoded");
    envelope::finish(&mut out, None);
    let mut response = envelope::response(status, out, headers);
    response.extensions_mut().insert(ErrorCode(code));
    response
}

/// Fallback of a router: 404 in the envelope.
pub async fn not_found() -> Response {
    Failure(Problem::new(ErrorKind::NotFound, "not_found", "there is nothing at this path")).into_response()
}

/// `method_not_allowed_fallback` of a router: 405 in the envelope; axum adds `Allow`.
pub async fn method_not_allowed() -> Response {
    let problem =
        Problem::new(ErrorKind::MethodNotAllowed, "method_not_allowed", "this path does not have this method");
    Failure(problem).into_response()
}

/// For `CatchPanicLayer::custom`: 500 in the envelope, the panic's message in the log.
pub fn panicked(panic: Box<dyn Any + Send + 'static>) -> Response {
    let text = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
    tracing::error!(panic = text.unwrap_or("not a text"), "a handler panicked");
    drop(panic);
    Failure(Problem::internal()).into_response()
}

/// For `map_response` around everything: an error that something below made as plain text or without a body (a layer, a
/// library's extractor) gets the envelope. JSON and HTML stay as they are.
pub async fn dress(response: Response) -> Response {
    let status = response.status();
    if !(status.is_client_error() || status.is_server_error()) {
        return response;
    }
    let plain =
        response.headers().get(header::CONTENT_TYPE).is_none_or(|kind| kind.as_bytes().starts_with(b"text/plain"));
    if !plain {
        return response;
    }
    let mut headers = response.headers().clone();
    for name in [header::CONTENT_TYPE, header::CONTENT_LENGTH, header::CONTENT_ENCODING] {
        headers.remove(name);
    }
    let (code, message) = words_for(status);
    error_response(status, code.into(), message, &[], headers)
}

fn words_for(status: StatusCode) -> (&'static str, &'static str) {
    match status.as_u16() {
        401 => ("unauthenticated", "a valid token is needed"),
        403 => ("forbidden", "this is not allowed"),
        404 => ("not_found", "there is nothing at this path"),
        405 => ("method_not_allowed", "this path does not have this method"),
        408 => ("request_timeout", "the request took too long to arrive"),
        409 => ("conflict", "the state does not permit it"),
        412 => ("version_lost", "it was changed meanwhile; read it again and repeat"),
        413 => ("too_large", "the request is too large"),
        414 => ("uri_too_long", "the address is too long"),
        415 => ("unsupported_type", "this content type is not accepted here"),
        422 => ("invalid", "some fields are not acceptable"),
        429 => ("rate_limited", "too many requests"),
        431 => ("headers_too_large", "the headers are too large"),
        503 | 504 => ("unavailable", "not now; try again"),
        400..500 => ("malformed", "the request can't be read"),
        _ => ("internal", "something went wrong on our side"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::http::testing::body_of;

    #[tokio::test]
    async fn a_problem_becomes_the_error_envelope() {
        let problem = Problem::new(ErrorKind::Unavailable, "busy", "not now")
            .detail("items[0]", "waits")
            .retry_after(Duration::from_millis(1200));
        let answer = Failure(problem).into_response();
        assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(answer.headers()[header::RETRY_AFTER], "2");
        assert_eq!(answer.extensions().get::<ErrorCode>().unwrap().0, "busy");
        let body = body_of(answer).await;
        assert_eq!(body["status"], "error");
        let details = json!([{"field": "items[0]", "message": "waits"}]);
        assert_eq!(body["error"], json!({"code": "busy", "message": "not now", "details": details}));
        assert!(body["meta"]["request_id"].is_string());
    }

    #[tokio::test]
    async fn plain_errors_are_dressed_and_others_left_alone() {
        let bare = (StatusCode::PAYLOAD_TOO_LARGE, [(header::ALLOW, "GET")], "length limit exceeded").into_response();
        let dressed = dress(bare).await;
        assert_eq!(dressed.headers()[header::ALLOW], "GET");
        assert_eq!(body_of(dressed).await["error"]["code"], "too_large");
        let page = dress((StatusCode::NOT_FOUND, axum::response::Html("gone")).into_response()).await;
        assert_eq!(page.headers()[header::CONTENT_TYPE], "text/html; charset=utf-8");
    }
}
