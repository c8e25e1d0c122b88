//! Inventory: how many units there are of each SKU, and for whom they are held.
//!
//! Stock is an append-only ledger and its folded state, changed together in one transaction. See the README for tables,
//! events, calls and invariants.

mod adapters;
mod app;
mod config;
mod consumers;
mod domain;
mod error;
mod http;
mod levels;
mod operations;
mod others;
mod publishers;
mod rpc;
mod store;
pub mod verify;

#[cfg(test)]
mod tests;

use std::{sync::Arc, time::Duration};

use souk_contracts::{catalog::catalog_client::CatalogClient, inventory::inventory_server::InventoryServer};
use souk_kernel::Problem;
use souk_platform::{
    db::Database,
    invalidations::Invalidations,
    rpc::Channel,
    service::{Interface, Job, Service},
};
use tonic::service::Routes;
use utoipa_axum::router::OpenApiRouter;

pub use config::{Config, SourcesConfig};
pub use domain::Level;
pub use operations::{Difference, Report, rebuild};
pub use store::Migrator;

/// What inventory needs.
pub struct Deps {
    /// Its section of the configuration.
    pub config: Config,
    /// Its database, opened with [`Migrator`].
    pub db: Database,
    /// Finds SKUs by their codes, for external stock systems.
    pub catalog: CatalogClient<Channel>,
    /// What instances of this service tell each other.
    pub invalidations: Invalidations,
}

/// The service's short name.
pub const NAME: &str = "inventory";
const TITLE: &str = "Inventory Service";

/// What it shows by HTTP, for a gateway in another process.
pub fn interface() -> Interface {
    Interface { name: NAME, title: TITLE, routes: http::table().into_openapi(), root_routes: Interface::nothing() }
}

/// Inventory, ready to be mounted.
#[expect(clippy::unused_async, reason = "every service is made in the same way, and some have to wait for something")]
pub async fn service(deps: Deps) -> Result<Service, Problem> {
    let Deps { config, db, catalog, invalidations } = deps;
    let app = Arc::new(app::App::new(config, db.clone(), catalog, invalidations));
    Ok(Service {
        name: NAME,
        title: TITLE,
        routes: http::routes(Arc::clone(&app)),
        root_routes: OpenApiRouter::new(),
        rpc: Some(Routes::new(InventoryServer::new(rpc::Calls(Arc::clone(&app))))),
        consumers: consumers::consumers(&app),
        jobs: vec![rearm_job(Arc::clone(&app))],
        db: Some(db),
    })
}

/// Timers keep external systems going; this finds those whose timer was lost with a dead letter.
fn rearm_job(app: app::State) -> Job {
    Job::new("inventory.rearm_sources", Duration::from_mins(10), move || {
        let app = Arc::clone(&app);
        async move {
            match operations::rearm(&app).await {
                Ok(0) => {}
                Ok(channels) => tracing::warn!(channels, "external stock systems had been left lying"),
                Err(error) => tracing::error!(%error, "external stock systems can't be looked through"),
            }
        }
    })
}
