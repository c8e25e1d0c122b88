//! Where the services' databases are.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use souk_platform::{
    config::Secret,
    db::{Connect, Replica, ServerSettings},
};

use crate::{data_dir::DataDir, per_service::PerService};

/// The databases.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DatabaseConfig {
    /// Of all services, each with a schema of its own; `{service}` stands for its name. Empty means a file for each service in the data directory.
    pub url: Secret,
    /// Replicas of that database, which follow it; `{service}` as above. They answer where much is read.
    pub replicas: Vec<Secret>,
    /// Transactions that a service has at once, at most.
    pub writers: u32,
    /// Other queries that a service has at once, at most; as many again for each replica.
    pub readers: u32,
    /// How long to wait for a connection.
    #[serde(with = "humantime_serde")]
    pub connect_timeout: Duration,
    /// How long one statement may take.
    #[serde(with = "humantime_serde")]
    pub statement_timeout: Duration,
    /// By how much a server's clock may differ from this machine's when it is opened.
    #[serde(with = "humantime_serde")]
    pub clock_tolerance: Duration,
    /// How long a query waits for a replica to have all that the primary has, before the primary answers it.
    #[serde(with = "humantime_serde")]
    pub replica_wait: Duration,
    /// Whether `souk serve` brings tables on a server up to date; otherwise only `souk migrate` does.
    pub migrate_at_start: bool,
    /// Of single services that have theirs elsewhere; empty means as all.
    pub services: PerService<Secret>,
    /// Replicas of theirs.
    pub service_replicas: PerService<Vec<Secret>>,
}

impl Default for DatabaseConfig {
    fn default() -> Self {
        let ServerSettings {
            writers,
            readers,
            connect_timeout,
            statement_timeout,
            clock_tolerance,
            replica_wait,
            migrate,
        } = ServerSettings::default();
        Self {
            url: Secret::default(),
            replicas: Vec::new(),
            writers,
            readers,
            connect_timeout,
            statement_timeout,
            clock_tolerance,
            replica_wait,
            migrate_at_start: migrate,
            services: PerService::default(),
            service_replicas: PerService::default(),
        }
    }
}

impl DatabaseConfig {
    /// The database of `service`.
    pub fn of(&self, service: &str, data: &DataDir) -> Connect {
        // Who has a database elsewhere has its replicas elsewhere.
        let has_own = self.services.of(service).is_some_and(|own| !own.is_empty());
        let own = self.service_replicas.of(service).filter(|own| has_own || !own.is_empty());
        let (urls, name) = match own {
            Some(own) => (own, format!("database.service_replicas.{service}")),
            None => (&self.replicas, "database.replicas".to_owned()),
        };
        let replica =
            |(number, url): (usize, &Secret)| Replica { url: url.clone(), setting: format!("{name}[{number}]") };
        let replicas = urls.iter().enumerate().map(replica).collect();
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
            clock_tolerance: self.clock_tolerance,
            replica_wait: self.replica_wait,
            migrate: self.migrate_at_start,
        };
        Connect { url, setting, replicas, server }
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
    #[test]
    fn replicas_may_be_listed_in_a_variable() {
        let urls = ["postgres://souk:p4ss@db-2:5432/souk?sslmode=verify-full", "postgres://souk@db-3/souk"];
        for written in [urls.join(","), format!("{urls:?}")] {
            let variable = ("SOUK_DATABASE__REPLICAS".to_owned(), written);
            let config: crate::config::Config = souk_platform::config::load(None, [variable], []).unwrap();
            assert_eq!(config.database.replicas.iter().map(Secret::expose).collect::<Vec<_>>(), urls);
        }
    }

    #[test]
    fn replicas_are_those_of_the_database_that_a_service_uses() {
        let folder = tempfile::tempdir().unwrap();
        let data = DataDir::open(folder.path()).unwrap();
        let mut config = DatabaseConfig { url: "postgres://db/souk".into(), ..DatabaseConfig::default() };
        config.replicas = vec!["postgres://copy-1/souk".into(), "postgres://copy-2/souk".into()];
        config.services.orders = "postgres://other/souk".into();
        config.services.payments = "postgres://third/souk".into();
        config.service_replicas.orders = vec!["postgres://other-copy/souk".into()];
        let settings = |service: &str| {
            let replicas = config.of(service, &data).replicas;
            replicas.into_iter().map(|replica| replica.setting).collect::<Vec<_>>()
        };
        assert_eq!(settings("cart"), ["database.replicas[0]", "database.replicas[1]"]);
        assert_eq!(settings("orders"), ["database.service_replicas.orders[0]"]);
        assert!(settings("payments").is_empty(), "those of another database are none of this one");
    }
}
