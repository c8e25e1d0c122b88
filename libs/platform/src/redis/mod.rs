//! What processes share that need not survive: how many requests a visitor has left, and which cached things have changed.
//! It is in Redis, and everything goes on without it, each process by itself.

#[cfg(feature = "cluster")]
mod changes;
#[cfg(feature = "cluster")]
mod connection;
#[cfg(feature = "cluster")]
mod rates;
pub mod testing;

#[cfg(test)]
mod tests;

use std::{path::PathBuf, time::Duration};

use serde::{Deserialize, Serialize};

use crate::config::Secret;

#[cfg(feature = "cluster")]
pub use self::connection::Redis;

/// The section `redis`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RedisConfig {
    /// `redis://user:password@host:6379/0` or `rediss://…`; empty means that every process counts and caches for itself.
    pub url: Secret,
    /// The certificate of the authority that signed the server's, PEM, if no public one did.
    pub root_certificate: Option<PathBuf>,
    /// What the names of keys and channels begin with.
    pub name: String,
    /// How long a request waits for an answer before the process counts for itself.
    #[serde(with = "humantime_serde")]
    pub timeout: Duration,
}

impl Default for RedisConfig {
    fn default() -> Self {
        Self {
            url: Secret::default(),
            root_certificate: None,
            name: "souk".to_owned(),
            timeout: Duration::from_millis(100),
        }
    }
}

/// Stands where the program was built without it: there is none.
#[cfg(not(feature = "cluster"))]
#[derive(Clone)]
pub struct Redis(std::convert::Infallible);

#[cfg(not(feature = "cluster"))]
mod absent {
    use std::time::Duration;

    use tokio_util::sync::CancellationToken;

    use super::{Redis, RedisConfig};
    use crate::{config::SettingError, invalidations::Invalidations};

    #[expect(clippy::unused_async, reason = "as the one that connects")]
    impl Redis {
        /// There is none unless it is configured, and then that is an error.
        pub async fn open(config: &RedisConfig) -> Result<Option<Self>, SettingError> {
            if config.url.is_empty() {
                return Ok(None);
            }
            let why = "names Redis, which this program was built without (cargo build --features cluster)";
            Err(SettingError::new("redis.url", why))
        }

        /// Whether it answers.
        pub async fn ping(&self) -> Result<(), String> {
            match self.0 {}
        }

        /// Takes a request out of a bucket that processes share.
        pub async fn take(&self, _: &str, _: Duration, _: Duration) -> Option<Result<(), Duration>> {
            match self.0 {}
        }

        /// What instances of a service tell each other.
        pub fn invalidations(&self, _: &'static str, _: CancellationToken) -> Invalidations {
            match self.0 {}
        }
    }
}
