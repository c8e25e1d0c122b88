//! The success envelope, written straight into one buffer.

use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use serde::Serialize;
use souk_kernel::Page;

use super::{conditional::etag, envelope, failure::Failure};

/// An answer in the success envelope.
///
/// `T` is anything serialisable, or [`Encoded`] for data that lies ready as JSON.
#[derive(Debug)]
pub struct Reply<T> {
    status: StatusCode,
    headers: HeaderMap,
    data: T,
}

impl<T> Reply<T> {
    fn new(status: StatusCode, data: T) -> Self {
        Self { status, headers: HeaderMap::new(), data }
    }

    /// 200
    pub fn ok(data: T) -> Self {
        Self::new(StatusCode::OK, data)
    }

    /// 201
    pub fn created(data: T) -> Self {
        Self::new(StatusCode::CREATED, data)
    }

    /// 202
    pub fn accepted(data: T) -> Self {
        Self::new(StatusCode::ACCEPTED, data)
    }

    /// Adds a header. A value that can't stand in a header is left out and logged.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: impl TryInto<HeaderValue>) -> Self {
        if let Ok(value) = value.try_into() {
            self.headers.insert(name, value);
        } else {
            tracing::error!(header = %name, "a header value is not valid and was left out");
        }
        self
    }

    /// Says which version of the thing this is.
    #[must_use]
    pub fn etag(self, version: i64) -> Self {
        self.header(header::ETAG, etag(version))
    }
}

impl Reply<Encoded> {
    /// 200 around data that lies ready as JSON, for example in a cache.
    #[must_use]
    pub fn raw(data: Encoded) -> Self {
        Self::ok(data)
    }
}

impl<T: Payload> IntoResponse for Reply<T> {
    fn into_response(self) -> Response {
        let mut out = Vec::with_capacity(self.data.size_hint() + envelope::ROOM);
        out.extend_from_slice(br#"{"status":"success","data":"#);
        if let Err(error) = self.data.write(&mut out) {
            return Failure::encoding(&error).into_response();
        }
        envelope::finish(&mut out, self.data.page());
        envelope::response(self.status, out, self.headers)
    }
}

/// What can stand in `data`: anything serialisable, or [`Encoded`].
pub trait Payload {
    /// Appends the JSON of `data`.
    fn write(&self, out: &mut Vec<u8>) -> serde_json::Result<()>;
    /// The JSON of `meta.page`, when this is a list.
    fn page(&self) -> Option<&[u8]> {
        None
    }
    /// About how many bytes [`Payload::write`] will append.
    fn size_hint(&self) -> usize {
        512
    }
}

impl<T: Serialize> Payload for T {
    fn write(&self, out: &mut Vec<u8>) -> serde_json::Result<()> {
        serde_json::to_writer(out, self)
    }
}

/// `data`, and for a list `meta.page`, as JSON bytes that were encoded once and can be served many times.
#[derive(Clone, Debug)]
pub struct Encoded {
    data: Bytes,
    page: Option<Bytes>,
}

impl Encoded {
    /// Encodes one thing.
    pub fn of<T: Serialize>(data: &T) -> serde_json::Result<Self> {
        Ok(Self { data: serde_json::to_vec(data)?.into(), page: None })
    }

    /// Encodes one page of a list.
    pub fn of_page<T: Serialize>(page: &Page<T>) -> serde_json::Result<Self> {
        Ok(Self {
            data: serde_json::to_vec(&page.items)?.into(),
            page: Some(serde_json::to_vec(&PageMeta::of(page))?.into()),
        })
    }

    /// Takes bytes that are known to be one JSON value (and for a list the JSON of `meta.page`), as a cache gives them back.
    #[must_use]
    pub fn from_parts(data: Bytes, page: Option<Bytes>) -> Self {
        Self { data, page }
    }

    /// The bytes of `data` and of `meta.page`.
    #[must_use]
    pub fn into_parts(self) -> (Bytes, Option<Bytes>) {
        (self.data, self.page)
    }

    /// How many bytes it holds; what it weighs in a cache.
    #[must_use]
    pub fn size(&self) -> usize {
        self.data.len() + self.page.as_ref().map_or(0, Bytes::len)
    }
}

impl Payload for Encoded {
    fn write(&self, out: &mut Vec<u8>) -> serde_json::Result<()> {
        out.extend_from_slice(&self.data);
        Ok(())
    }
    fn page(&self) -> Option<&[u8]> {
        self.page.as_deref()
    }
    fn size_hint(&self) -> usize {
        self.size()
    }
}

/// A page of a list: `data` is an array and `meta.page` says where in the list it stands.
#[derive(Debug)]
pub struct List<T>(pub Page<T>);

impl<T: Serialize> IntoResponse for List<T> {
    fn into_response(self) -> Response {
        Encoded::of_page(&self.0)
            .map_or_else(|error| Failure::encoding(&error).into_response(), |page| Reply::raw(page).into_response())
    }
}

/// 204, no body.
#[derive(Clone, Copy, Debug)]
pub struct NoContent;

impl IntoResponse for NoContent {
    fn into_response(self) -> Response {
        StatusCode::NO_CONTENT.into_response()
    }
}

/// `meta.page` of a list.
#[derive(Debug, Serialize)]
struct PageMeta<'a> {
    /// Rows asked for.
    limit: u64,
    /// Rows skipped.
    offset: u64,
    /// Rows in all.
    total: u64,
    /// Where the next page begins; null on the last one.
    next_cursor: Option<&'a str>,
}

impl<'a> PageMeta<'a> {
    fn of<T>(page: &'a Page<T>) -> Self {
        Self { limit: page.limit, offset: page.offset, total: page.total, next_cursor: page.next_cursor.as_deref() }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::{context, http::testing::body_of};

    #[tokio::test]
    async fn a_reply_is_wrapped_in_the_envelope() {
        let answer = context::scope(context::Context::with_request_id("req_1"), async {
            Reply::created(json!({"id": 5})).etag(7).header(header::LOCATION, "/x").into_response()
        });
        let answer = answer.await;
        assert_eq!(answer.status(), StatusCode::CREATED);
        assert_eq!(answer.headers()[header::ETAG], "\"7\"");
        assert_eq!(answer.headers()[header::CONTENT_TYPE], "application/json");
        let body = body_of(answer).await;
        assert_eq!((&body["status"], &body["data"]), (&json!("success"), &json!({"id": 5})));
        assert_eq!(body["meta"]["request_id"], "req_1");
        let time = body["meta"]["timestamp"].as_str().unwrap();
        assert!(time.len() == 20 && time.ends_with('Z'), "{time}");
    }

    #[tokio::test]
    async fn a_list_and_its_encoded_form_read_the_same() {
        let page = Page { items: vec![1, 2], limit: 2, offset: 4, total: 9, next_cursor: Some("abc".to_owned()) };
        let encoded = body_of(Reply::raw(Encoded::of_page(&page).unwrap()).into_response()).await;
        let list = body_of(List(page).into_response()).await;
        assert_eq!(list["data"], json!([1, 2]));
        assert_eq!(list["meta"]["page"], json!({"limit": 2, "offset": 4, "total": 9, "next_cursor": "abc"}));
        assert_eq!((&list["data"], &list["meta"]["page"]), (&encoded["data"], &encoded["meta"]["page"]));
        assert_ne!(list["meta"]["request_id"], Value::Null);
    }
}
