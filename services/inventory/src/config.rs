//! The section `inventory` of the configuration.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use souk_platform::config::Network;

/// How inventory runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// How long a stock level may be shown from memory. Changes show at once where instances tell each other of them
    /// (`redis.url`); this bounds how late those of another process do where they don't. Reservations never look here.
    #[serde(with = "humantime_serde")]
    pub levels_ttl: Duration,
    /// How many stock levels are kept in memory.
    pub levels_cached: u64,
    /// How many reports are kept for each external stock system.
    pub reports_kept: u32,
    /// What runs between us and external stock systems by itself.
    pub sources: SourcesConfig,
}

/// What runs between us and external stock systems by itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SourcesConfig {
    /// Networks that feeds may lie in and publications may go to, besides the public Internet. Sellers choose the URLs: what
    /// is allowed here is open to all of them.
    pub allowed_networks: Vec<Network>,
    /// How long fetching a feed, or telling a change, may take; at most 20 s.
    #[serde(with = "humantime_serde")]
    pub timeout: Duration,
    /// How many bytes a feed may have.
    pub feed_limit: usize,
    /// How many external systems are spoken to at once.
    pub concurrency: usize,
    /// How long changes are gathered before they are told.
    #[serde(with = "humantime_serde")]
    pub publish_after: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            levels_ttl: Duration::from_secs(1),
            levels_cached: 100_000,
            reports_kept: 200,
            sources: SourcesConfig::default(),
        }
    }
}

impl Default for SourcesConfig {
    fn default() -> Self {
        Self {
            allowed_networks: Vec::new(),
            timeout: Duration::from_secs(15),
            feed_limit: 4 << 20,
            concurrency: 8,
            publish_after: Duration::from_secs(1),
        }
    }
}
