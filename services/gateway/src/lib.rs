//! The edge: one address for everything that the services answer, and what every request passes on its way in and out.
//!
//! [`router`] merges the services' routes and puts the edge around them; [`serve`] listens. Both know nothing of what a
//! service does.

mod admin_events;
mod client_ip;
mod config;
mod docs;
mod edge;
mod health;
mod internal;
mod proxy;
mod root_paths;
mod server;

#[cfg(test)]
mod tests;

use axum::Router;
use souk_kernel::Clock;
pub use souk_platform::config::Network;
use souk_platform::{
    events::Outbox,
    http::{method_not_allowed, not_found},
    redis::Redis,
    security::Authority,
    service::Service,
};
use tokio_util::sync::CancellationToken;
use tower_http::cors::{AllowOrigin, CorsLayer, ExposeHeaders};
use utoipa_axum::router::OpenApiRouter;

pub use self::{
    config::{AccessLog, Config, RateLimit},
    health::Probe,
    internal::internal_router,
    proxy::passed_on,
    server::serve,
};

/// Everything that the edge is made of.
pub struct Edge {
    /// The services; their routes, names and databases are used. Those of other processes are [`passed_on`].
    pub services: Vec<Service>,
    /// Their outboxes, for the operator.
    pub outboxes: Vec<Outbox>,
    /// Whether visitors come in here, or a gateway that has let them in already: it keeps to the limits of rate, and it says
    /// who they are.
    pub entry: Entry,
    /// Who is who; handed to every handler.
    pub authority: Authority,
    /// What `/health` asks besides the services' databases.
    pub probes: Vec<Probe>,
    /// Its section of the configuration.
    pub config: Config,
    /// Where gateways count requests together, if they do.
    pub redis: Option<Redis>,
    /// What the rate limits go by.
    pub clock: Clock,
    /// Cancelled when the process is to stop: `/health/ready` says so at once.
    pub stop: CancellationToken,
}

/// Who comes in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Entry {
    /// Anybody.
    Public,
    /// A gateway in another process.
    BehindGateway,
}

/// The whole public interface: services under `/api/v1`, `/users`, `/products` and `/orders` also at the root, health,
/// documentation, and 404, 405 and every other fault in the envelope.
///
/// Meters are looked up once: call `telemetry::Metrics::install` before, or nothing is counted.
///
/// # Panics
/// When two services claim one path.
pub fn router(edge: Edge) -> Router {
    let Edge { mut services, outboxes, entry, authority, probes, config, redis, clock, stop } = edge;
    let health = health::Health::new(&services, probes, stop);

    let mut api = admin_events::routes(outboxes);
    let mut root = OpenApiRouter::new().merge(health::routes(health));
    let mut introduction = OpenApiRouter::with_openapi(docs::introduction());

    let own = [introduction.get_openapi_mut(), api.get_openapi_mut(), root.get_openapi_mut()];
    let mut documents: Vec<_> = own.map(|document| ("gateway", document)).into();
    for Service { name, routes, root_routes, .. } in &mut services {
        documents.extend([(*name, routes.get_openapi_mut()), (*name, root_routes.get_openapi_mut())]);
    }
    docs::make_distinct(&mut documents);

    for service in services {
        api = api.merge(service.routes);
        root = root.merge(service.root_routes);
    }
    let (routes, document) = introduction.nest(root_paths::PREFIX, api).merge(root).split_for_parts();

    let mut routes = routes
        .merge(docs::routes(&document))
        .fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(edge::EdgeLayer::new(&config, entry, authority, redis, clock));
    if config.body_limit != config::AXUM_BODY_LIMIT {
        routes = routes.layer(axum::extract::DefaultBodyLimit::max(config.body_limit));
    }
    if !config.cors_origins.is_empty() && entry == Entry::Public {
        routes = routes.layer(cors(&config.cors_origins));
    }
    Router::new().fallback_service(root_paths::RootPaths::new(routes))
}

/// Pages of other origins that may call the interface. Tokens travel in headers, never in cookies, so no credentials.
fn cors(origins: &[String]) -> CorsLayer {
    use axum::http::{HeaderName, Method, header};
    let origins = if origins.iter().any(|origin| origin == "*") {
        AllowOrigin::any()
    } else {
        AllowOrigin::list(origins.iter().filter_map(|origin| origin.parse().ok()))
    };
    let ours = ["x-request-id", "x-cart-token", "x-order-token", "idempotency-key"].map(HeaderName::from_static);
    let [request_id, cart_token, ..] = ours.clone();
    CorsLayer::new()
        .allow_origin(origins)
        .allow_methods([Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE])
        .allow_headers(
            ours.into_iter()
                .chain([header::AUTHORIZATION, header::CONTENT_TYPE, header::IF_MATCH, header::IF_NONE_MATCH])
                .collect::<Vec<_>>(),
        )
        .expose_headers(ExposeHeaders::list([
            request_id,
            cart_token,
            header::ETAG,
            header::RETRY_AFTER,
            header::LOCATION,
        ]))
        .max_age(std::time::Duration::from_hours(1))
}
