//! The request context travels with a call, as metadata.

use http::{HeaderMap, HeaderName, HeaderValue};

use crate::context::{self, Context, REQUEST_ID_HEADER};

const CLIENT_IP: HeaderName = HeaderName::from_static("x-client-ip");

/// The caller's side. What the caller put there itself is replaced: a request has one id.
pub(super) fn inject(context: &Context, headers: &mut HeaderMap) {
    if let Ok(id) = HeaderValue::from_str(&context.request_id) {
        headers.insert(REQUEST_ID_HEADER, id);
    }
    if let Some(ip) = context.client_ip
        && let Ok(ip) = HeaderValue::try_from(ip.to_string())
    {
        headers.insert(CLIENT_IP, ip);
    }
}

/// The callee's side.
pub(super) fn extract(headers: &HeaderMap) -> Context {
    let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    match text(REQUEST_ID_HEADER) {
        Some(id) => {
            Context { request_id: id.into(), client_ip: text(CLIENT_IP).and_then(|address| address.parse().ok()) }
        }
        None => context::current(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_context_survives_the_metadata() {
        for client_ip in [None, Some("2001:db8::1".parse().unwrap())] {
            let mut headers = HeaderMap::new();
            inject(&Context { request_id: "req_1".into(), client_ip }, &mut headers);
            let context = extract(&headers);
            assert_eq!((&*context.request_id, context.client_ip), ("req_1", client_ip));
        }
    }
}
