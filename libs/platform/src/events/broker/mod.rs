//! A broker (`RabbitMQ`) between the processes: what one of them announces is kept there until the consumer's process takes it.
//!
//! On the way out a [`Courier`] hands each event to a queue of its consumer's service; the event leaves the outbox when the
//! broker has confirmed that it is on disk. On the way in one process of the service at a time takes the queue's events and
//! hands them to the handlers, in order for each key, and tells the broker of each when its handler's transaction is
//! committed. One that is refused is stored in the service's own outbox instead, with what comes after it for the same key.
//! From there the relay delivers them like all others: again after a failure, as a dead letter in the end. What comes twice
//! is dropped when it is stored, or has no effect because the inbox knows it.

#[cfg(feature = "cluster")]
mod courier;
#[cfg(feature = "cluster")]
mod flush;
#[cfg(feature = "cluster")]
mod hands;
#[cfg(feature = "cluster")]
mod line;
#[cfg(feature = "cluster")]
mod parcel;
pub mod testing;
#[cfg(feature = "cluster")]
mod tray;

#[cfg(test)]
mod tests;

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::config::Secret;

#[cfg(feature = "cluster")]
pub use self::{flush::Left, line::Broker};

/// The section `events`: how events go from one process to another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EventsConfig {
    /// The broker, `amqp://user:password@host:5672/vhost` or `amqps://…`; empty means from process to process.
    pub url: Secret,
    /// The certificate of the authority that signed the broker's, PEM, if no public one did.
    pub root_certificate: Option<PathBuf>,
    /// What the names of exchanges and queues begin with.
    pub name: String,
}

impl Default for EventsConfig {
    fn default() -> Self {
        Self { url: Secret::default(), root_certificate: None, name: "souk".to_owned() }
    }
}

/// Stands where the program was built without brokers: there is none.
#[cfg(not(feature = "cluster"))]
#[derive(Clone)]
pub struct Broker(std::convert::Infallible);

/// Consumers that are not there, with the events that wait for them.
#[cfg(not(feature = "cluster"))]
pub type Left = Vec<(&'static str, u64)>;

#[cfg(not(feature = "cluster"))]
mod absent {
    use std::sync::Arc;

    use tokio_util::sync::CancellationToken;

    use super::{Broker, EventsConfig, Left};
    use crate::{
        config::SettingError,
        db::Database,
        events::{Bus, Courier},
    };

    #[expect(clippy::unused_async, reason = "as the one that connects")]
    impl Broker {
        /// There is none unless it is configured, and then that is an error.
        pub async fn open(config: &EventsConfig) -> Result<Option<Self>, SettingError> {
            if config.url.is_empty() {
                return Ok(None);
            }
            let why = "names a broker, which this program was built without (cargo build --features cluster)";
            Err(SettingError::new("events.url", why))
        }

        /// The way to the consumers of other processes.
        pub fn courier(&self) -> Arc<dyn Courier> {
            match self.0 {}
        }

        /// Takes what comes for a service.
        pub async fn take(self, _: Bus, _: Database, _: CancellationToken) {
            match self.0 {}
        }

        /// Whether it answers.
        pub async fn ping(&self) -> Result<(), String> {
            match self.0 {}
        }

        /// Counts events that went through it.
        pub fn moves(&self) -> u64 {
            match self.0 {}
        }

        /// Waits until its consumers are done with what was handed to it.
        pub async fn flush(&self, _: &[&'static str]) -> Result<Left, String> {
            match self.0 {}
        }
    }
}
