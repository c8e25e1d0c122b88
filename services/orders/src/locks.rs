//! One operation at a time on one order, within this process.
//!
//! Correctness does not rest on it: every write is guarded by the order's version, and every call to a peer may be
//! repeated. It spares peers the calls of ten triggers that arrive together, and keeps a cancellation from slipping
//! between two steps of a checkout that would then have to be undone.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
};

use souk_kernel::OrderId;
use tokio::sync::OwnedMutexGuard;

type Turnstile = tokio::sync::Mutex<()>;

#[derive(Clone, Default)]
pub struct Locks(Arc<Mutex<HashMap<OrderId, Weak<Turnstile>>>>);

/// One's turn with an order; ends when dropped.
pub struct Turn {
    locks: Locks,
    order: OrderId,
    held: Option<OwnedMutexGuard<()>>,
}

impl Locks {
    /// Waits for one's turn. Turns are given in the order of asking.
    pub async fn enter(&self, order: OrderId) -> Turn {
        let turnstile = {
            let mut known = self.known();
            let living = known.get(&order).and_then(Weak::upgrade);
            living.unwrap_or_else(|| {
                let fresh = Arc::new(Turnstile::default());
                known.insert(order, Arc::downgrade(&fresh));
                fresh
            })
        };
        Turn { locks: self.clone(), order, held: Some(turnstile.lock_owned().await) }
    }

    fn known(&self) -> MutexGuard<'_, HashMap<OrderId, Weak<Turnstile>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut known = self.locks.known();
        drop(self.held.take());
        if known.get(&self.order).is_some_and(|turnstile| turnstile.strong_count() == 0) {
            known.remove(&self.order);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

    use super::*;

    #[tokio::test]
    async fn one_at_a_time_and_nothing_is_left_behind() {
        let locks = Locks::default();
        let (order, inside) = (OrderId::new(), Arc::new(AtomicUsize::new(0)));
        let visits = (0..20).map(|_| {
            let (locks, inside) = (locks.clone(), Arc::clone(&inside));
            tokio::spawn(async move {
                let _turn = locks.enter(order).await;
                assert_eq!(inside.fetch_add(1, SeqCst), 0);
                tokio::task::yield_now().await;
                inside.fetch_sub(1, SeqCst);
            })
        });
        for visit in futures::future::join_all(visits).await {
            visit.unwrap();
        }
        let other = locks.enter(OrderId::new()).await;
        drop(other);
        assert!(locks.known().is_empty());
    }
}
