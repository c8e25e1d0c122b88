//! Orders: from the cart to the doorstep, and back.
//!
//! An order is placed by a saga whose state lies in this service's database ([`operations::check_out`]), completed by one
//! idempotent operation that every trigger calls ([`operations::complete_order`]), and undone by another
//! ([`operations::undo_order`]).

mod app;
mod config;
mod consumers;
mod domain;
mod error;
mod events;
mod guest_tokens;
mod http;
mod hub;
mod jobs;
mod locks;
mod operations;
mod others;
mod queue;
mod rpc;
mod store;
pub mod verify;

#[cfg(test)]
mod tests;

pub use config::{Config, QueueConfig, ShippingMethod};
pub use store::Migrator;

use std::sync::Arc;

use souk_contracts::{
    cart::cart_client::CartClient, catalog::catalog_client::CatalogClient, identity::identity_client::IdentityClient,
    inventory::inventory_client::InventoryClient, payments::payments_client::PaymentsClient,
};
use souk_kernel::{Currency, Problem};
use souk_platform::{
    config::Secret,
    db::Database,
    invalidations::Invalidations,
    rpc::Channel,
    service::{Interface, Service},
};
use utoipa_axum::router::OpenApiRouter;

/// The service's name for calls, events and paths.
pub const NAME: &str = "orders";
const TITLE: &str = "Orders Service";

/// What the service needs.
pub struct Deps {
    pub config: Config,
    /// `platform.currency`: what shipping prices are in, unless they say otherwise.
    pub currency: Currency,
    pub db: Database,
    pub catalog: CatalogClient<Channel>,
    pub inventory: InventoryClient<Channel>,
    pub cart: CartClient<Channel>,
    pub payments: PaymentsClient<Channel>,
    pub identity: IdentityClient<Channel>,
    /// Guests' order tokens are made with it; it stays the same for as long as they are to open their orders.
    pub token_secret: Secret,
    /// What instances of this service tell each other.
    pub invalidations: Invalidations,
}

/// What it shows by HTTP, for a gateway in another process.
pub fn interface() -> Interface {
    Interface { name: NAME, title: TITLE, routes: http::table().into_openapi(), root_routes: Interface::nothing() }
}

/// The service, ready to be mounted. An error names the part of the configuration that can't be worked with.
#[expect(clippy::unused_async, reason = "every service is made by an async function")]
pub async fn service(deps: Deps) -> Result<Service, Problem> {
    Ok(serve(&Arc::new(app::App::new(deps)?)))
}

fn serve(app: &app::AppState) -> Service {
    Service {
        name: NAME,
        title: TITLE,
        routes: http::routes(Arc::clone(app)),
        root_routes: OpenApiRouter::new(),
        rpc: Some(rpc::routes(Arc::clone(app))),
        consumers: consumers::consumers(app),
        jobs: jobs::jobs(app),
        db: Some(app.db.clone()),
    }
}
