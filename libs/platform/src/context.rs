//! The request that is being served, known to everything that runs for it without being handed through every function.

use std::{net::IpAddr, sync::Arc};

use http::{HeaderMap, HeaderName};
use souk_kernel::RequestId;

/// Carries the request id in and out.
pub const REQUEST_ID_HEADER: HeaderName = HeaderName::from_static("x-request-id");

/// What is known about the request being served.
#[derive(Clone, Debug)]
pub struct Context {
    /// `meta.request_id` of the answer and the correlation id of every event that follows.
    pub request_id: Arc<str>,
    /// Who is at the other end of the connection, when a connection is what began it.
    pub client_ip: Option<IpAddr>,
}

impl Context {
    /// Something that nobody asked for by HTTP: a job, a consumed event.
    #[must_use]
    pub fn fresh() -> Self {
        Self { request_id: RequestId::new().to_string().into(), client_ip: None }
    }

    /// The context of an HTTP request: its `X-Request-Id` if that is valid, otherwise a new id.
    #[must_use]
    pub fn of_request(headers: &HeaderMap, client_ip: Option<IpAddr>) -> Self {
        let given = headers.get(REQUEST_ID_HEADER).and_then(|value| value.to_str().ok()).filter(|id| is_request_id(id));
        Self { client_ip, ..given.map_or_else(Self::fresh, Self::with_request_id) }
    }

    /// Work that goes on under a request id that came from elsewhere (an rpc, an event).
    #[must_use]
    pub fn with_request_id(id: &str) -> Self {
        Self { request_id: id.into(), client_ip: None }
    }
}

/// Whether a request id may be taken over from outside: 1 to 128 characters of `[A-Za-z0-9_.:-]`.
#[must_use]
pub fn is_request_id(text: &str) -> bool {
    (1..=128).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b':' | b'-'))
}

tokio::task_local! {
    static CURRENT: Context;
}

/// Runs `work` for the request `context`. A task spawned inside needs a scope of its own.
pub async fn scope<F: Future>(context: Context, work: F) -> F::Output {
    CURRENT.scope(context, work).await
}

/// The request being served; outside any scope a fresh one at every call.
#[must_use]
pub fn current() -> Context {
    CURRENT.try_with(Clone::clone).unwrap_or_else(|_| Context::fresh())
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[tokio::test]
    async fn inside_a_scope_the_request_is_known() {
        let seen = scope(Context::with_request_id("abc"), async { current().request_id }).await;
        assert_eq!(&*seen, "abc");
        assert!(current().request_id.starts_with("req_"));
    }

    #[test]
    fn a_request_id_from_outside_is_taken_only_if_valid() {
        let id_for = |given: &'static str| {
            let headers = HeaderMap::from_iter([(REQUEST_ID_HEADER, HeaderValue::from_static(given))]);
            Context::of_request(&headers, None).request_id
        };
        assert_eq!(&*id_for("Trace-1.2:3_x"), "Trace-1.2:3_x");
        assert!(id_for("no spaces").starts_with("req_"));
        assert!(id_for("").starts_with("req_"));
        assert!(Context::of_request(&HeaderMap::new(), None).request_id.starts_with("req_"));
    }
}
