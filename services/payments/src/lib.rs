//! Money in, money out, and the books: payments, refunds, provider adapters, the ledger, commission, payouts.
//!
//! See `README.md` of this folder for what the service owns, offers and promises.

mod app;
mod config;
mod consumers;
mod domain;
mod error;
mod events;
mod http;
mod operations;
mod providers;
mod rpc;
mod store;
#[cfg(test)]
mod tests;
pub mod verify;

use std::{sync::Arc, time::Duration};

use souk_contracts::{orders::orders_client::OrdersClient, payments::payments_server::PaymentsServer};
use souk_kernel::{Currency, Problem};
use souk_platform::{
    config::Secret,
    db::Database,
    invalidations::Invalidations,
    rpc::Channel,
    service::{Interface, Job, Service},
};

use app::{App, AppState};
pub use config::{Config, SandboxConfig};
pub use domain::{
    payment::{PaymentStatus, ProviderName},
    signature::sign,
};
use operations::{change_rules::ensure_default_rule, reconcile::reconcile};
use providers::{Provider, Providers, manual::Manual, sandbox::Sandbox};
pub use store::Migrator;

/// How often open payments and refunds are looked at.
const RECONCILE_EVERY: Duration = Duration::from_secs(15);

/// What payments needs.
pub struct Deps {
    /// The section `payments`.
    pub config: Config,
    /// Its own database.
    pub db: Database,
    /// To open another attempt to pay an order.
    pub orders: OrdersClient<Channel>,
    /// The marketplace's currency.
    pub currency: Currency,
    /// Signs the sandbox's webhooks where the configuration names no secret: random, and kept with the data.
    pub generated_secret: Secret,
    /// What instances of this service tell each other.
    pub invalidations: Invalidations,
}

/// The service's short name.
pub const NAME: &str = "payments";
const TITLE: &str = "Payments Service";

/// What it shows by HTTP where it is configured so, for a gateway in another process.
pub fn interface(config: &Config) -> Interface {
    let sandbox = config.providers.contains(&ProviderName::Sandbox);
    Interface {
        name: NAME,
        title: TITLE,
        routes: http::table(sandbox).into_openapi(),
        root_routes: http::root_table(sandbox).into_openapi(),
    }
}

/// Puts the service together.
pub async fn service(deps: Deps) -> Result<Service, Problem> {
    let Deps { config, db, orders, currency, generated_secret, invalidations } = deps;
    config.check()?;
    ensure_default_rule(&db, config.commission_basis_points).await?;
    let (providers, sandbox) = providers(&config, &db, generated_secret)?;
    let app = App::new(config, db.clone(), orders, currency, providers, sandbox, invalidations);
    Ok(Service {
        name: NAME,
        title: TITLE,
        routes: http::routes(app.clone()),
        root_routes: http::root_routes(app.clone()),
        consumers: consumers::consumers(&app),
        jobs: vec![reconcile_job(app.clone())],
        rpc: Some(tonic::service::Routes::new(PaymentsServer::new(rpc::Calls(app)))),
        db: Some(db),
    })
}

fn providers(config: &Config, db: &Database, generated: Secret) -> Result<(Providers, Option<Sandbox>), Problem> {
    let configured = &config.sandbox.webhook_secret;
    let secret = if configured.is_empty() { generated } else { configured.clone() };
    let offered = |name: &ProviderName| config.providers.contains(name);
    let sandbox = offered(&ProviderName::Sandbox).then(|| Sandbox::new(db.clone(), secret.clone()));
    if sandbox.is_some() && secret.is_empty() {
        return Err(Problem::invalid(
            "payments.sandbox.webhook_secret",
            "is needed: anybody could sign with an empty one",
        ));
    }
    let adapters = config.providers.iter().filter_map(|name| -> Option<Arc<dyn Provider>> {
        match name {
            ProviderName::Sandbox => sandbox.clone().map(|sandbox| Arc::new(sandbox) as Arc<dyn Provider>),
            ProviderName::Manual => Some(Arc::new(Manual)),
        }
    });
    let providers = Providers::new(adapters, config.fallback.clone(), config.provider_timeout, db.clock());
    Ok((providers, sandbox))
}

fn reconcile_job(app: AppState) -> Job {
    Job::new("payments.reconcile", RECONCILE_EVERY, move || {
        let app = app.clone();
        async move { reconcile(&app).await }
    })
}
