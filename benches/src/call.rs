//! A request to the public interface, and its answer.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::error::Error;

/// A request, ready to be sent any number of times.
#[derive(Clone, Debug)]
pub struct Call {
    pub method: Method,
    pub path: Bytes,
    pub headers: HeaderMap,
    pub body: Bytes,
    /// Whether a call whose answer was lost may be sent again.
    pub repeatable: bool,
}

impl Call {
    pub fn get(path: impl Into<String>) -> Self {
        Self::new(Method::GET, path.into())
    }

    pub fn delete(path: impl Into<String>) -> Self {
        Self::new(Method::DELETE, path.into())
    }

    /// A POST without a body.
    pub fn post_empty(path: impl Into<String>) -> Self {
        Self::new(Method::POST, path.into())
    }

    pub fn post(path: impl Into<String>, body: &impl Serialize) -> Self {
        let mut call = Self::post_empty(path);
        call.body = serde_json::to_vec(body).expect("requests have string keys only").into();
        call.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        call
    }

    pub fn put(path: impl Into<String>, body: &impl Serialize) -> Self {
        Self { method: Method::PUT, ..Self::post(path, body) }
    }

    fn new(method: Method, path: String) -> Self {
        let repeatable = method.is_idempotent();
        Self { method, path: path.into(), headers: HeaderMap::new(), body: Bytes::new(), repeatable }
    }

    /// Sets a header; one that can't be sent as it is (never so for tokens and keys) is left out.
    pub fn header(mut self, name: HeaderName, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.insert(name, value);
        }
        self
    }

    pub fn bearer(self, token: &str) -> Self {
        self.header(header::AUTHORIZATION, &format!("Bearer {token}"))
    }

    pub fn idempotency_key(self, key: &str) -> Self {
        self.header(IDEMPOTENCY_KEY, key).repeatable()
    }

    /// Says that sending it twice does no harm to this run.
    pub fn repeatable(mut self) -> Self {
        self.repeatable = true;
        self
    }
}

pub const CART_TOKEN: HeaderName = HeaderName::from_static("x-cart-token");
pub const ORDER_TOKEN: HeaderName = HeaderName::from_static("x-order-token");
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// An answer, read to its end.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

/// One page of a list.
#[derive(Debug)]
pub struct Page<T> {
    pub rows: Vec<T>,
    pub total: u64,
    pub next_cursor: Option<String>,
}

#[derive(Deserialize)]
struct Envelope<T> {
    data: T,
    #[serde(default)]
    meta: Meta,
}

#[derive(Default, Deserialize)]
struct Meta {
    page: Option<PageMeta>,
}

#[derive(Deserialize)]
struct PageMeta {
    total: u64,
    next_cursor: Option<String>,
}

#[derive(Default, Deserialize)]
struct Failure {
    error: FailureBody,
}

#[derive(Default, Deserialize)]
struct FailureBody {
    code: String,
    message: String,
    #[serde(default)]
    details: Vec<FieldFault>,
}

#[derive(Deserialize)]
struct FieldFault {
    field: String,
    message: String,
}

impl Answer {
    /// The answer if it is a success or a redirection, else the refusal.
    pub fn accepted(self, step: &'static str) -> Result<Self, Error> {
        if self.status.is_success() || self.status.is_redirection() {
            return Ok(self);
        }
        let FailureBody { code, mut message, details } =
            serde_json::from_slice::<Failure>(&self.body).unwrap_or_default().error;
        for FieldFault { field, message: fault } in details {
            message = format!("{message}; {field}: {fault}");
        }
        Err(Error::Refused { step, status: self.status, code, message })
    }

    /// Status and code of a refusal, as [`Error::outcome`] has them; `None` of a success or a redirection.
    pub fn refusal(&self) -> Option<String> {
        if self.status.is_success() || self.status.is_redirection() {
            return None;
        }
        let code = serde_json::from_slice::<Failure>(&self.body).unwrap_or_default().error.code;
        Some(format!("{} {code}", self.status.as_u16()))
    }

    /// The `data` of a success.
    pub fn data<T: DeserializeOwned>(self, step: &'static str) -> Result<T, Error> {
        let answer = self.accepted(step)?;
        let envelope: Envelope<T> =
            serde_json::from_slice(&answer.body).map_err(|cause| Error::Unreadable { step, cause })?;
        Ok(envelope.data)
    }

    /// One page of a list.
    pub fn page<T: DeserializeOwned>(self, step: &'static str) -> Result<Page<T>, Error> {
        let answer = self.accepted(step)?;
        let envelope: Envelope<Vec<T>> =
            serde_json::from_slice(&answer.body).map_err(|cause| Error::Unreadable { step, cause })?;
        let page = envelope.meta.page.unwrap_or(PageMeta { total: 0, next_cursor: None });
        Ok(Page { rows: envelope.data, total: page.total, next_cursor: page.next_cursor })
    }

    /// Where the next page begins, when the answer is a page that has one.
    pub fn next_cursor(&self) -> Option<String> {
        let envelope: Envelope<serde::de::IgnoredAny> = serde_json::from_slice(&self.body).ok()?;
        envelope.meta.page?.next_cursor
    }

    /// The value of a header that is plain text.
    pub fn text_header(&self, name: &HeaderName) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// When the server asks to be tried again.
    pub fn retry_after(&self) -> Option<Duration> {
        self.text_header(&header::RETRY_AFTER)?.parse().ok().map(|seconds| Duration::from_secs(seconds).min(MAX_WAIT))
    }
}

const MAX_WAIT: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: StatusCode, body: &'static str) -> Answer {
        Answer { status, headers: HeaderMap::new(), body: Bytes::from_static(body.as_bytes()) }
    }

    #[test]
    fn a_refusal_names_its_code_and_fields() {
        let body =
            r#"{"status":"error","error":{"code":"invalid","message":"no","details":[{"field":"a","message":"b"}]}}"#;
        let error = answer(StatusCode::UNPROCESSABLE_ENTITY, body).data::<()>("try").unwrap_err();
        assert_eq!(error.outcome(), "422 invalid");
        assert_eq!(error.to_string(), "try: 422 Unprocessable Entity invalid: no; a: b");
        assert_eq!(answer(StatusCode::BAD_GATEWAY, "<html>").accepted("try").unwrap_err().outcome(), "502 ");
    }

    #[test]
    fn a_page_carries_its_total_and_cursor() {
        let body = r#"{"status":"success","data":[1,2],"meta":{"page":{"total":9,"next_cursor":"c"}}}"#;
        let page = answer(StatusCode::OK, body).page::<u8>("list").unwrap();
        assert_eq!((page.rows, page.total, page.next_cursor.as_deref()), (vec![1, 2], 9, Some("c")));
    }
}
