//! The section `gateway` of the configuration.

use std::{net::SocketAddr, num::NonZeroU32, time::Duration};

use serde::{Deserialize, Serialize};
use souk_platform::{config::Network, tls};

/// What axum's extractors read at most without being told otherwise.
pub(crate) const AXUM_BODY_LIMIT: usize = 2 * 1024 * 1024;

/// The section `gateway`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Where `/metrics` and `/health` answer for the operator's own machines; off unless set.
    pub internal_listen: Option<SocketAddr>,
    /// TLS for visitors; off unless set.
    pub tls: tls::EdgeConfig,
    /// HTTP/2 without TLS, for a proxy in front that speaks it. With TLS it is always offered.
    pub h2c: bool,
    /// How often one client may ask.
    pub rate_limit: RateLimit,
    /// Proxies whose `X-Forwarded-For` is believed: addresses or networks (`10.0.0.0/8`).
    pub trusted_proxies: Vec<Network>,
    /// Origins whose pages may call the interface from a browser; `*` for all.
    pub cors_origins: Vec<String>,
    /// Which requests get a line in the log.
    pub access_log: AccessLog,
    /// Requests worked on at the same time; browsing is turned away first (from 80 %), checkout last.
    pub max_concurrency: usize,
    /// Connections at the same time; further ones wait to be accepted.
    pub max_connections: usize,
    /// The longest time until an answer begins.
    #[serde(with = "humantime_serde")]
    pub request_timeout: Duration,
    /// The same for requests that carry files.
    #[serde(with = "humantime_serde")]
    pub upload_timeout: Duration,
    /// The longest time for a request's head to arrive; also how long an idle connection stays open.
    #[serde(with = "humantime_serde")]
    pub header_timeout: Duration,
    /// How long requests may go on after the process was told to stop.
    #[serde(with = "humantime_serde")]
    pub drain_limit: Duration,
    /// How much of that time connections are kept on which nothing is under way: each next answer says that it is the last,
    /// and whoever has nothing to ask keeps the process from ending for so long.
    #[serde(with = "humantime_serde")]
    pub linger: Duration,
    /// The largest body in bytes, files apart.
    pub body_limit: usize,
    /// The largest body with files in bytes. Each route has its own limit below this.
    pub upload_limit: usize,
    /// Tells browsers to use HTTPS only. For marketplaces behind TLS.
    pub strict_transport_security: bool,
}

/// How often one client (an IPv4 address or an IPv6 /64) may ask.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RateLimit {
    /// Whether there are limits at all, the throttling of logins included.
    pub enabled: bool,
    /// Requests a second in the long run.
    pub per_second: NonZeroU32,
    /// Requests at once after a pause.
    pub burst: NonZeroU32,
    /// Logins, registrations, password resets a minute in the long run.
    pub auth_per_minute: NonZeroU32,
    /// The same at once after a pause.
    pub auth_burst: NonZeroU32,
}

/// Which requests get a line in the log.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AccessLog {
    /// Every one.
    #[default]
    All,
    /// Those answered with a 4xx or 5xx.
    Errors,
    /// None.
    Off,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            internal_listen: None,
            tls: tls::EdgeConfig::default(),
            h2c: false,
            rate_limit: RateLimit::default(),
            trusted_proxies: Vec::new(),
            cors_origins: Vec::new(),
            access_log: AccessLog::All,
            max_concurrency: 4096,
            max_connections: 10_000,
            request_timeout: Duration::from_secs(30),
            upload_timeout: Duration::from_mins(5),
            header_timeout: Duration::from_secs(30),
            drain_limit: Duration::from_secs(10),
            linger: Duration::from_secs(1),
            body_limit: AXUM_BODY_LIMIT,
            upload_limit: 128 * 1024 * 1024,
            strict_transport_security: false,
        }
    }
}

impl Default for RateLimit {
    fn default() -> Self {
        let number = |number| NonZeroU32::new(number).expect("the defaults are not zero");
        Self {
            enabled: true,
            per_second: number(100),
            burst: number(300),
            auth_per_minute: number(60),
            auth_burst: number(30),
        }
    }
}
