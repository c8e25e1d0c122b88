//! Calls over HTTP.

use std::{future::IntoFuture, pin::Pin, sync::Arc};

use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use reqwest::{Body, RequestBuilder, multipart::Form};
use serde_json::Value;

use crate::{Answer, Stream};

/// Somebody who calls the marketplace, with the headers that they always send. Cheap to clone.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    url: Arc<str>,
    prefix: &'static str,
    headers: HeaderMap,
}

impl Client {
    pub(crate) fn new(url: &str) -> Self {
        let http = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(crate::PATIENCE * 2)
            .build()
            .expect("a client without TLS can always be built");
        Self { http, url: url.into(), prefix: "/api/v1", headers: HeaderMap::new() }
    }

    /// Where it calls.
    pub fn url(&self) -> &str {
        &self.url
    }

    pub(crate) fn moved_to(&self, url: &str) -> Self {
        Self { url: url.into(), ..self.clone() }
    }

    /// The same, with paths from the root instead of `/api/v1`.
    #[must_use]
    pub fn at_root(&self) -> Self {
        Self { prefix: "", ..self.clone() }
    }

    /// The same, sending this header with every call.
    #[must_use]
    pub fn with(&self, name: &'static str, value: &str) -> Self {
        let mut client = self.clone();
        client.headers.insert(HeaderName::from_static(name), HeaderValue::from_str(value).expect("a header's value"));
        client
    }

    /// The same, logged in with this access token.
    #[must_use]
    pub fn with_token(&self, token: &str) -> Self {
        self.with("authorization", &format!("Bearer {token}"))
    }

    /// A call.
    pub fn call(&self, method: Method, path: &str) -> Call {
        let asked = format!("{method} {}{path}", self.prefix);
        let request =
            self.http.request(method, format!("{}{}{path}", self.url, self.prefix)).headers(self.headers.clone());
        Call { request, asked }
    }

    /// GET
    pub fn get(&self, path: &str) -> Call {
        self.call(Method::GET, path)
    }

    /// DELETE
    pub fn delete(&self, path: &str) -> Call {
        self.call(Method::DELETE, path)
    }

    /// POST of a JSON body.
    pub fn post(&self, path: &str, body: &Value) -> Call {
        self.call(Method::POST, path).json(body)
    }

    /// PUT of a JSON body.
    pub fn put(&self, path: &str, body: &Value) -> Call {
        self.call(Method::PUT, path).json(body)
    }

    /// PATCH of a JSON body.
    pub fn patch(&self, path: &str, body: &Value) -> Call {
        self.call(Method::PATCH, path).json(body)
    }

    /// POST without a body.
    pub fn post_empty(&self, path: &str) -> Call {
        self.call(Method::POST, path)
    }
}

/// A call that can still be given headers and a body; awaiting it sends it.
#[must_use = "awaiting it sends it"]
pub struct Call {
    request: RequestBuilder,
    asked: String,
}

impl Call {
    /// Adds a header. Anything that HTTP can carry, also what no text may hold.
    pub fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        let value = HeaderValue::from_bytes(value.as_ref()).expect("a header's value");
        self.request = self.request.header(name, value);
        self
    }

    /// With an `Idempotency-Key`.
    pub fn key(self, key: &str) -> Self {
        self.header("idempotency-key", key)
    }

    /// If the thing still has this version.
    pub fn if_match(self, etag: &str) -> Self {
        self.header("if-match", etag)
    }

    /// With a JSON body.
    pub fn json(mut self, body: &Value) -> Self {
        self.asked = format!("{} {}", self.asked, shortened(&body.to_string()));
        self.bytes("application/json", body.to_string())
    }

    /// With any body.
    pub fn bytes(mut self, kind: &str, body: impl Into<Body>) -> Self {
        self.request = self.request.header(header::CONTENT_TYPE, kind).body(body);
        self
    }

    /// With files.
    pub fn form(mut self, form: Form) -> Self {
        self.request = self.request.multipart(form);
        self
    }

    /// Sends it and reads the answer; `Err` when no answer came (the server hung up, or went down).
    pub async fn attempt(self) -> Result<Answer, reqwest::Error> {
        let response = self.request.send().await?;
        let (status, headers) = (response.status(), response.headers().clone());
        let bytes = response.bytes().await?.to_vec();
        Ok(Answer::new(self.asked, status, headers, bytes))
    }

    /// Sends it and reads the answer, whatever it is; without the checks that every answer gets.
    pub async fn unchecked(self) -> Answer {
        let asked = self.asked.clone();
        self.attempt().await.unwrap_or_else(|error| panic!("{asked}: no answer: {error:?}"))
    }

    /// Sends it and reads the head of the answer, then its server-sent events as they come.
    pub async fn stream(self) -> Stream {
        let asked = self.asked;
        let response = self.request.send().await.unwrap_or_else(|error| panic!("{asked}: no answer: {error:?}"));
        Stream::new(asked, response)
    }
}

impl IntoFuture for Call {
    type Output = Answer;
    type IntoFuture = Pin<Box<dyn Future<Output = Answer> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move { self.unchecked().await.checked() })
    }
}

fn shortened(text: &str) -> String {
    if text.chars().count() <= 300 { text.to_owned() } else { text.chars().take(300).chain("…".chars()).collect() }
}
