//! Where the services' databases are.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use souk_platform::{
    config::Secret,
    db::{Connect, ServerSettings},
};

use crate::data_dir::DataDir;

/// The databases.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DatabaseConfig {
    /// Of all services, each with a schema (PostgreSQL) or a database (MySQL) of its own; `{service}` stands for its name.
    /// Empty means a file for each service in the data directory.
    pub url: Secret,
    /// Copies to read from.
    pub replica_urls: Vec<Secret>,
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
    /// Single services elsewhere.
    pub services: ServiceDatabases,
}

/// URLs of single services; empty means as all.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(missing_docs, reason = "one for each service")]
pub struct ServiceDatabases {
    pub identity: Secret,
    pub catalog: Secret,
    pub inventory: Secret,
    pub cart: Secret,
    pub orders: Secret,
    pub payments: Secret,
    pub notifications: Secret,
    pub search: Secret,
}

impl Default for DatabaseConfig {
    fn default() -> Self {
        let ServerSettings { writers, readers, connect_timeout, statement_timeout, migrate, .. } =
            ServerSettings::default();
        Self {
            url: Secret::default(),
            replica_urls: Vec::new(),
            writers,
            readers,
            connect_timeout,
            statement_timeout,
            migrate_at_start: migrate,
            services: ServiceDatabases::default(),
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
            replicas: self.replica_urls.clone(),
            writers: self.writers,
            readers: self.readers,
            connect_timeout: self.connect_timeout,
            statement_timeout: self.statement_timeout,
            migrate: self.migrate_at_start,
        };
        Connect { url, setting, server }
    }
}

impl ServiceDatabases {
    fn of(&self, service: &str) -> Option<&Secret> {
        Some(match service {
            "identity" => &self.identity,
            "catalog" => &self.catalog,
            "inventory" => &self.inventory,
            "cart" => &self.cart,
            "orders" => &self.orders,
            "payments" => &self.payments,
            "notifications" => &self.notifications,
            "search" => &self.search,
            _ => return None,
        })
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
