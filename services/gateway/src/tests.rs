//! The edge around a service that is played by this test.

use std::{net::SocketAddr, num::NonZeroU32, time::Duration};

use axum::{
    Router,
    body::Body,
    extract::{ConnectInfo, Request},
    response::Response,
    routing::{get, post},
};
use bytes::Bytes;
use http::{HeaderMap, StatusCode, header};
use http_body_util::BodyExt;
use serde_json::Value;
use souk_contracts::identity::identity_client::IdentityClient;
use souk_kernel::Clock;
use souk_platform::{
    events::Consumers,
    http::Reply,
    rpc::{Directory, Policy},
    security::{Authority, EndedSessions, User},
    service::Service,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;
use utoipa_axum::router::OpenApiRouter;

use super::*;

mod abandoned;
mod documents;

/// A free port.
async fn bind() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

fn played() -> Service {
    let routes = OpenApiRouter::new()
        .route("/products", get(async || Reply::ok("x".repeat(4000))).post(async |body: Bytes| Reply::ok(body.len())))
        .route("/products/{id}", get(async || Reply::ok("a product")))
        .route("/sellers", get(async || Reply::ok("sellers")))
        .route("/panics", get(async || -> Response { panic!("on purpose") }))
        .route("/sleeps", get(async || tokio::time::sleep(Duration::from_hours(1)).await))
        .route("/naps", get(async || tokio::time::sleep(Duration::from_millis(200)).await))
        .route("/me", get(async |User(user): User| Reply::ok(user.user_id)))
        .route("/auth/login", post(async || Reply::ok("in")));
    Service {
        name: "played",
        title: "Played Service",
        routes,
        root_routes: OpenApiRouter::new().route("/sandbox/page", get(async || axum::response::Html("<p>hi</p>"))),
        rpc: None,
        consumers: Consumers::new("played"),
        jobs: Vec::new(),
        db: None,
    }
}

fn edge(config: Config) -> Edge {
    let channel = Directory::new().channel("gateway", "identity", Policy::default());
    Edge {
        services: vec![played()],
        outboxes: Vec::new(),
        entry: Entry::Public,
        authority: Authority::new(IdentityClient::new(channel), Clock::system(), EndedSessions::default()),
        probes: Vec::new(),
        config,
        redis: None,
        clock: Clock::system(),
        stop: CancellationToken::new(),
    }
}

fn shop() -> Router {
    router(edge(Config::default()))
}

async fn send(router: &Router, request: http::request::Builder) -> (StatusCode, HeaderMap, Bytes) {
    let mut request: Request = request.body(Body::empty()).unwrap();
    request.extensions_mut().insert(ConnectInfo(SocketAddr::from(([203, 0, 113, 9], 1))));
    let (parts, body) = router.clone().oneshot(request).await.unwrap().into_parts();
    (parts.status, parts.headers, body.collect().await.unwrap().to_bytes())
}

async fn ask(router: &Router, method: &str, path: &str) -> (StatusCode, HeaderMap, Bytes) {
    send(router, Request::builder().method(method).uri(path)).await
}

fn code(body: &Bytes) -> String {
    let body: Value = serde_json::from_slice(body).unwrap();
    assert_eq!(body["status"], "error");
    assert!(body["meta"]["request_id"].is_string());
    body["error"]["code"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn three_resources_answer_at_both_paths_and_the_rest_only_under_the_prefix() {
    let shop = shop();
    for path in ["/api/v1/products/prod_1", "/products/prod_1", "/api/v1/sellers", "/sandbox/page"] {
        assert_eq!(ask(&shop, "GET", path).await.0, StatusCode::OK, "{path}");
    }
    assert_eq!(ask(&shop, "GET", "/sellers").await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn every_fault_has_the_envelope() {
    let shop = shop();
    for (method, path, status, expected) in [
        ("GET", "/nothing", 404, "not_found"),
        ("GET", "/api/v1/nothing", 404, "not_found"),
        ("OPTIONS", "*", 404, "not_found"),
        ("DELETE", "/api/v1/products", 405, "method_not_allowed"),
        ("BREW", "/products", 405, "method_not_allowed"),
        ("POST", "/health", 405, "method_not_allowed"),
        ("GET", "/api/v1/panics", 500, "internal"),
        ("GET", "/api/v1/me", 401, "unauthenticated"),
        ("GET", "/api/v1/admin/events", 401, "unauthenticated"),
    ] {
        let (found, headers, body) = ask(&shop, method, path).await;
        assert_eq!((found.as_u16(), code(&body).as_str()), (status, expected), "{method} {path}");
        assert_eq!(headers.contains_key(header::ALLOW), status == 405, "{method} {path}");
    }
    let long = format!("/products?q={}", "x".repeat(40_000));
    assert_eq!(code(&ask(&shop, "GET", &long).await.2), "uri_too_long");
    let many = Request::builder().uri("/products").header("x-much", "x".repeat(40_000));
    assert_eq!(code(&send(&shop, many).await.2), "headers_too_large");
    let big = Request::builder().method("POST").uri("/products").header(header::CONTENT_LENGTH, 3_000_000);
    assert_eq!(code(&send(&shop, big).await.2), "too_large");
    let (status, _, body) = ask(&shop, "HEAD", "/products").await;
    assert_eq!((status, body.len()), (StatusCode::OK, 0));
}

#[tokio::test]
async fn the_request_id_comes_back_in_header_and_body() {
    let shop = shop();
    for (given, kept) in [("trace-1", true), ("not valid", false)] {
        let request = Request::builder().uri("/products/prod_1").header("x-request-id", given);
        let (_, headers, body) = send(&shop, request).await;
        let body: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(headers["x-request-id"], body["meta"]["request_id"].as_str().unwrap());
        assert_eq!(headers["x-request-id"] == given, kept);
    }
}

#[tokio::test]
async fn answers_carry_safe_headers_and_are_compressed_on_request() {
    let shop = shop();
    let (_, plain, body) = ask(&shop, "GET", "/products").await;
    assert!(body.len() > 4000);
    assert_eq!(plain["x-content-type-options"], "nosniff");
    assert_eq!(plain[header::CACHE_CONTROL], "no-store");
    assert!(!plain.contains_key(header::STRICT_TRANSPORT_SECURITY));
    assert_eq!(plain[header::VARY], "accept-encoding");
    for (path, small) in [("/products", false), ("/products/prod_1", true)] {
        let request = Request::builder().uri(path).header(header::ACCEPT_ENCODING, "br, gzip");
        let (_, packed, body) = send(&shop, request).await;
        assert_eq!(packed.contains_key(header::CONTENT_ENCODING), !small, "{path}");
        assert!(body.len() < 1000);
    }
}

#[tokio::test]
async fn a_request_that_hangs_is_given_up() {
    let config = Config { request_timeout: Duration::from_millis(20), ..Config::default() };
    let (status, headers, body) = ask(&router(edge(config)), "GET", "/api/v1/sleeps").await;
    assert_eq!((status, code(&body).as_str()), (StatusCode::SERVICE_UNAVAILABLE, "timed_out"));
    assert!(headers.contains_key(header::RETRY_AFTER));
}

#[tokio::test]
async fn a_client_that_asks_too_often_is_told_when_to_come_back() {
    let mut config = Config::default();
    (config.rate_limit.auth_per_minute, config.rate_limit.auth_burst) = (NonZeroU32::MIN, NonZeroU32::MIN);
    let shop = router(edge(config));
    assert_eq!(ask(&shop, "POST", "/api/v1/auth/login").await.0, StatusCode::OK);
    let (status, headers, body) = ask(&shop, "POST", "/api/v1/auth/login").await;
    assert_eq!((status, code(&body).as_str()), (StatusCode::TOO_MANY_REQUESTS, "rate_limited"));
    let wait: u64 = headers[header::RETRY_AFTER].to_str().unwrap().parse().unwrap();
    assert!((1..=60).contains(&wait), "{wait}");
    assert_eq!(ask(&shop, "GET", "/products").await.0, StatusCode::OK);
    let mut config = Config::default();
    (config.rate_limit.enabled, config.rate_limit.auth_burst) = (false, NonZeroU32::MIN);
    let shop = router(edge(config));
    for _ in 0..3 {
        assert_eq!(ask(&shop, "POST", "/api/v1/auth/login").await.0, StatusCode::OK);
    }
}

#[tokio::test]
async fn pages_of_named_origins_may_call() {
    let config = Config { cors_origins: vec!["https://shop.example".to_owned()], ..Config::default() };
    let shop = router(edge(config));
    for (origin, allowed) in [("https://shop.example", true), ("https://evil.example", false)] {
        let preflight = Request::builder()
            .method("OPTIONS")
            .uri("/products")
            .header(header::ORIGIN, origin)
            .header(header::ACCESS_CONTROL_REQUEST_METHOD, "POST");
        let (status, headers, _) = send(&shop, preflight).await;
        assert_eq!(status, StatusCode::OK);
        assert_eq!(headers.contains_key(header::ACCESS_CONTROL_ALLOW_ORIGIN), allowed, "{origin}");
    }
}

#[tokio::test]
async fn health_is_bare_and_tells_what_is_down() {
    let mut edge = edge(Config::default());
    edge.probes.push(Probe::helpful("mail", || async { Err("no route to host") }));
    let stopping = edge.stop.clone();
    let shop = router(edge);
    let (status, _, body) = ask(&shop, "GET", "/health").await;
    let body: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(
        (status, &body["status"], &body["service"]),
        (StatusCode::OK, &"DEGRADED".into(), &"Played Service".into())
    );
    assert_eq!(body["dependencies"]["mail"]["status"], "DOWN");
    assert_eq!(ask(&shop, "GET", "/health/ready").await.0, StatusCode::OK);
    stopping.cancel();
    assert_eq!(ask(&shop, "GET", "/health/ready").await.0, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(ask(&shop, "GET", "/health/live").await.0, StatusCode::OK);
}

#[tokio::test]
async fn the_internal_listener_tells_metrics_and_health_and_nothing_else() {
    let edge = edge(Config::default());
    let stopping = edge.stop.clone();
    let metrics = souk_platform::telemetry::Metrics::install().unwrap();
    let internal = internal_router(metrics, router(edge));
    for path in ["/metrics", "/health", "/health/live", "/health/ready"] {
        assert_eq!(ask(&internal, "GET", path).await.0, StatusCode::OK, "{path}");
    }
    let counted = ask(&internal, "GET", "/metrics").await.2;
    assert!(String::from_utf8_lossy(&counted).contains(r#"route="/health/ready""#), "{counted:?}");
    for path in ["/products", "/api/v1/products", "/health/other"] {
        assert_eq!(ask(&internal, "GET", path).await.0, StatusCode::NOT_FOUND, "{path}");
    }
    stopping.cancel();
    assert_eq!(ask(&internal, "GET", "/health/ready").await.0, StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test]
async fn the_document_and_its_page_need_nothing_from_elsewhere() {
    let shop = shop();
    let (_, _, document) = ask(&shop, "GET", "/api/v1/openapi.json").await;
    let document: Value = serde_json::from_slice(&document).unwrap();
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
    assert!(document["paths"]["/api/v1/admin/events/{id}/replay"]["post"].is_object());
    assert!(document["paths"]["/health"]["get"].is_object());
    assert_eq!(document["components"]["securitySchemes"]["bearer"]["scheme"], "bearer");
    assert!(document["components"]["schemas"]["ErrorEnvelope"].is_object());
    let (_, headers, page) = ask(&shop, "GET", "/docs").await;
    assert!(headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap().contains("script-src 'self'"));
    assert!(!String::from_utf8_lossy(&page).contains("http"));
    assert!(ask(&shop, "GET", "/docs/scalar.js").await.2.len() > 1_000_000);
}

#[tokio::test]
async fn a_request_that_has_begun_ends_before_the_server_does() {
    let (listener, address) = bind().await;
    let stop = CancellationToken::new();
    let config = Config { drain_limit: Duration::from_secs(5), ..Config::default() };
    let serving = tokio::spawn(serve(listener, shop(), config.clone(), None, stop.clone()));
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(b"GET /api/v1/naps HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    tokio::time::sleep(Duration::from_millis(50)).await;
    stop.cancel();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
    serving.await.unwrap();
    assert!(TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn a_request_that_does_not_end_is_cut_off_at_the_limit() {
    let (listener, address) = bind().await;
    let stop = CancellationToken::new();
    let config = Config { drain_limit: Duration::from_millis(50), ..Config::default() };
    let serving = tokio::spawn(serve(listener, shop(), config.clone(), None, stop.clone()));
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(b"GET /api/v1/sleeps HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    tokio::time::sleep(Duration::from_millis(50)).await;
    stop.cancel();
    tokio::time::timeout(Duration::from_secs(5), serving).await.unwrap().unwrap();
    let mut answer = String::new();
    assert_eq!(stream.read_to_string(&mut answer).await.unwrap_or(0), 0);
}
