//! JSON request bodies.

use axum::extract::{FromRequest, Request};
use bytes::Bytes;
use garde::Validate;
use http::{HeaderMap, StatusCode, header};
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};
use souk_kernel::{ErrorKind, Problem};

use super::{Failure, json};

/// A JSON body, read strictly and checked by its rules.
///
/// 400 `malformed`: not JSON, wrong type, unknown or duplicate field (give `T` `deny_unknown_fields`). 413 `too_large`.
/// 415 `unsupported_type`: not `application/json`. 422 `invalid`: missing fields and unacceptable values, all at once.
#[derive(Debug)]
pub struct Body<T>(pub T);

/// As [`Body`], where no body at all means `{}`.
#[derive(Debug)]
pub struct OptionalBody<T>(pub T);

/// Any body extractor, with the SHA-256 of the request (method, path and raw body) for [`super::idempotent`].
///
/// `Hashed { body: Body(order), hash }: Hashed<Body<PlaceOrder>>`
#[derive(Debug)]
pub struct Hashed<B> {
    /// What the inner extractor made.
    pub body: B,
    /// Equal for equal requests.
    pub hash: [u8; 32],
}

impl<S, T> FromRequest<S> for Body<T>
where
    S: Send + Sync,
    T: DeserializeOwned + Validate<Context = ()>,
{
    type Rejection = Failure;

    async fn from_request(request: Request, state: &S) -> Result<Self, Failure> {
        let (headers, bytes) = take(request, state).await?;
        if bytes.is_empty() {
            return Err(Failure(Problem::new(ErrorKind::Malformed, "malformed", "a JSON body is needed")));
        }
        is_json(&headers)?;
        Ok(Self(json::parse(&bytes)?))
    }
}

impl<S, T> FromRequest<S> for OptionalBody<T>
where
    S: Send + Sync,
    T: DeserializeOwned + Validate<Context = ()>,
{
    type Rejection = Failure;

    async fn from_request(request: Request, state: &S) -> Result<Self, Failure> {
        let (headers, bytes) = take(request, state).await?;
        if bytes.is_empty() {
            return Ok(Self(json::parse(b"{}")?));
        }
        is_json(&headers)?;
        Ok(Self(json::parse(&bytes)?))
    }
}

impl<S, B> FromRequest<S> for Hashed<B>
where
    S: Send + Sync,
    B: FromRequest<S>,
    Failure: From<B::Rejection>,
{
    type Rejection = Failure;

    async fn from_request(request: Request, state: &S) -> Result<Self, Failure> {
        let (parts, body) = request.into_parts();
        let bytes = Bytes::from_request(Request::from_parts(parts.clone(), body), state).await.map_err(unread)?;
        let hash = Sha256::new()
            .chain_update(parts.method.as_str())
            .chain_update(b" ")
            .chain_update(parts.uri.path())
            .chain_update(b"\n")
            .chain_update(&bytes)
            .finalize()
            .into();
        let body = B::from_request(Request::from_parts(parts, bytes.into()), state).await?;
        Ok(Self { body, hash })
    }
}

async fn take<S: Send + Sync>(request: Request, state: &S) -> Result<(HeaderMap, Bytes), Failure> {
    let headers = request.headers().clone();
    let bytes = Bytes::from_request(request, state).await.map_err(unread)?;
    Ok((headers, bytes))
}

/// The raw body, for what is signed (webhooks). 413 when it is too large.
#[derive(Debug)]
pub struct RawBody(pub Bytes);

impl<S: Send + Sync> FromRequest<S> for RawBody {
    type Rejection = Failure;

    async fn from_request(request: Request, state: &S) -> Result<Self, Failure> {
        Bytes::from_request(request, state).await.map(Self).map_err(unread)
    }
}

#[expect(clippy::needless_pass_by_value, reason = "stands in map_err")]
fn unread(rejection: axum::extract::rejection::BytesRejection) -> Failure {
    Failure(if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
        Problem::new(ErrorKind::TooLarge, "too_large", "the body is too large")
    } else {
        Problem::new(ErrorKind::Malformed, "malformed", "the body broke off")
    })
}

fn is_json(headers: &HeaderMap) -> Result<(), Failure> {
    let given = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let kind = given.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    if kind == "application/json" || (kind.starts_with("application/") && kind.ends_with("+json")) {
        return Ok(());
    }
    let message = "the body must be JSON, with Content-Type: application/json";
    Err(Failure(Problem::new(ErrorKind::UnsupportedType, "unsupported_type", message)))
}

#[cfg(test)]
mod tests {
    use axum::extract::DefaultBodyLimit;
    use http::Method;
    use serde::Deserialize;
    use tower::{Layer, ServiceExt, service_fn};

    use super::*;

    #[derive(Debug, Deserialize, Validate)]
    #[serde(deny_unknown_fields)]
    struct Note {
        #[garde(length(min = 1))]
        text: Option<String>,
    }

    fn request(kind: Option<&str>, body: &'static str) -> Request {
        let mut request = http::Request::builder().method(Method::POST).uri("/notes");
        if let Some(kind) = kind {
            request = request.header(header::CONTENT_TYPE, kind);
        }
        request.body(body.into()).unwrap()
    }

    async fn status(kind: Option<&str>, body: &'static str) -> u16 {
        match Body::<Note>::from_request(request(kind, body), &()).await {
            Ok(_) => 200,
            Err(Failure(problem)) => super::super::status_of(problem.kind).as_u16(),
        }
    }

    #[tokio::test]
    async fn a_body_must_be_json_and_say_so() {
        assert_eq!(status(Some("application/json; charset=utf-8"), "{}").await, 200);
        assert_eq!(status(Some("application/merge-patch+json"), "{}").await, 200);
        assert_eq!(status(Some("text/plain"), "{}").await, 415);
        assert_eq!(status(None, "{}").await, 415);
        assert_eq!(status(None, "").await, 400);
        assert_eq!(status(Some("application/json"), r#"{"text":""}"#).await, 422);
    }

    #[tokio::test]
    async fn no_body_may_mean_an_empty_object() {
        let OptionalBody(note) = OptionalBody::<Note>::from_request(request(None, ""), &()).await.unwrap();
        assert!(note.text.is_none());
    }

    #[tokio::test]
    async fn equal_requests_have_equal_hashes() {
        let hash = async |body| Hashed::<RawBody>::from_request(request(None, body), &()).await.unwrap().hash;
        assert_eq!(hash("a").await, hash("a").await);
        assert_ne!(hash("a").await, hash("b").await);
    }

    #[tokio::test]
    async fn a_large_body_is_refused() {
        let service = DefaultBodyLimit::max(8).layer(service_fn(async |request: Request| {
            Ok::<_, std::convert::Infallible>(Body::<Note>::from_request(request, &()).await.unwrap_err().0.kind)
        }));
        let kind = service.oneshot(request(Some("application/json"), r#"{"text":"long enough"}"#)).await.unwrap();
        assert_eq!(kind, ErrorKind::TooLarge);
    }
}
