//! The whole configuration: one section for each part. `docs/configuration.md` is generated from it.

use std::{net::SocketAddr, path::Path, time::Duration};

use serde::{Deserialize, Serialize};
use souk_kernel::Currency;
use souk_platform::{
    config::{self, ConfigError},
    discovery::DiscoveryConfig,
    events::EventsConfig,
    files::FilesConfig,
    redis::RedisConfig,
    rpc::Address,
    tls,
};

use crate::{database::DatabaseConfig, per_service::PerService};

/// Everything that can be configured.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// What all parts share.
    pub platform: PlatformConfig,
    /// Where data is kept.
    pub database: DatabaseConfig,
    /// How events go from one process to another.
    pub events: EventsConfig,
    /// Where images are kept.
    pub files: FilesConfig,
    /// What processes share that need not survive.
    pub redis: RedisConfig,
    /// Calls between services.
    pub rpc: RpcConfig,
    /// Where services are that run in other processes: `http://10.0.0.5:7001` for each instance,
    /// `dns:catalog.souk.svc:7001` for all addresses of a name, or `etcd:` for those that have registered, which is also
    /// where those without an address are looked up.
    pub peers: PerService<Vec<Address>>,
    /// Where processes register, and find each other.
    pub discovery: DiscoveryConfig,
    /// Certificates between processes.
    pub tls: tls::MutualConfig,
    /// The edge: limits, addresses.
    pub gateway: souk_gateway::Config,
    /// Accounts and logins.
    pub identity: souk_identity::Config,
    /// How sellers come in.
    pub sellers: souk_identity::SellersConfig,
    /// Products and reviews.
    pub catalog: souk_catalog::Config,
    /// Stock.
    pub inventory: souk_inventory::Config,
    /// Carts.
    pub cart: souk_cart::Config,
    /// Orders and checkout.
    pub orders: souk_orders::Config,
    /// Payments and the ledger.
    pub payments: souk_payments::Config,
    /// Mail and the inbox.
    pub notifications: souk_notifications::Config,
    /// The search box.
    pub search: souk_search::Config,
}

/// What all parts share.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PlatformConfig {
    /// The currency that prices are in, ISO 4217.
    pub currency: Currency,
    /// Where buyers reach the marketplace, for links in mails; empty means the address that is listened on.
    pub public_url: String,
    /// Which log lines are written, for example `info,souk_orders=debug`.
    pub log: String,
}

impl Default for PlatformConfig {
    fn default() -> Self {
        Self {
            currency: Currency::EUR,
            public_url: String::new(),
            log: "info,sea_orm_migration=warn,lapin=off".to_owned(),
        }
    }
}

/// Calls between services, in one process or between several.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RpcConfig {
    /// Where the services of this process answer those of others: calls by gRPC, and what a gateway passes on. Off unless
    /// set; a process without the gateway then listens at the address of the command line.
    pub listen: Option<SocketAddr>,
    /// How long a call may take in all.
    #[serde(with = "humantime_serde")]
    pub timeout: Duration,
    /// The same for calls that a buyer waits for at checkout: what cart and orders ask of others.
    #[serde(with = "humantime_serde")]
    pub checkout_timeout: Duration,
}

impl Default for RpcConfig {
    fn default() -> Self {
        Self { listen: None, timeout: Duration::from_secs(2), checkout_timeout: Duration::from_millis(500) }
    }
}

impl Config {
    /// Reads `file` (or `souk.toml` in the data directory, if there is one), the environment and `overrides`.
    pub fn load(
        file: Option<&Path>,
        data: &Path,
        overrides: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, ConfigError> {
        let in_data = data.join("souk.toml");
        let file = file.or_else(|| in_data.is_file().then_some(in_data.as_path()));
        config::load(file, config::environment(), overrides)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_section_has_whole_defaults() {
        config::check_defaults::<Config>().unwrap();
    }

    #[test]
    fn the_documentation_shows_every_key_with_its_default() {
        let documented = include_str!("../../../docs/configuration.md");
        let defaults = config::render(&Config::default()).unwrap();
        assert!(
            documented.contains(&format!("```toml\n{defaults}```")),
            "docs/configuration.md is out of date; its block should be:\n{defaults}"
        );
    }

    #[test]
    fn the_files_for_deployments_are_accepted() {
        let deploy = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy");
        for file in ["image/souk.toml", "compose/souk.toml", "kubernetes/base/souk.toml"] {
            let read: Result<Config, _> = config::load(Some(&deploy.join(file)), [], []);
            assert!(read.is_ok(), "{file}: {}", read.unwrap_err());
        }
    }
}
