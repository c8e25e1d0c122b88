//! The section `cart` of the configuration.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// How cart runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// How long a guest's cart is kept after it was last changed.
    #[serde(with = "humantime_serde")]
    pub guest_kept: Duration,
    /// How long a guest's cart without a line is kept.
    #[serde(with = "humantime_serde")]
    pub empty_kept: Duration,
    /// How long a cart is kept after it became an order.
    #[serde(with = "humantime_serde")]
    pub closed_kept: Duration,
}

impl Default for Config {
    fn default() -> Self {
        let day = Duration::from_hours(24);
        Self { guest_kept: 60 * day, empty_kept: day, closed_kept: 30 * day }
    }
}
