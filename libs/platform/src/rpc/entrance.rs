//! Where other processes come in: calls to the services of this process, and the requests that the gateway passes on.

use std::{
    collections::HashMap,
    convert::Infallible,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use axum::{Router, body::Body, response::Response};
use http::{Request, header};
use tonic::{Status, service::Routes};
use tonic_health::{
    ServingStatus,
    pb::health_server::HealthServer,
    server::{HealthReporter, HealthService},
};
use tower::Service;

use super::{directory::Directory, transport};

/// A tower service for [`listen::serve`](crate::listen::serve): calls by gRPC, everything else by HTTP.
#[derive(Clone)]
pub struct Entrance {
    /// By the first two words of their paths, `souk.catalog`. A contract's package is `souk.` and its service's name.
    calls: Arc<HashMap<String, Routes>>,
    health: HealthReporter,
    http: Router,
}

impl Entrance {
    /// The entrance to these services of `directory`, as far as they are in this process. `http` answers what is no call.
    pub fn new(directory: &Directory, services: impl IntoIterator<Item = &'static str>, http: Router) -> Self {
        let health = HealthReporter::new();
        let health_routes =
            Routes::new(HealthServer::new(HealthService::from_health_reporter(health.clone()))).prepare();
        let mut calls = HashMap::from([("grpc.health".to_owned(), health_routes)]);
        calls.extend(services.into_iter().filter_map(|name| Some((format!("souk.{name}"), directory.local(name)?))));
        Self { calls: Arc::new(calls), health, http }
    }

    /// Tells whoever asks by `grpc.health.v1` that these services, and the process, answer; or no longer do.
    pub async fn announce(&self, services: &[&'static str], serving: bool) {
        let status = if serving { ServingStatus::Serving } else { ServingStatus::NotServing };
        for name in services.iter().copied().chain([""]) {
            self.health.set_service_status(name, status).await;
        }
    }

    async fn answer(self, request: Request<Body>) -> Response {
        let package = package(request.uri().path());
        let Some(routes) = self.calls.get(package) else {
            // The caller's addresses are wrong, or this process is about to be another one.
            tracing::warn!(path = request.uri().path(), "a call to a service that is not in this process");
            return Status::unavailable(format!("{package} is not in this process")).into_http();
        };
        match transport::serve(routes.clone(), request.map(tonic::body::Body::new)).await {
            Ok(response) => response.map(Body::new),
            Err(status) => status.into_http(),
        }
    }
}

/// `souk.catalog` of `/souk.catalog.Catalog/Offers`.
fn package(path: &str) -> &str {
    let service = path.trim_start_matches('/').split('/').next().unwrap_or_default();
    let end = service.match_indices('.').nth(1).map_or(service.len(), |(at, _)| at);
    &service[..end]
}

impl Service<Request<Body>> for Entrance {
    type Response = Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let kind = request.headers().get(header::CONTENT_TYPE);
        if kind.is_some_and(|kind| kind.as_bytes().starts_with(b"application/grpc")) {
            let this = self.clone();
            return Box::pin(async move { Ok(this.answer(request).await) });
        }
        Box::pin(self.http.call(request))
    }
}

#[cfg(test)]
mod tests {
    use super::package;

    #[test]
    fn a_call_belongs_to_the_service_of_its_package() {
        assert_eq!(package("/souk.catalog.Catalog/Offers"), "souk.catalog");
        assert_eq!(package("/grpc.health.v1.Health/Check"), "grpc.health");
        assert_eq!(package("/nonsense"), "nonsense");
    }
}
