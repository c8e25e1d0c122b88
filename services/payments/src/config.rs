//! The section `[payments]` of the configuration.

use std::time::Duration;

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};
use souk_kernel::Problem;
use souk_platform::config::Secret;

use crate::domain::payment::ProviderName;

/// The section `[payments]`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The providers that buyers may choose; the first is the default.
    pub providers: Vec<ProviderName>,
    /// Those to try, in this order, when the wanted one is down. None by default: the only other built-in one is a bank
    /// transfer, which a buyer who wanted to pay now has not asked for.
    pub fallback: Vec<ProviderName>,
    /// How long a call to a provider may take.
    #[serde(with = "humantime_serde")]
    pub provider_timeout: Duration,
    /// A payment that is open for longer than this is asked about at its provider.
    #[serde(with = "humantime_serde")]
    pub reconcile_after: Duration,
    /// A payment that is open for longer than this is given up.
    #[serde(with = "humantime_serde")]
    pub open_limit: Duration,
    /// How long after delivery a seller's money stays pending.
    #[serde(with = "humantime_serde")]
    pub return_window: Duration,
    /// Commission of the default rule, in hundredths of a percent, until an operator changes the rule.
    pub commission_basis_points: i64,
    /// The least that is paid out at once, in the smallest unit.
    pub payout_minimum: i64,
    /// The embedded provider.
    pub sandbox: SandboxConfig,
}

/// The section `[payments.sandbox]`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SandboxConfig {
    /// Signs its webhooks. Empty: one that belongs to the data directory.
    pub webhook_secret: Secret,
    /// How long a delayed payment takes.
    #[serde(with = "humantime_serde")]
    pub delay: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            providers: vec![ProviderName::Sandbox, ProviderName::Manual],
            fallback: Vec::new(),
            provider_timeout: Duration::from_secs(2),
            reconcile_after: Duration::from_mins(1),
            open_limit: Duration::from_hours(7 * 24),
            return_window: Duration::from_hours(14 * 24),
            commission_basis_points: 1000,
            payout_minimum: 1,
            sandbox: SandboxConfig::default(),
        }
    }
}

impl Default for SandboxConfig {
    fn default() -> Self {
        Self { webhook_secret: Secret::default(), delay: Duration::from_secs(30) }
    }
}

impl Config {
    /// What can't be seen from the types alone.
    pub(crate) fn check(&self) -> Result<(), Problem> {
        let refuse = |key: &str, message: &str| Err(Problem::invalid(format!("payments.{key}"), message));
        if self.providers.is_empty() {
            return refuse("providers", "at least one provider is needed");
        }
        if let Some(name) = self.fallback.iter().find(|name| !self.providers.contains(name)) {
            return refuse("fallback", &format!("{name} is not among the providers"));
        }
        if !(0..=10_000).contains(&self.commission_basis_points) {
            return refuse("commission_basis_points", "must be 0 to 10000");
        }
        if self.payout_minimum < 1 {
            return refuse("payout_minimum", "must be at least 1");
        }
        if self.provider_timeout.is_zero() {
            return refuse("provider_timeout", "must be longer than nothing");
        }
        Ok(())
    }
}

/// A configured duration for reckoning with times. Longer than 10,000 years is as good as for ever.
pub(crate) fn span(duration: Duration) -> TimeDelta {
    const FOREVER: TimeDelta = TimeDelta::days(3_650_000);
    TimeDelta::from_std(duration).map_or(FOREVER, |span| span.min(FOREVER))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_good_and_nonsense_is_refused() {
        Config::default().check().unwrap();
        for bad in [
            Config { providers: Vec::new(), ..Config::default() },
            Config {
                providers: vec![ProviderName::Sandbox],
                fallback: vec![ProviderName::Manual],
                ..Config::default()
            },
            Config { commission_basis_points: 10_001, ..Config::default() },
        ] {
            assert!(bad.check().is_err());
        }
    }
}
