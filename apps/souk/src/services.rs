//! Builds the services and connects them: the one place that knows who calls whom, and under which rules.

use std::{sync::Arc, time::Duration};

use axum::http::Request;
use souk_contracts::{
    cart::cart_client::CartClient, catalog::catalog_client::CatalogClient, identity::identity_client::IdentityClient,
    inventory::inventory_client::InventoryClient, orders::orders_client::OrdersClient,
    payments::payments_client::PaymentsClient,
};
use souk_gateway::{Edge, Entry, Probe};
use souk_kernel::{Clock, Problem};
use souk_platform::{
    config::Secret,
    events::{Consumers, Outbox},
    rpc::{Channel, CircuitState, Directory, Peer, Policy},
    security::{Authority, ENDED_SESSIONS_EVERY, secret_token},
    service::{Interface, Job, Service},
};
use tonic::body::Body;

use crate::{
    config::{Config, RpcConfig},
    data_dir::DataDir,
    databases::Databases,
    engines::Engines,
    marketplace::StartError,
    peers::Peers,
    roster::{Roster, SERVICES},
};

/// Calls that may be repeated: they read, or their effect is named by what they are about.
const IDENTITY: &[&str] = &["Jwks", "EndedSessions", "Standing", "GetSellers", "GetUsers", "EnsureSeller"];
const CATALOG: &[&str] =
    &["Offers", "EnsureCategory", "ImportProducts", "FindSkus", "Categories", "Products", "MatchTitles"];
const INVENTORY: &[&str] = &["Open", "SetOnHand", "Levels", "Reserve", "Commit", "Release", "Restock"];
const CART: &[&str] = &["Get", "Freeze", "Thaw"];
const ORDERS: &[&str] = &["HasReceived", "NextPaymentAttempt"];
const PAYMENTS: &[&str] =
    &["Fees", "CreatePayment", "GetPayment", "RefreshPayment", "CancelPayment", "RefundPayment", "Providers"];

/// Hands out channels to one caller.
struct Caller<'a> {
    directory: &'a Directory,
    name: &'static str,
    deadline: Duration,
}

impl<'a> Caller<'a> {
    fn new(directory: &'a Directory, name: &'static str, config: &RpcConfig) -> Self {
        // A buyer waits for what these two call.
        let deadline = if matches!(name, "cart" | "orders") { config.checkout_timeout } else { config.timeout };
        Self { directory, name, deadline }
    }

    fn channel(&self, callee: &'static str, idempotent: &'static [&'static str]) -> Channel {
        let policy = Policy::default().deadline(self.deadline).idempotent(idempotent);
        self.directory.channel(self.name, callee, policy)
    }

    fn identity(&self) -> IdentityClient<Channel> {
        IdentityClient::new(self.channel("identity", IDENTITY))
    }

    fn catalog(&self) -> CatalogClient<Channel> {
        // Imports and whole invoices in one call.
        let limit = 64 << 20;
        CatalogClient::new(self.channel("catalog", CATALOG)).max_decoding_message_size(limit)
    }

    fn inventory(&self) -> InventoryClient<Channel> {
        InventoryClient::new(self.channel("inventory", INVENTORY))
    }

    fn cart(&self) -> CartClient<Channel> {
        CartClient::new(self.channel("cart", CART))
    }

    fn orders(&self) -> OrdersClient<Channel> {
        OrdersClient::new(self.channel("orders", ORDERS))
    }

    fn payments(&self) -> PaymentsClient<Channel> {
        PaymentsClient::new(self.channel("payments", PAYMENTS))
    }
}

/// The services of this process, registered under their names.
pub async fn build(
    config: &Config,
    data: &DataDir,
    databases: &Databases,
    engines: &Engines,
    directory: &Directory,
    roster: &Roster,
) -> Result<Vec<Service>, StartError> {
    let caller = |name| Caller::new(directory, name, &config.rpc);
    let mut services = Vec::new();
    for name in SERVICES.into_iter().filter(|name| roster.has(name)) {
        let made = match name {
            "identity" => identity(config, data, databases, engines, caller(name)).await,
            "catalog" => catalog(config, databases, engines, caller(name)).await,
            "inventory" => inventory(config, databases, engines, caller(name)).await,
            "cart" => cart(config, databases, caller(name)).await,
            "orders" => orders(config, data, databases, engines, caller(name)).await?,
            "payments" => payments(config, data, databases, engines, caller(name)).await?,
            "notifications" => notifications(config, databases, caller(name)).await,
            "search" => search(config, data, databases, caller(name)).await,
            // The gateway is what the others are put behind.
            _ => continue,
        };
        let service = made.map_err(|problem| StartError::Service { service: name, problem })?;
        if let Some(routes) = &service.rpc {
            directory.register(service.name, routes.clone());
        }
        services.push(service);
    }
    Ok(services)
}

type Made = Result<Service, Problem>;

async fn identity(
    config: &Config,
    data: &DataDir,
    databases: &Databases,
    engines: &Engines,
    caller: Caller<'_>,
) -> Made {
    souk_identity::service(souk_identity::Deps {
        config: config.identity.clone(),
        sellers: config.sellers.clone(),
        db: databases.identity().clone(),
        cart: caller.cart(),
        signing_key: data.path().join("keys").join("jwt-ed25519.pem"),
        throttle: config.gateway.rate_limit.enabled,
        invalidations: engines.invalidations(souk_identity::NAME),
        ended: engines.ended_sessions().clone(),
    })
    .await
}

async fn catalog(config: &Config, databases: &Databases, engines: &Engines, caller: Caller<'_>) -> Made {
    souk_catalog::service(souk_catalog::Deps {
        config: config.catalog.clone(),
        db: databases.catalog().clone(),
        identity: caller.identity(),
        inventory: caller.inventory(),
        orders: caller.orders(),
        files: engines.files().clone(),
        invalidations: engines.invalidations(souk_catalog::NAME),
        public_url: String::new(),
        currency: config.platform.currency,
    })
    .await
}

async fn inventory(config: &Config, databases: &Databases, engines: &Engines, caller: Caller<'_>) -> Made {
    souk_inventory::service(souk_inventory::Deps {
        config: config.inventory.clone(),
        db: databases.inventory().clone(),
        catalog: caller.catalog(),
        invalidations: engines.invalidations(souk_inventory::NAME),
    })
    .await
}

async fn cart(config: &Config, databases: &Databases, caller: Caller<'_>) -> Made {
    souk_cart::service(souk_cart::Deps {
        config: config.cart.clone(),
        db: databases.cart().clone(),
        catalog: caller.catalog(),
        inventory: caller.inventory(),
        currency: config.platform.currency,
    })
    .await
}

async fn orders(
    config: &Config,
    data: &DataDir,
    databases: &Databases,
    engines: &Engines,
    caller: Caller<'_>,
) -> Result<Made, StartError> {
    let token_secret = Secret::from(data.secret("order-tokens", secret_token)?);
    let deps = souk_orders::Deps {
        config: config.orders.clone(),
        currency: config.platform.currency,
        db: databases.orders().clone(),
        catalog: caller.catalog(),
        inventory: caller.inventory(),
        cart: caller.cart(),
        payments: caller.payments(),
        identity: caller.identity(),
        token_secret,
        invalidations: engines.invalidations(souk_orders::NAME),
    };
    Ok(souk_orders::service(deps).await)
}

async fn payments(
    config: &Config,
    data: &DataDir,
    databases: &Databases,
    engines: &Engines,
    caller: Caller<'_>,
) -> Result<Made, StartError> {
    let sandbox_secret = Secret::from(data.secret("sandbox-webhook", secret_token)?);
    let deps = souk_payments::Deps {
        config: config.payments.clone(),
        db: databases.payments().clone(),
        orders: caller.orders(),
        currency: config.platform.currency,
        generated_secret: sandbox_secret,
        invalidations: engines.invalidations(souk_payments::NAME),
    };
    Ok(souk_payments::service(deps).await)
}

async fn notifications(config: &Config, databases: &Databases, caller: Caller<'_>) -> Made {
    souk_notifications::service(souk_notifications::Deps {
        config: config.notifications.clone(),
        db: databases.notifications().clone(),
        identity: caller.identity(),
        public_url: config.platform.public_url.clone(),
    })
    .await
}

async fn search(config: &Config, data: &DataDir, databases: &Databases, caller: Caller<'_>) -> Made {
    souk_search::service(souk_search::Deps {
        config: config.search.clone(),
        db: databases.search().clone(),
        folder: data.search(),
        catalog: caller.catalog(),
    })
    .await
}

/// Keeps the list of sessions whose tokens this process refuses up to date.
pub fn hear_ended_sessions(config: &Config, engines: &Engines, directory: &Directory) -> Job {
    let identity = Caller::new(directory, "gateway", &config.rpc).identity();
    let ended = engines.ended_sessions().clone();
    Job::new("sessions.ended", ENDED_SESSIONS_EVERY, move || {
        let (identity, ended) = (identity.clone(), ended.clone());
        async move {
            if let Err(error) = ended.hear(identity).await {
                // The circuit has said so, and what was missed is asked for the next time.
                tracing::debug!(%error, "identity can't be asked for sessions that have ended");
            }
        }
    })
}

/// What is served by HTTP.
pub struct Doors {
    /// Behind the edge: to visitors, or, without the gateway, what a gateway elsewhere passes on.
    pub router: axum::Router,
    /// What a gateway elsewhere passes on to the services here.
    pub inner: Option<axum::Router>,
}

/// Everything that is served, behind the edge.
pub fn doors(
    services: Vec<Service>,
    peers: &Peers,
    engines: &Engines,
    config: &Config,
    directory: &Directory,
    clock: &Clock,
    roster: &Roster,
) -> Doors {
    let ended = engines.ended_sessions().clone();
    let authority = Authority::new(Caller::new(directory, "gateway", &config.rpc).identity(), clock.clone(), ended);
    let here: Vec<Outbox> = services.iter().filter_map(|service| service.db.clone()).map(Outbox::Here).collect();
    let edge = |entry, services, outboxes, probes| Edge {
        services,
        outboxes,
        entry,
        authority: authority.clone(),
        probes,
        config: config.gateway.clone(),
        redis: engines.redis().cloned(),
        clock: clock.clone(),
        stop: engines.stop().clone(),
    };
    let probe = || [circuits(directory.clone())].into_iter().chain(engines.probes()).collect::<Vec<_>>();
    if !roster.has_gateway() {
        let router = souk_gateway::router(edge(Entry::BehindGateway, services, here, probe()));
        return Doors { router: router.clone(), inner: Some(router) };
    }
    let inner = (roster.elsewhere().next().is_some() || config.rpc.listen.is_some()).then(|| {
        let services = services.iter().map(again).collect();
        souk_gateway::router(edge(Entry::BehindGateway, services, here.clone(), probe()))
    });
    let mut probes = probe();
    probes.extend(peers.values().map(ready));
    let elsewhere = peers.iter().map(|(name, peer)| souk_gateway::passed_on(interface(name, config), peer));
    let outboxes = here.into_iter().chain(peers.keys().map(|name| Outbox::elsewhere(directory, name))).collect();
    let services = services.into_iter().chain(elsewhere).collect();
    Doors { router: souk_gateway::router(edge(Entry::Public, services, outboxes, probes)), inner }
}

/// What a service elsewhere shows.
fn interface(service: &str, config: &Config) -> Interface {
    match service {
        "identity" => souk_identity::interface(),
        "catalog" => souk_catalog::interface(),
        "inventory" => souk_inventory::interface(),
        "cart" => souk_cart::interface(),
        "orders" => souk_orders::interface(),
        "payments" => souk_payments::interface(&config.payments),
        "notifications" => souk_notifications::interface(),
        "search" => souk_search::interface(),
        other => unreachable!("{other} has an address, so it is one of the services"),
    }
}

/// The HTTP side of a service, to be mounted a second time.
fn again(service: &Service) -> Service {
    Service {
        name: service.name,
        title: service.title,
        routes: service.routes.clone(),
        root_routes: service.root_routes.clone(),
        rpc: None,
        consumers: Consumers::new(service.name),
        jobs: Vec::new(),
        db: service.db.clone(),
    }
}

/// Whether any callee is left alone.
fn circuits(directory: Directory) -> Probe {
    Probe::helpful("calls", move || {
        let open: Vec<String> = directory
            .circuits()
            .into_iter()
            .filter(|circuit| circuit.state == CircuitState::Open)
            .map(|circuit| format!("{} to {}", circuit.caller, circuit.callee))
            .collect();
        async move { if open.is_empty() { Ok(()) } else { Err(format!("open circuits: {}", open.join(", "))) } }
    })
}

/// Whether a service elsewhere is ready.
fn ready(peer: &Arc<Peer>) -> Probe {
    let peer = Arc::clone(peer);
    Probe::helpful(peer.name(), move || {
        let peer = Arc::clone(&peer);
        async move {
            let request = Request::get("/health/ready").body(Body::empty()).expect("the path is well-formed");
            let answer = peer.send(request).await.map_err(|error| error.to_string())?;
            if answer.status().is_success() { Ok(()) } else { Err(format!("it answers {}", answer.status())) }
        }
    })
}
