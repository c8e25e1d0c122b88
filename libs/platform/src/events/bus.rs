//! Delivery: straight to the handlers of consumers in this process, by a courier to those in others.

use std::{
    collections::HashMap,
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use futures::{FutureExt, future::BoxFuture};

use super::{Consumers, Handler, Message, Refusal};

/// The pause before an event is offered again to a consumer that can't be reached: the longer the outage, the longer.
const SHORTEST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(15);

/// Takes events to consumers that are not in this process: by gRPC to the process that they are in, or by a broker.
///
/// `Ok` means that the event is safe: the consumer's transaction is committed, or the broker has confirmed it.
pub trait Courier: Send + Sync + 'static {
    /// Takes `message` to `consumer`.
    fn deliver<'a>(&'a self, consumer: &'a str, message: &'a Message) -> BoxFuture<'a, Result<(), Undelivered>>;
}

/// Why a consumer has not taken an event.
#[derive(Debug)]
pub enum Undelivered {
    /// It said why. Tried again a few times, then given up, unless it was an outage.
    Refused(Refusal),
    /// Nobody could ask it. Tried again for as long as it takes.
    Unreachable(String),
}

/// Knows who takes which type of event. Cheap to clone.
#[derive(Clone)]
pub struct Bus {
    by_kind: Arc<HashMap<&'static str, Vec<(&'static str, Target)>>>,
    /// Consumers that can't be reached, and since when.
    outages: Arc<Mutex<HashMap<&'static str, Instant>>>,
}

#[derive(Clone)]
enum Target {
    Here(Handler),
    Elsewhere(Arc<dyn Courier>),
}

impl Bus {
    /// A bus to all these consumers in this process.
    pub fn new(consumers: impl IntoIterator<Item = Consumers>) -> Self {
        let mut by_kind: HashMap<&'static str, Vec<(&'static str, Target)>> = HashMap::new();
        for consumers in consumers {
            for (kind, handler) in consumers.handlers {
                by_kind.entry(kind).or_default().push((consumers.service, Target::Here(handler)));
            }
        }
        Self { by_kind: Arc::new(by_kind), outages: Arc::default() }
    }

    /// The same, with a consumer of these types in another process.
    #[must_use]
    pub fn with(self, consumer: &'static str, kinds: &[&'static str], courier: &Arc<dyn Courier>) -> Self {
        let mut by_kind = HashMap::clone(&self.by_kind);
        for kind in kinds {
            by_kind.entry(kind).or_default().push((consumer, Target::Elsewhere(Arc::clone(courier))));
        }
        Self { by_kind: Arc::new(by_kind), ..self }
    }

    /// The services that take events of this type.
    pub(crate) fn consumers(&self, kind: &str) -> impl Iterator<Item = &'static str> {
        self.by_kind.get(kind).into_iter().flatten().map(|(service, _)| *service)
    }

    /// Hands `message` to one consumer.
    pub(crate) async fn deliver(&self, consumer: &str, message: &Message) -> Result<(), Undelivered> {
        match self.target(consumer, &message.kind) {
            Some((_, Target::Here(handler))) => run(handler, message).await.map_err(Undelivered::Refused),
            Some((consumer, Target::Elsewhere(courier))) => {
                let result = courier.deliver(consumer, message).await;
                self.note(consumer, &result);
                result
            }
            None => Err(Undelivered::Refused(no_longer(consumer, &message.kind))),
        }
    }

    /// Hands `message` to a consumer of this process only; `None` when it is not here.
    pub(crate) async fn deliver_here(&self, consumer: &str, message: &Message) -> Option<Result<(), Refusal>> {
        match self.target(consumer, &message.kind) {
            Some((_, Target::Here(handler))) => Some(run(handler, message).await),
            Some((_, Target::Elsewhere(_))) => None,
            None => {
                let here = self.by_kind.values().flatten();
                let known = here.clone().any(|(service, target)| *service == consumer && target.is_here());
                known.then(|| Err(no_longer(consumer, &message.kind)))
            }
        }
    }

    /// How long to leave a consumer alone that can't be reached; `None` for all others.
    pub(crate) fn outage(&self, consumer: &str) -> Option<Duration> {
        let since = *self.outages().get(consumer)?;
        let pause = (since.elapsed() / 8).clamp(SHORTEST_PAUSE, LONGEST_PAUSE);
        // In steps: what waits equally long is written down in one statement.
        let steps = u32::try_from(pause.as_millis() / SHORTEST_PAUSE.as_millis()).unwrap_or(1);
        Some(SHORTEST_PAUSE * steps)
    }

    fn target(&self, consumer: &str, kind: &str) -> Option<(&'static str, &Target)> {
        let targets = self.by_kind.get(kind)?;
        targets.iter().find(|(service, _)| *service == consumer).map(|(service, target)| (*service, target))
    }

    fn note(&self, consumer: &'static str, result: &Result<(), Undelivered>) {
        match result {
            Err(Undelivered::Unreachable(cause)) => {
                self.outages().entry(consumer).or_insert_with(|| {
                    tracing::warn!(consumer, cause, "a consumer can't be reached; its events wait");
                    Instant::now()
                });
            }
            Ok(()) | Err(Undelivered::Refused(_)) => {
                if self.outages().remove(consumer).is_some() {
                    tracing::info!(consumer, "a consumer can be reached again");
                }
            }
        }
    }

    fn outages(&self) -> MutexGuard<'_, HashMap<&'static str, Instant>> {
        self.outages.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Target {
    fn is_here(&self) -> bool {
        matches!(self, Self::Here(_))
    }
}

async fn run(handler: &Handler, message: &Message) -> Result<(), Refusal> {
    AssertUnwindSafe(async { handler(message).await })
        .catch_unwind()
        .await
        .unwrap_or_else(|_| Err(Refusal::of("the handler panicked".to_owned())))
}

fn no_longer(consumer: &str, kind: &str) -> Refusal {
    Refusal::of(format!("{consumer} no longer takes {kind}"))
}
