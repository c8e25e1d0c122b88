//! Tells those who watch an order that it changed: status streams, and requests that wait for a checkout.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use souk_kernel::OrderId;
use tokio::sync::watch;

#[derive(Clone, Default)]
pub struct Hub(Arc<Mutex<HashMap<OrderId, watch::Sender<()>>>>);

/// Hears of the changes of one order.
pub struct Watcher {
    hub: Hub,
    order: OrderId,
    changes: Option<watch::Receiver<()>>,
}

impl Hub {
    /// Watches an order from now on.
    pub fn watch(&self, order: OrderId) -> Watcher {
        let changes = self.watched().entry(order).or_insert_with(|| watch::Sender::new(())).subscribe();
        Watcher { hub: self.clone(), order, changes: Some(changes) }
    }

    /// The order changed.
    pub fn announce(&self, order: OrderId) {
        if let Some(sender) = self.watched().get(&order) {
            sender.send_replace(());
        }
    }

    fn watched(&self) -> MutexGuard<'_, HashMap<OrderId, watch::Sender<()>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Watcher {
    /// Waits for a change, at most `limit`: another process may have made one that it could not tell of.
    pub async fn changed(&mut self, limit: Duration) {
        if let Some(changes) = &mut self.changes {
            // Either end means the same to the caller: look again.
            let _ = tokio::time::timeout(limit, changes.changed()).await;
        }
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        let mut watched = self.hub.watched();
        drop(self.changes.take());
        if watched.get(&self.order).is_some_and(|sender| sender.receiver_count() == 0) {
            watched.remove(&self.order);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_change_is_heard_even_between_two_looks() {
        let (hub, order) = (Hub::default(), OrderId::new());
        let mut watcher = hub.watch(order);
        hub.announce(order);
        let began = tokio::time::Instant::now();
        watcher.changed(Duration::from_mins(1)).await;
        assert!(began.elapsed() < Duration::from_secs(10));
        drop(watcher);
        hub.announce(order);
        assert!(hub.watched().is_empty());
    }
}
