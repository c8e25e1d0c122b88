//! Events: written to the outbox with the change that they announce, delivered by a relay, each with one effect.
//!
//! At-least-once delivery comes from the outbox, exactly-once effect from the inbox: a consumer passes its [`Receipt`] to
//! [`Tx::accept`](crate::db::Tx::accept) in the transaction that acts on the event.

mod backlog;
pub mod broker;
mod bus;
mod dead_letters;
mod lagging;
mod lanes;
#[cfg(feature = "cluster")]
mod leased;
mod outbox;
mod relay;
mod remote;
mod settle;

pub use backlog::Backlog;
pub use broker::{Broker, EventsConfig};
pub use bus::{Bus, Courier, Undelivered};
pub use dead_letters::{DeadLetter, DeadLetters};
pub use outbox::Outbox;
pub use relay::Relay;
pub use remote::{RemoteConsumer, routes};
pub use souk_contracts::events::Event;

use std::{collections::BTreeMap, fmt::Display, future::Future, sync::Arc, time::Duration};

use futures::future::BoxFuture;
use souk_kernel::{ErrorKind, EventId, Problem, Timestamp};

use crate::db;

/// How long a handler may take before the delivery counts as failed.
const HANDLER_LIMIT: Duration = Duration::from_secs(30);

/// Names one delivery: who takes which event.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Receipt {
    /// The service that takes it.
    pub consumer: &'static str,
    /// The event.
    pub event_id: EventId,
}

/// An event as its consumer gets it.
#[derive(Clone, Debug)]
pub struct Delivery<E> {
    /// What happened.
    pub event: E,
    /// To be accepted in the transaction that acts on it.
    pub receipt: Receipt,
    /// When it happened.
    pub time: Timestamp,
    /// 1 the first time.
    pub attempt: u32,
}

/// An event on its way, not yet decoded.
#[derive(Clone, Debug)]
pub struct Message {
    /// The event.
    pub event_id: EventId,
    /// Its type.
    pub kind: String,
    /// What it is about: events of one subject keep their order.
    pub subject: String,
    /// When it happened.
    pub time: Timestamp,
    /// The event itself, JSON.
    pub data: String,
    /// 1 the first time.
    pub attempt: u32,
}

/// Why a consumer's handler did not take an event.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Refusal {
    /// What was wrong, for people.
    pub error: String,
    /// Whether something that it needs was not available (503): that passes, however long it takes.
    pub outage: bool,
}

type Handler = Arc<dyn Fn(&Message) -> BoxFuture<'static, Result<(), Refusal>> + Send + Sync>;

/// What a service does about events, one handler for each type.
#[derive(Clone)]
pub struct Consumers {
    service: &'static str,
    handlers: BTreeMap<&'static str, Handler>,
    unhurried: bool,
}

impl Refusal {
    fn of(error: String) -> Self {
        Self { error, outage: false }
    }
}

impl Consumers {
    /// The consumers of `service`, none yet.
    pub fn new(service: &'static str) -> Self {
        Self { service, handlers: BTreeMap::new(), unhurried: false }
    }

    /// The handlers that follow do what nobody waits for: their commits wait a moment for others to share them.
    #[must_use]
    pub fn unhurried(self) -> Self {
        Self { unhurried: true, ..self }
    }

    /// Calls `handler` for every event of type `E`. An `Err` has it delivered again later; after the last try it becomes a
    /// dead letter, unless what went wrong was that something else was not available (503).
    ///
    /// # Panics
    /// When the service already has a handler for `E`: one event would be accepted by one of the two only.
    #[must_use]
    pub fn on<E, S, H, Fut, Err>(mut self, state: S, handler: H) -> Self
    where
        E: Event,
        S: Clone + Send + Sync + 'static,
        H: Fn(S, Delivery<E>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), Err>> + Send + 'static,
        Err: Display + Into<Problem>,
    {
        let (consumer, unhurried) = (self.service, self.unhurried);
        let call: Handler = Arc::new(move |message| {
            let event = match serde_json::from_str::<E>(&message.data) {
                Ok(event) => event,
                Err(error) => {
                    let refusal = Refusal::of(format!("the event does not decode: {error}"));
                    return Box::pin(async move { Err(refusal) });
                }
            };
            let receipt = Receipt { consumer, event_id: message.event_id };
            let delivery = Delivery { event, receipt, time: message.time, attempt: message.attempt };
            let run = handler(state.clone(), delivery);
            Box::pin(async move {
                let run = async { if unhurried { db::unhurried(run).await } else { run.await } };
                match tokio::time::timeout(HANDLER_LIMIT, run).await {
                    Ok(result) => result.map_err(|error| {
                        let text = error.to_string();
                        Refusal { error: text, outage: error.into().kind == ErrorKind::Unavailable }
                    }),
                    Err(_) => Err(Refusal::of(format!("took longer than {} s", HANDLER_LIMIT.as_secs()))),
                }
            })
        });
        let before = self.handlers.insert(E::TYPE, call);
        assert!(before.is_none(), "{consumer} has two handlers for {}", E::TYPE);
        self
    }

    /// The types that it takes.
    pub fn kinds(&self) -> impl Iterator<Item = &'static str> {
        self.handlers.keys().copied()
    }
}
