//! Where the services' databases are.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use souk_platform::{
    config::Secret,
    db::{Connect, ServerSettings},
};

use crate::{data_dir::DataDir, per_service::PerService};

/// The databases.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DatabaseConfig {
    /// Of all services, each with a schema of its own; `{service}` stands for its name. Empty means a file for each service in the data directory.
    pub url: Secret,
    /// Transactions that a service has at once, at most.
    pub writers: u32,
    /// Other queries that a service has at once, at most.
    pub readers: u32,
    /// How long to wait for a connection.
    #[serde(with = "humantime_serde")]
    pub connect_timeout: Duration,
    /// How long one statement may take.
    #[serde(with = "humantime_serde")]
    pub statement_timeout: Duration,
    /// Whether `souk serve` brings tables on a server up to date; otherwise only `souk migrate` does.
    pub migrate_at_start: bool,
    /// Of single services that have theirs elsewhere; empty means as all.
    pub services: PerService<Secret>,
}

impl Default for DatabaseConfig {
    fn default() -> Self {
        let ServerSettings { writers, readers, connect_timeout, statement_timeout, migrate } =
            ServerSettings::default();
        Self {
            url: Secret::default(),
            writers,
            readers,
            connect_timeout,
            statement_timeout,
            migrate_at_start: migrate,
            services: PerService::default(),
        }
    }
}

impl DatabaseConfig {
    /// The database of `service`.
    pub fn of(&self, service: &str, data: &DataDir) -> Connect {
        let (url, setting) = match self.services.of(service) {
            Some(own) if !own.is_empty() => (own.clone(), format!("database.services.{service}")),
            _ if !self.url.is_empty() => (self.url.clone(), "database.url".to_owned()),
            _ => (data.database_url(service).into(), "the data directory's URL".to_owned()),
        };
        let server = ServerSettings {
            writers: self.writers,
            readers: self.readers,
            connect_timeout: self.connect_timeout,
            statement_timeout: self.statement_timeout,
            migrate: self.migrate_at_start,
        };
        Connect { url, setting, server }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_has_its_own_url_or_that_of_all_or_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let data = DataDir::open(folder.path()).unwrap();
        let mut config = DatabaseConfig::default();
        assert!(config.of("orders", &data).url.expose().ends_with("/orders.db"));
        config.url = "postgres://db/souk".into();
        config.services.orders = "postgres://other/souk".into();
        let (orders, cart) = (config.of("orders", &data), config.of("cart", &data));
        assert_eq!(
            (orders.url.expose(), orders.setting.as_str()),
            ("postgres://other/souk", "database.services.orders")
        );
        assert_eq!((cart.url.expose(), cart.setting.as_str()), ("postgres://db/souk", "database.url"));
    }
}
