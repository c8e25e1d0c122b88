//! Delivery inside one process: straight to the consumers' handlers.

use std::{collections::HashMap, panic::AssertUnwindSafe, sync::Arc};

use futures::FutureExt;

use super::{Consumers, Handler, Message};

/// Knows who takes which type of event. Cheap to clone.
#[derive(Clone)]
pub struct Bus {
    by_kind: Arc<HashMap<&'static str, Vec<(&'static str, Handler)>>>,
}

impl Bus {
    /// A bus to all these consumers.
    pub fn new(consumers: impl IntoIterator<Item = Consumers>) -> Self {
        let mut by_kind: HashMap<&'static str, Vec<(&'static str, Handler)>> = HashMap::new();
        for consumers in consumers {
            for (kind, handler) in consumers.handlers {
                by_kind.entry(kind).or_default().push((consumers.service, handler));
            }
        }
        Self { by_kind: Arc::new(by_kind) }
    }

    /// The services that take events of this type.
    pub(crate) fn consumers(&self, kind: &str) -> impl Iterator<Item = &'static str> {
        self.by_kind.get(kind).into_iter().flatten().map(|(service, _)| *service)
    }

    /// Hands `message` to one consumer. `Err` says why it was not taken.
    pub(crate) async fn deliver(&self, consumer: &str, message: &Message) -> Result<(), String> {
        let handler = self
            .by_kind
            .get(message.kind.as_str())
            .and_then(|handlers| handlers.iter().find(|(service, _)| *service == consumer))
            .map(|(_, handler)| Arc::clone(handler))
            .ok_or_else(|| format!("{consumer} no longer takes {}", message.kind))?;
        AssertUnwindSafe(async { handler(message).await })
            .catch_unwind()
            .await
            .unwrap_or_else(|_| Err("the handler panicked".to_owned()))
    }
}
