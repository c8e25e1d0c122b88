//! Services in other processes: the same paths as if they were here, each request passed on to the process that answers it.
//!
//! After RFC 9110 section 7.6 (forwarding) and RFC 7239 (`Forwarded`). Bodies go through as they come, in both directions.

use std::{net::IpAddr, sync::Arc};

use axum::{
    body::{Body, HttpBody},
    extract::{OriginalUri, Request},
    response::{IntoResponse, Response},
    routing::any,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri, header, request::Parts};
use souk_kernel::{ErrorKind, Problem};
use souk_platform::{
    context::{self, REQUEST_ID_HEADER},
    events::Consumers,
    http::Failure,
    rpc::{Peer, Unreachable},
    service::{Interface, Service},
};
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");

/// What belongs to one connection, not to the request or the answer.
const HOP_BY_HOP: [HeaderName; 8] = [
    header::CONNECTION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    header::PROXY_AUTHORIZATION,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];

/// A service in other processes, in the form of one that is here: with its document, and routes that pass everything on.
pub fn passed_on(interface: Interface, peer: &Arc<Peer>) -> Service {
    Service {
        name: interface.name,
        title: interface.title,
        routes: routes(interface.routes, peer),
        root_routes: routes(interface.root_routes, peer),
        rpc: None,
        consumers: Consumers::new(interface.name),
        jobs: Vec::new(),
        db: None,
    }
}

/// Every path of the document, with all methods: which of them there are, the service says itself.
fn routes(document: OpenApi, peer: &Arc<Peer>) -> OpenApiRouter {
    let paths: Vec<String> = document.paths.paths.keys().cloned().collect();
    paths.into_iter().fold(OpenApiRouter::with_openapi(document), |router, path| {
        let peer = Arc::clone(peer);
        router.route(&path, any(move |request: Request| pass_on(peer, request)))
    })
}

async fn pass_on(peer: Arc<Peer>, request: Request) -> Response {
    let (mut parts, body) = request.into_parts();
    prepare(&mut parts);
    // What has no body and changes nothing may be asked twice.
    let repeatable = matches!(parts.method, Method::GET | Method::HEAD) && body.is_end_stream();
    let again = repeatable.then(|| parts.clone());
    let mut answer = peer.send(Request::from_parts(parts, tonic::body::Body::new(body))).await;
    if let (Err(Unreachable { unsent: false, .. }), Some(parts)) = (&answer, again) {
        answer = peer.send(Request::from_parts(parts, tonic::body::Body::empty())).await;
    }
    match answer {
        Ok(answer) => {
            let mut response = answer.map(Body::new);
            remove_hop_by_hop(response.headers_mut());
            response
        }
        Err(error) => {
            let service = peer.name();
            tracing::warn!(service, %error, "a request could not be passed on");
            let message = format!("the service {service} does not answer; try again");
            Failure(Problem::new(ErrorKind::Unavailable, format!("{service}_unavailable"), message)).into_response()
        }
    }
}

/// Makes what came in into what goes on.
fn prepare(parts: &mut Parts) {
    let context = context::current();
    // Below `/api/v1` the router has taken the prefix away.
    let uri = parts.extensions.get::<OriginalUri>().map_or_else(|| parts.uri.clone(), |OriginalUri(uri)| uri.clone());
    let host = host(&uri, &parts.headers);
    let mut target = http::uri::Parts::default();
    target.path_and_query = uri.into_parts().path_and_query;
    parts.uri = Uri::from_parts(target).unwrap_or_default();
    parts.version = http::Version::HTTP_2;
    parts.extensions.clear();

    let headers = &mut parts.headers;
    remove_hop_by_hop(headers);
    // Compressed at the edge, if at all; the answer to `100-continue` was given there too.
    for name in [header::HOST, header::EXPECT, header::ACCEPT_ENCODING] {
        headers.remove(name);
    }
    if let Ok(id) = HeaderValue::from_str(&context.request_id) {
        headers.insert(REQUEST_ID_HEADER, id);
    }
    // What came from outside has been judged: only the verdict goes on.
    headers.remove(header::FORWARDED);
    headers.remove(FORWARDED_FOR);
    headers.remove(FORWARDED_HOST);
    if let Some(client) = context.client_ip {
        if let Ok(value) = HeaderValue::from_str(&client.to_string()) {
            headers.insert(FORWARDED_FOR, value);
        }
        if let Ok(value) = HeaderValue::from_str(&format!("for={}", node(client))) {
            headers.insert(header::FORWARDED, value);
        }
    }
    if let Some(host) = host {
        headers.insert(FORWARDED_HOST, host);
    }
}

/// RFC 7239 section 6: an IPv6 address stands in brackets, quoted.
fn node(address: IpAddr) -> String {
    match address {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => format!("\"[{address}]\""),
    }
}

/// What the visitor called the marketplace: in HTTP/2 it stands in the URI.
fn host(uri: &Uri, headers: &HeaderMap) -> Option<HeaderValue> {
    match uri.authority() {
        Some(authority) => HeaderValue::from_str(authority.as_str()).ok(),
        None => headers.get(header::HOST).cloned(),
    }
}

fn remove_hop_by_hop(headers: &mut HeaderMap) {
    let mut named: Vec<HeaderName> = Vec::new();
    for value in headers.get_all(header::CONNECTION) {
        let names = value.to_str().unwrap_or_default().split(',');
        named.extend(names.filter_map(|name| name.trim().parse::<HeaderName>().ok()));
    }
    for name in named.iter().chain(&HOP_BY_HOP) {
        headers.remove(name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use souk_platform::context::Context;

    fn parts(request: http::request::Builder) -> Parts {
        request.body(()).unwrap().into_parts().0
    }

    #[tokio::test]
    async fn what_belongs_to_the_connection_stays_behind_and_the_client_is_told() {
        let request = Request::get("/api/v1/cart?x=1")
            .header("host", "souk.example")
            .header("connection", "close, x-secret-hop")
            .header("x-secret-hop", "1")
            .header("te", "trailers")
            .header("upgrade", "websocket")
            .header("x-forwarded-for", "6.6.6.6")
            .header("forwarded", "for=6.6.6.6")
            .header("accept-encoding", "gzip")
            .header("x-cart-token", "kept");
        let mut parts = parts(request);
        let context = Context { request_id: "req_1".into(), client_ip: Some("2001:db8::7".parse().unwrap()) };
        context::scope(context, async { prepare(&mut parts) }).await;
        assert_eq!(parts.uri.to_string(), "/api/v1/cart?x=1");
        let mut left: Vec<_> = parts.headers.iter().map(|(name, value)| format!("{name}: {value:?}")).collect();
        left.sort();
        assert_eq!(
            left,
            [
                r#"forwarded: "for=\"[2001:db8::7]\"""#,
                r#"x-cart-token: "kept""#,
                r#"x-forwarded-for: "2001:db8::7""#,
                r#"x-forwarded-host: "souk.example""#,
                r#"x-request-id: "req_1""#,
            ]
        );
    }
}
