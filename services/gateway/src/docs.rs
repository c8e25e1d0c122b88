//! The interface's document and the page that shows it, without anything from elsewhere.

mod distinct;
mod references;

use std::sync::LazyLock;

use axum::{
    Router,
    response::{Html, IntoResponse},
    routing::get,
};
use bytes::Bytes;
use http::{HeaderName, HeaderValue, header};
use souk_platform::http::openapi::{Envelope, ErrorEnvelope, Meta};
use utoipa::{
    OpenApi,
    openapi::{
        OpenApi as Document,
        security::{HttpAuthScheme, HttpBuilder, SecurityScheme},
    },
};

pub(crate) use self::distinct::make_distinct;

const DOCUMENT_PATH: &str = "/api/v1/openapi.json";

/// Scalar styles its elements itself, and draws its icons from data URLs.
const CSP: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
    font-src 'self' data:; connect-src 'self'; worker-src 'self' blob:; base-uri 'none'; form-action 'none'; \
    frame-ancestors 'none'";

const PAGE: &str = r#"<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Souk: the interface</title>
</head>
<body>
<div id="app"></div>
<script src="/docs/scalar.js"></script>
<script src="/docs/start.js"></script>
</body>
</html>
"#;

const START: &str = r##"Scalar.createApiReference("#app", {
  url: "/api/v1/openapi.json",
  withDefaultFonts: false,
  telemetry: false,
  showDeveloperTools: "never",
  hideClientButton: true,
  agent: { disabled: true },
  mcp: { disabled: true },
});
"##;

/// The script of the page, read from the program once.
static SCALAR: LazyLock<Bytes> =
    LazyLock::new(|| scalar_api_reference::get_asset("scalar.js").map(Bytes::from).unwrap_or_default());

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Souk",
        description = "The public interface of a souk marketplace.",
        license(name = "MIT OR Apache-2.0")
    ),
    components(schemas(Envelope<String>, ErrorEnvelope, Meta))
)]
struct Introduction;

/// The document before the services add to it.
pub(crate) fn introduction() -> Document {
    let mut document = Introduction::openapi();
    let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT").build();
    let components = document.components.get_or_insert_default();
    components.add_security_scheme("bearer", SecurityScheme::Http(bearer));
    document
}

/// The document as JSON, the page, and its script.
pub(crate) fn routes(document: &Document) -> Router {
    let json = Bytes::from(serde_json::to_vec(document).expect("the document has string keys only"));
    Router::new()
        .route(DOCUMENT_PATH, get(async move || file("application/json", json)))
        .route("/docs", get(async || ([(header::CONTENT_SECURITY_POLICY, CSP)], Html(PAGE))))
        .route("/docs/start.js", get(async || file("text/javascript", Bytes::from_static(START.as_bytes()))))
        .route("/docs/scalar.js", get(async || file("text/javascript", SCALAR.clone())))
}

fn file(kind: &'static str, bytes: Bytes) -> impl IntoResponse {
    let kind = (header::CONTENT_TYPE, HeaderValue::from_static(kind));
    let cached = (header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=300"));
    let headers: [(HeaderName, HeaderValue); 2] = [kind, cached];
    (headers, bytes)
}
