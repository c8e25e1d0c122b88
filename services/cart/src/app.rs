//! What every part of the running service holds.

use std::sync::Arc;

use souk_contracts::{catalog::catalog_client::CatalogClient, inventory::inventory_client::InventoryClient};
use souk_kernel::Currency;
use souk_platform::{db::Database, rpc::Channel};

use crate::config::Config;

/// The running service.
pub struct App {
    pub config: Config,
    pub db: Database,
    pub catalog: CatalogClient<Channel>,
    pub inventory: InventoryClient<Channel>,
    /// What an empty cart counts in.
    pub currency: Currency,
}

/// Shared by handlers, calls and consumers.
pub type State = Arc<App>;
