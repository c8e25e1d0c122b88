//! The sections `identity` and `sellers` of the configuration.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The section `identity`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// How long an access token is good. Roles are looked up anew while it lives, so it may live a while.
    #[serde(with = "humantime_serde")]
    pub access_token_ttl: Duration,
    /// How long a session lives without being used.
    #[serde(with = "humantime_serde")]
    pub refresh_token_ttl: Duration,
    /// How long the link in a password reset mail is good.
    #[serde(with = "humantime_serde")]
    pub reset_token_ttl: Duration,
    pub argon2: Argon2Config,
}

/// The cost of one password hash. The defaults are OWASP's minimum for Argon2id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Argon2Config {
    pub memory_kib: u32,
    pub iterations: u32,
    pub parallelism: u32,
    /// Hashes made at once; each takes the memory above and a processor.
    pub concurrency: usize,
    /// Requests that may wait for their turn; more are answered 503.
    pub queue: usize,
}

/// The section `sellers`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SellersConfig {
    /// Whether an applicant may sell at once, without an operator's approval.
    pub auto_approve: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            access_token_ttl: Duration::from_mins(15),
            refresh_token_ttl: Duration::from_hours(30 * 24),
            reset_token_ttl: Duration::from_hours(1),
            argon2: Argon2Config::default(),
        }
    }
}

impl Default for Argon2Config {
    fn default() -> Self {
        Self { memory_kib: 19 * 1024, iterations: 2, parallelism: 1, concurrency: 2, queue: 256 }
    }
}
