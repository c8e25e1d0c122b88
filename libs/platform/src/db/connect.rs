//! Where a service's database is, and how it is used.

use std::time::Duration;

use crate::config::Secret;

/// Where a service's database is, and how it is used.
#[derive(Clone, Debug)]
pub struct Connect {
    /// `sqlite:PATH`, `postgres://USER:PASSWORD@HOST/DATABASE`, or the same with `mysql:`.
    pub url: Secret,
    /// The setting that the URL comes from, for messages.
    pub setting: String,
    /// Copies of a database on a server, which may answer for it; see [`Database::copies`](super::Database::copies).
    pub replicas: Vec<Replica>,
    /// What concerns servers only.
    pub server: ServerSettings,
}

/// Where a copy of the database is that follows it.
#[derive(Clone, Debug)]
pub struct Replica {
    /// `postgres://USER:PASSWORD@HOST/DATABASE`.
    pub url: Secret,
    /// The setting that the URL comes from, for messages.
    pub setting: String,
}

/// How a database on a server is used.
#[derive(Clone, Debug)]
pub struct ServerSettings {
    /// Transactions at once, at most.
    pub writers: u32,
    /// Other queries at once, at most.
    pub readers: u32,
    /// How long to wait for a connection.
    pub connect_timeout: Duration,
    /// How long one statement may take.
    pub statement_timeout: Duration,
    /// By how much the server's clock may differ from this machine's; what differs by more is not opened.
    pub clock_tolerance: Duration,
    /// How long a question waits for a replica to have what the primary has, before the primary answers it.
    pub replica_wait: Duration,
    /// Whether opening it brings its tables up to date; otherwise it must find them so.
    pub migrate: bool,
}

impl Default for ServerSettings {
    fn default() -> Self {
        Self {
            writers: 8,
            readers: 4,
            connect_timeout: Duration::from_secs(5),
            statement_timeout: Duration::from_secs(30),
            clock_tolerance: Duration::from_secs(10),
            replica_wait: Duration::from_millis(50),
            migrate: true,
        }
    }
}

impl Connect {
    /// The database at `url`, used as most are.
    pub fn to(url: &str) -> Self {
        Self {
            url: url.into(),
            setting: "the database URL".to_owned(),
            replicas: Vec::new(),
            server: ServerSettings::default(),
        }
    }
}
