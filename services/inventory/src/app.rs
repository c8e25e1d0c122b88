//! What every part of the running service holds.

use std::sync::Arc;

use souk_contracts::catalog::catalog_client::CatalogClient;
use souk_platform::{db::Database, invalidations::Invalidations, outbound::Outbound, rpc::Channel};
use tokio::sync::Semaphore;

use crate::{config::Config, levels::Levels, others, publishers::Publishers};

/// The running service.
pub struct App {
    pub config: Config,
    pub db: Database,
    pub catalog: CatalogClient<Channel>,
    pub levels: Levels,
    pub publishers: Publishers,
    /// What instances tell each other.
    pub others: Invalidations,
    pub outbound: Outbound,
    /// For speaking to external systems: slow ones must not hold up the delivery of events.
    pub permits: Semaphore,
}

impl App {
    pub fn new(config: Config, db: Database, catalog: CatalogClient<Channel>, others: Invalidations) -> Self {
        let (levels, publishers) = (Levels::new(&config), Publishers::new(&config));
        others::listen(&others, &levels, &publishers);
        let outbound = Outbound::new(config.sources.allowed_networks.clone());
        let permits = Semaphore::new(config.sources.concurrency.max(1));
        Self { config, db, catalog, levels, publishers, others, outbound, permits }
    }
}

/// Shared by handlers, calls and consumers.
pub type State = Arc<App>;
