//! The section `inventory` of the configuration.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// How inventory runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// How long a stock level may be shown from memory. Changes made by this process show at once; this bounds how late
    /// those of another one do. Reservations never look here.
    #[serde(with = "humantime_serde")]
    pub levels_ttl: Duration,
    /// How many stock levels are kept in memory.
    pub levels_cached: u64,
    /// How many reports are kept for each external stock system.
    pub reports_kept: u32,
}

impl Default for Config {
    fn default() -> Self {
        Self { levels_ttl: Duration::from_secs(1), levels_cached: 100_000, reports_kept: 200 }
    }
}
