//! `/users`, `/products` and `/orders` answer at the root too: the same handlers, reached by another path.

use std::{
    convert::Infallible,
    task::{Context, Poll},
};

use axum::{Router, extract::Request, response::Response, routing::future::RouteFuture};
use http::{Uri, uri::PathAndQuery};
use tower::Service;

/// Where the services' routes live.
pub(crate) const PREFIX: &str = "/api/v1";

const RESOURCES: [&str; 3] = ["/users", "/products", "/orders"];

/// Puts the prefix before the paths of these resources, then routes.
#[derive(Clone)]
pub(crate) struct RootPaths {
    routes: Router,
}

impl RootPaths {
    pub(crate) fn new(routes: Router) -> Self {
        Self { routes }
    }
}

impl Service<Request> for RootPaths {
    type Response = Response;
    type Error = Infallible;
    type Future = RouteFuture<Infallible>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Service::<Request>::poll_ready(&mut self.routes, context)
    }

    fn call(&mut self, mut request: Request) -> RouteFuture<Infallible> {
        if let Some(uri) = prefixed(request.uri()) {
            *request.uri_mut() = uri;
        }
        self.routes.call(request)
    }
}

fn prefixed(uri: &Uri) -> Option<Uri> {
    let path = uri.path();
    let rest = RESOURCES.iter().find_map(|resource| path.strip_prefix(*resource))?;
    if !(rest.is_empty() || rest.starts_with('/')) {
        return None;
    }
    let mut parts = uri.clone().into_parts();
    let path_and_query = parts.path_and_query.as_ref().map_or(path, PathAndQuery::as_str);
    // Fails only when the path gets longer than a URI may be; then there is nothing at the short path either.
    parts.path_and_query = Some(format!("{PREFIX}{path_and_query}").try_into().ok()?);
    Uri::from_parts(parts).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_resources_are_moved_with_their_queries_and_nothing_else() {
        let moved = |path: &'static str| prefixed(&Uri::from_static(path)).map(|uri| uri.to_string());
        assert_eq!(moved("/products?limit=1").as_deref(), Some("/api/v1/products?limit=1"));
        assert_eq!(moved("/orders/ord_1/stream").as_deref(), Some("/api/v1/orders/ord_1/stream"));
        assert_eq!(moved("http://h/users/me").as_deref(), Some("http://h/api/v1/users/me"));
        for path in ["/productsx", "/", "/api/v1/products", "/sellers", "/cart/products"] {
            assert_eq!(moved(path), None, "{path}");
        }
    }
}
