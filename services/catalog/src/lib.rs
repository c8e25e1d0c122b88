//! The catalogue: products, variants and offers, categories with their attribute schemas, images and reviews.
//!
//! A product has variants (combinations of options); a SKU is one seller's offer of one variant. Carts, stock and orders
//! speak of SKUs only. Who wants to change something goes through [`operations`]; who reads goes from [`http`] to
//! [`store`], usually by way of [`cache`].

mod app;
mod cache;
mod config;
mod consumers;
mod domain;
mod error;
mod http;
mod operations;
mod rpc;
mod store;
#[cfg(test)]
mod tests;
pub mod verify;

pub use app::Deps;
pub use config::{CacheConfig, Config, ImagesConfig};
pub use store::Migrator;

use souk_kernel::Problem;
use souk_platform::service::{Interface, Service};

/// The service's short name.
pub const NAME: &str = "catalog";
const TITLE: &str = "Catalog Service";

/// What it shows by HTTP, for a gateway in another process.
pub fn interface() -> Interface {
    Interface {
        name: NAME,
        title: TITLE,
        routes: http::table().into_openapi(),
        root_routes: http::root_table().into_openapi(),
    }
}

/// The service, ready to be mounted.
#[expect(clippy::unused_async, reason = "every service is started by an async function")]
pub async fn service(deps: Deps) -> Result<Service, Problem> {
    let app = app::App::new(deps);
    Ok(Service {
        name: NAME,
        title: TITLE,
        routes: http::routes(app.clone()),
        root_routes: http::root_routes(app.clone()),
        rpc: Some(rpc::routes(app.clone())),
        consumers: consumers::consumers(&app),
        jobs: Vec::new(),
        db: Some(app.db.clone()),
    })
}
