//! Builds the services and connects them: the one place that knows who calls whom, and under which rules.

use souk_contracts::{
    cart::cart_client::CartClient, catalog::catalog_client::CatalogClient, identity::identity_client::IdentityClient,
    inventory::inventory_client::InventoryClient, orders::orders_client::OrdersClient,
    payments::payments_client::PaymentsClient,
};
use souk_gateway::Probe;
use souk_kernel::{Clock, Problem};
use souk_platform::{
    config::Secret,
    files::Files,
    rpc::{Channel, CircuitState, Directory, Policy},
    security::{Authority, secret_token},
    service::Service,
};
use tokio_util::sync::CancellationToken;

use crate::{
    config::Config,
    data_dir::DataDir,
    marketplace::{Databases, StartError},
};

/// Calls that may be repeated: they read, or their effect is named by what they are about.
const IDENTITY: &[&str] = &["Jwks", "Standing", "GetSellers", "GetUsers", "EnsureSeller"];
const CATALOG: &[&str] =
    &["Offers", "EnsureCategory", "ImportProducts", "FindSkus", "Categories", "Products", "MatchTitles"];
const INVENTORY: &[&str] = &["Open", "SetOnHand", "Levels", "Reserve", "Commit", "Release", "Restock"];
const CART: &[&str] = &["Get", "Freeze", "Thaw"];
const ORDERS: &[&str] = &["HasReceived", "NextPaymentAttempt"];
const PAYMENTS: &[&str] =
    &["Fees", "CreatePayment", "GetPayment", "RefreshPayment", "CancelPayment", "RefundPayment", "Providers"];

/// Hands out channels to one caller.
struct Caller<'a>(&'a Directory, &'static str);

impl Caller<'_> {
    fn channel(&self, callee: &'static str, idempotent: &'static [&'static str], policy: Policy) -> Channel {
        self.0.channel(self.1, callee, policy.idempotent(idempotent))
    }

    fn identity(&self, policy: Policy) -> IdentityClient<Channel> {
        IdentityClient::new(self.channel("identity", IDENTITY, policy))
    }

    fn catalog(&self, policy: Policy) -> CatalogClient<Channel> {
        // Imports and whole invoices in one call.
        let limit = 64 << 20;
        CatalogClient::new(self.channel("catalog", CATALOG, policy)).max_decoding_message_size(limit)
    }

    fn inventory(&self, policy: Policy) -> InventoryClient<Channel> {
        InventoryClient::new(self.channel("inventory", INVENTORY, policy))
    }

    fn cart(&self, policy: Policy) -> CartClient<Channel> {
        CartClient::new(self.channel("cart", CART, policy))
    }

    fn orders(&self, policy: Policy) -> OrdersClient<Channel> {
        OrdersClient::new(self.channel("orders", ORDERS, policy))
    }

    fn payments(&self, policy: Policy) -> PaymentsClient<Channel> {
        PaymentsClient::new(self.channel("payments", PAYMENTS, policy))
    }
}

/// All services, registered under their names.
pub async fn build(
    config: &Config,
    data: &DataDir,
    databases: &Databases,
    directory: &Directory,
) -> Result<Vec<Service>, StartError> {
    let caller = |name| Caller(directory, name);
    let checkout = Policy::checkout;
    let patient = Policy::default;
    let currency = config.platform.currency;
    let files = Files::open("catalog.files", &data.files_url())?;
    let sandbox_secret = Secret::from(data.secret("sandbox-webhook", secret_token)?);

    let services = vec![
        named(
            "identity",
            souk_identity::service(souk_identity::Deps {
                config: config.identity.clone(),
                sellers: config.sellers.clone(),
                db: databases.identity.clone(),
                cart: caller("identity").cart(patient()),
                signing_key: data.path().join("keys").join("jwt-ed25519.pem"),
                throttle: config.gateway.rate_limit.enabled,
            })
            .await,
        )?,
        named(
            "catalog",
            souk_catalog::service(souk_catalog::Deps {
                config: config.catalog.clone(),
                db: databases.catalog.clone(),
                identity: caller("catalog").identity(patient()),
                inventory: caller("catalog").inventory(patient()),
                orders: caller("catalog").orders(patient()),
                files,
                public_url: String::new(),
                currency,
            })
            .await,
        )?,
        named(
            "inventory",
            souk_inventory::service(souk_inventory::Deps {
                config: config.inventory.clone(),
                db: databases.inventory.clone(),
                catalog: caller("inventory").catalog(patient()),
            })
            .await,
        )?,
        named(
            "cart",
            souk_cart::service(souk_cart::Deps {
                config: config.cart.clone(),
                db: databases.cart.clone(),
                catalog: caller("cart").catalog(checkout()),
                inventory: caller("cart").inventory(checkout()),
                currency,
            })
            .await,
        )?,
        named(
            "orders",
            souk_orders::service(souk_orders::Deps {
                config: config.orders.clone(),
                currency,
                db: databases.orders.clone(),
                catalog: caller("orders").catalog(checkout()),
                inventory: caller("orders").inventory(checkout()),
                cart: caller("orders").cart(checkout()),
                payments: caller("orders").payments(checkout()),
                identity: caller("orders").identity(checkout()),
                token_secret: Secret::from(data.secret("order-tokens", secret_token)?),
            })
            .await,
        )?,
        named(
            "payments",
            souk_payments::service(souk_payments::Deps {
                config: config.payments.clone(),
                db: databases.payments.clone(),
                orders: caller("payments").orders(patient()),
                currency,
                generated_secret: sandbox_secret,
            })
            .await,
        )?,
        named(
            "notifications",
            souk_notifications::service(souk_notifications::Deps {
                config: config.notifications.clone(),
                db: databases.notifications.clone(),
                identity: caller("notifications").identity(patient()),
                public_url: config.platform.public_url.clone(),
            })
            .await,
        )?,
        search(config, data, databases, directory).await?,
    ];
    for service in &services {
        if let Some(routes) = &service.rpc {
            directory.register(service.name, routes.clone());
        }
    }
    Ok(services)
}

async fn search(
    config: &Config,
    data: &DataDir,
    databases: &Databases,
    directory: &Directory,
) -> Result<Service, StartError> {
    let deps = souk_search::Deps {
        config: config.search.clone(),
        db: databases.search.clone(),
        folder: data.search(),
        catalog: Caller(directory, "search").catalog(Policy::default()),
    };
    named("search", souk_search::service(deps).await)
}

fn named(service: &'static str, made: Result<Service, Problem>) -> Result<Service, StartError> {
    made.map_err(|problem| StartError::Service { service, problem })
}

/// Everything that is served, behind the edge.
pub fn router(
    services: Vec<Service>,
    config: &Config,
    directory: &Directory,
    clock: &Clock,
    stop: CancellationToken,
) -> axum::Router {
    let authority = Authority::new(Caller(directory, "gateway").identity(Policy::default()), clock.clone());
    let circuits = directory.clone();
    let calls = Probe::helpful("calls", move || {
        let open: Vec<String> = circuits
            .circuits()
            .into_iter()
            .filter(|circuit| circuit.state == CircuitState::Open)
            .map(|circuit| format!("{} to {}", circuit.caller, circuit.callee))
            .collect();
        async move { if open.is_empty() { Ok(()) } else { Err(format!("open circuits: {}", open.join(", "))) } }
    });
    souk_gateway::router(souk_gateway::Edge {
        services,
        authority,
        probes: vec![calls],
        config: config.gateway.clone(),
        clock: clock.clone(),
        stop,
    })
}
