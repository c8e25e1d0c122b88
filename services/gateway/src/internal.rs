//! What only the operator's own machines ask.

use axum::{
    Router,
    http::header,
    routing::{any_service, get},
};
use souk_platform::{
    http::{method_not_allowed, not_found},
    telemetry::Metrics,
};

/// `/metrics` in the Prometheus text format and the health that `served` tells, for the internal listener.
pub fn internal_router(metrics: Metrics, served: Router) -> Router {
    let render = async move || ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], metrics.render());
    Router::new()
        .route("/metrics", get(render))
        .route("/health", any_service(served.clone()))
        .route("/health/{which}", any_service(served))
        .fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed)
}
