//! What only the operator's own machines ask.

use axum::{
    Router,
    extract::{MatchedPath, Request},
    http::header,
    routing::{any, get},
};
use souk_platform::{
    http::{method_not_allowed, not_found},
    telemetry::Metrics,
};
use tower::ServiceExt;

/// `/metrics` in the Prometheus text format and the health that `served` tells, for the internal listener.
pub fn internal_router(metrics: Metrics, served: Router) -> Router {
    let render = async move || ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], metrics.render());
    let health = move |mut request: Request| {
        // Otherwise its route would be counted as one below this.
        request.extensions_mut().remove::<MatchedPath>();
        served.clone().oneshot(request)
    };
    Router::new()
        .route("/metrics", get(render))
        .route("/health", any(health.clone()))
        .route("/health/{which}", any(health))
        .fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed)
}
