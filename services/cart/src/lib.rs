//! Cart: what a buyer means to buy.
//!
//! A cart belongs to a user or to whoever holds a guest's token. It shows the prices and the stock of the moment and promises
//! neither; an order freezes it. See the README for tables, events, calls and invariants.

mod app;
mod config;
mod consumers;
mod domain;
mod error;
mod http;
mod market;
mod operations;
mod rpc;
mod store;
pub mod verify;

#[cfg(test)]
mod tests;

use std::{sync::Arc, time::Duration};

use souk_contracts::{
    cart::cart_server::CartServer, catalog::catalog_client::CatalogClient, inventory::inventory_client::InventoryClient,
};
use souk_kernel::{Currency, Problem};
use souk_platform::{
    db::Database,
    rpc::Channel,
    service::{Interface, Job, Service},
};
use tonic::service::Routes;
use utoipa_axum::router::OpenApiRouter;

pub use config::Config;
pub use store::Migrator;

/// What cart needs.
pub struct Deps {
    /// Its section of the configuration.
    pub config: Config,
    /// Its database, opened with [`Migrator`].
    pub db: Database,
    /// Knows the offers.
    pub catalog: CatalogClient<Channel>,
    /// Knows what is available.
    pub inventory: InventoryClient<Channel>,
    /// What an empty cart counts in.
    pub currency: Currency,
}

const NAME: &str = "cart";
const TITLE: &str = "Cart Service";

/// What it shows by HTTP, for a gateway in another process.
pub fn interface() -> Interface {
    Interface { name: NAME, title: TITLE, routes: http::table().into_openapi(), root_routes: Interface::nothing() }
}

/// Cart, ready to be mounted.
#[expect(clippy::unused_async, reason = "every service is made in the same way, and some have to wait for something")]
pub async fn service(deps: Deps) -> Result<Service, Problem> {
    let Deps { config, db, catalog, inventory, currency } = deps;
    let app = Arc::new(app::App { config, db: db.clone(), catalog, inventory, currency });
    Ok(Service {
        name: NAME,
        title: TITLE,
        routes: http::routes(Arc::clone(&app)),
        root_routes: OpenApiRouter::new(),
        rpc: Some(Routes::new(CartServer::new(rpc::Calls(Arc::clone(&app))))),
        consumers: consumers::consumers(&app),
        jobs: vec![purge(app)],
        db: Some(db),
    })
}

fn purge(app: app::State) -> Job {
    Job::new("cart.purge", Duration::from_hours(1), move || {
        let app = Arc::clone(&app);
        async move {
            match operations::purge(&app).await {
                Ok(0) => {}
                Ok(carts) => tracing::info!(carts, "forgotten carts were removed"),
                Err(error) => tracing::error!(%error, "forgotten carts could not be removed"),
            }
        }
    })
}
