//! Where services are, told by themselves: a process that answers calls writes its address to an etcd, where the others see it
//! come and go. What keeps an address there is a lease, which ends soon after its process.
//!
//! Nothing depends on etcd but news: while it is away everybody goes on with what was known last.

mod advertised;
#[cfg(feature = "cluster")]
mod etcd;
#[cfg(feature = "cluster")]
mod lookup;
#[cfg(feature = "cluster")]
mod messages;
#[cfg(feature = "cluster")]
mod registration;
pub mod testing;

#[cfg(test)]
mod tests;

use std::{path::PathBuf, time::Duration};

use serde::{Deserialize, Serialize};

use crate::{
    config::{Secret, SettingError},
    tls::TlsError,
};

#[cfg(feature = "cluster")]
pub use self::{lookup::Discovery, registration::Registration};

/// The section `discovery`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DiscoveryConfig {
    /// The members of an etcd, `http://host:2379` or `https://…`. None means that all addresses stand in the section `peers`.
    pub etcd: Vec<String>,
    /// What the keys begin with.
    pub name: String,
    /// Who this is to an etcd that has users.
    pub user: String,
    /// The password of `user`.
    pub password: Secret,
    /// The certificate of the authority that signed etcd's, PEM, if no public one did.
    pub root_certificate: Option<PathBuf>,
    /// The certificate to show to an etcd that asks for one, with those between it and the authority, PEM.
    pub cert: Option<PathBuf>,
    /// The key of `cert`, PEM.
    pub key: Option<PathBuf>,
    /// Where the others reach this process: `host:port`, or `host` with the port listened on; empty means the address
    /// listened on.
    pub advertise: String,
    /// How long the others still know a process that died.
    #[serde(with = "humantime_serde")]
    pub ttl: Duration,
}

impl Default for DiscoveryConfig {
    fn default() -> Self {
        Self {
            etcd: Vec::new(),
            name: "souk".to_owned(),
            user: String::new(),
            password: Secret::default(),
            root_certificate: None,
            cert: None,
            key: None,
            advertise: String::new(),
            ttl: Duration::from_secs(10),
        }
    }
}

impl DiscoveryConfig {
    /// Whether there is an etcd.
    pub fn is_on(&self) -> bool {
        !self.etcd.is_empty()
    }
}

/// Why etcd can't be used as configured.
#[derive(Debug, thiserror::Error)]
pub enum DiscoveryError {
    /// A setting is none, or etcd refuses it.
    #[error(transparent)]
    Setting(#[from] SettingError),
    /// A certificate can't be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
}

/// Stands where the program was built without it: there is none.
#[cfg(not(feature = "cluster"))]
#[derive(Clone)]
pub struct Discovery(std::convert::Infallible);

/// Stands where the program was built without it: nothing is registered.
#[cfg(not(feature = "cluster"))]
pub struct Registration(std::convert::Infallible);

#[cfg(not(feature = "cluster"))]
mod absent {
    use std::sync::Arc;

    use tokio_util::sync::CancellationToken;

    use super::{Discovery, DiscoveryConfig, DiscoveryError, Registration};
    use crate::{
        config::SettingError,
        rpc::{Address, Peer},
    };

    #[expect(clippy::unused_async, reason = "as the one that connects")]
    impl Discovery {
        /// There is none unless it is configured, and then that is an error.
        pub async fn open(
            config: &DiscoveryConfig,
            _: Vec<Arc<Peer>>,
            _: CancellationToken,
        ) -> Result<Option<Self>, DiscoveryError> {
            if !config.is_on() {
                return Ok(None);
            }
            let why = "names etcd, which this program was built without (cargo build --features cluster)";
            Err(SettingError::new("discovery.etcd", why).into())
        }

        /// Tells the others where services of this process are.
        pub fn register(&self, _: &[&'static str], _: &Address) -> Registration {
            match self.0 {}
        }

        /// Whether etcd is heard, and has what this process registers.
        pub fn trouble(&self) -> Result<(), String> {
            match self.0 {}
        }
    }

    #[expect(clippy::unused_async, reason = "as the one that tells")]
    impl Registration {
        /// Takes the address back.
        pub async fn withdraw(self) {
            match self.0 {}
        }
    }
}
