//! What every part of the running service holds.

use std::sync::Arc;

use souk_contracts::catalog::catalog_client::CatalogClient;
use souk_platform::{db::Database, rpc::Channel};

use crate::{config::Config, levels::Levels};

/// The running service.
pub struct App {
    pub config: Config,
    pub db: Database,
    pub catalog: CatalogClient<Channel>,
    pub levels: Levels,
}

/// Shared by handlers, calls and consumers.
pub type State = Arc<App>;
