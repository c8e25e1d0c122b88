//! Rate, errors and duration per route.

use std::{
    collections::HashMap,
    sync::{PoisonError, RwLock},
    time::Duration,
};

use http::{Method, StatusCode};
use metrics::{Counter, Histogram};

/// Meters that were looked up once; the registry's own lookup builds and hashes all labels for every request.
pub(super) struct Meters {
    routes: RwLock<HashMap<String, Vec<Meter>>>,
}

struct Meter {
    method: Method,
    status: StatusCode,
    requests: Counter,
    seconds: Histogram,
}

impl Meters {
    pub(super) fn new() -> Self {
        metrics::describe_counter!("souk_http_requests_total", "Requests by route, method and status");
        metrics::describe_histogram!("souk_http_request_duration_seconds", "Time until the answer began");
        metrics::describe_counter!("souk_http_turned_away_total", "Requests that no handler saw, by reason");
        Self { routes: RwLock::default() }
    }

    pub(super) fn count(&self, route: &str, method: &Method, status: StatusCode, took: Duration) {
        let method = if is_known(method) { method } else { &Method::TRACE };
        {
            let routes = self.routes.read().unwrap_or_else(PoisonError::into_inner);
            let meters = routes.get(route).map(Vec::as_slice).unwrap_or_default();
            if let Some(meter) = meters.iter().find(|meter| meter.status == status && meter.method == *method) {
                return meter.count(took);
            }
        }
        let meter = Meter::new(route, method, status);
        meter.count(took);
        let mut routes = self.routes.write().unwrap_or_else(PoisonError::into_inner);
        let meters = routes.entry(route.to_owned()).or_default();
        // Somebody else may have been faster; then both count in the same meter of the registry.
        if !meters.iter().any(|meter| meter.status == status && meter.method == *method) {
            meters.push(meter);
        }
    }
}

impl Meter {
    fn new(route: &str, method: &Method, status: StatusCode) -> Self {
        let (route, method_text, status_text) = (route.to_owned(), method.to_string(), status.as_u16().to_string());
        Self {
            requests: metrics::counter!(
                "souk_http_requests_total",
                "route" => route.clone(), "method" => method_text.clone(), "status" => status_text
            ),
            seconds: metrics::histogram!("souk_http_request_duration_seconds", "route" => route, "method" => method_text),
            method: method.clone(),
            status,
        }
    }

    fn count(&self, took: Duration) {
        self.requests.increment(1);
        self.seconds.record(took);
    }
}

/// Anybody can make up methods, and each would be a series of its own: unknown ones count as TRACE, which nothing here has.
fn is_known(method: &Method) -> bool {
    [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE, Method::OPTIONS]
        .contains(method)
}
