//! What a broker holds: events that have left the outbox of one service and have not come to another yet.

use souk_platform::{events::Broker, verify::Rule};

use crate::{config::Config, subscriptions};

/// The way between services, as far as it is outside their databases.
pub struct Transit(Result<Option<Broker>, String>);

impl Transit {
    /// As configured.
    pub async fn open(config: &Config) -> Self {
        Self(Broker::open(&config.events).await.map_err(|error| error.to_string()))
    }

    /// Waits until what was on its way to these services has come; true when it can't, so that what seems wrong may only
    /// be late.
    pub async fn is_late(&self, services: &[&'static str]) -> bool {
        match &self.0 {
            Ok(None) => false,
            Ok(Some(broker)) => broker.flush(services).await.map_or(true, |left| !left.is_empty()),
            Err(_) => true,
        }
    }

    /// That the broker can be asked.
    pub async fn rule(&self) -> Option<Rule> {
        let fault = match &self.0 {
            Ok(None) => return None,
            Ok(Some(broker)) => broker.ping().await.err(),
            Err(error) => Some(error.clone()),
        };
        let services = crate::roster::SERVICES.into_iter().filter(|service| !subscriptions::of(service).is_empty());
        Some(Rule::new("the broker of events can be asked", services.count() as u64, fault.into_iter().collect()))
    }
}
