//! What every part of the running service holds.

use std::sync::Arc;

use souk_contracts::catalog::catalog_client::CatalogClient;
use souk_platform::{db::Database, outbound::Outbound, rpc::Channel};
use tokio::sync::Semaphore;

use crate::{config::Config, levels::Levels, publishers::Publishers};

/// The running service.
pub struct App {
    pub config: Config,
    pub db: Database,
    pub catalog: CatalogClient<Channel>,
    pub levels: Levels,
    pub publishers: Publishers,
    pub outbound: Outbound,
    /// For speaking to external systems: slow ones must not hold up the delivery of events.
    pub permits: Semaphore,
}

impl App {
    pub fn new(config: Config, db: Database, catalog: CatalogClient<Channel>) -> Self {
        let levels = Levels::new(&config);
        let publishers = Publishers::new(&config);
        let outbound = Outbound::new(config.sources.allowed_networks.clone());
        let permits = Semaphore::new(config.sources.concurrency.max(1));
        Self { config, db, catalog, levels, publishers, outbound, permits }
    }
}

/// Shared by handlers, calls and consumers.
pub type State = Arc<App>;
