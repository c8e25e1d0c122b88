//! Search: finds products by the words of buyers, counts what it finds, completes what is typed.
//!
//! The index is Tantivy's; what it holds comes from the events of catalog and inventory, by way of a table of documents.
//! See `README.md` of this folder for what the service owns and promises, and `docs/search.md` for how results are ranked.

mod app;
mod categories;
mod config;
mod consumers;
pub mod domain;
mod engine;
mod error;
mod http;
pub mod index;
mod items;
mod jobs;
mod live;
mod operations;
mod statistics;
mod store;
pub mod verify;

use souk_kernel::Problem;
use souk_platform::service::{Interface, Service};
use utoipa_axum::router::OpenApiRouter;

use app::App;
pub use app::Deps;
pub use config::Config;
pub use store::Migrator;

/// The service's short name.
pub const NAME: &str = "search";
const TITLE: &str = "Search Service";

/// What it shows by HTTP, for a gateway in another process.
pub fn interface() -> Interface {
    Interface { name: NAME, title: TITLE, routes: http::table().into_openapi(), root_routes: Interface::nothing() }
}

/// Puts the service together.
pub async fn service(deps: Deps) -> Result<Service, Problem> {
    let app = App::new(deps).await?;
    Ok(Service {
        name: NAME,
        title: TITLE,
        routes: http::routes(app.clone()),
        root_routes: OpenApiRouter::new(),
        rpc: None,
        consumers: consumers::consumers(&app),
        jobs: jobs::jobs(&app),
        db: Some(app.db.clone()),
    })
}

/// Asks catalog for all products and builds the index anew, beside the one that answers, which then takes its place: also that of
/// a server which is running in another process. `progress` is told what is being done, how much of it is done, and of how
/// much. Gives the number of products.
pub async fn reindex(deps: Deps, progress: &(dyn Fn(&'static str, u64, u64) + Send + Sync)) -> Result<u64, Problem> {
    let app = App::new(deps).await?;
    Ok(operations::reindex(&app, progress).await?)
}
