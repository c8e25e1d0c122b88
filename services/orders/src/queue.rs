//! Who may check out now, who waits, and who is asked to come back. Memory stays bounded at any load.

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use souk_kernel::OrderId;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::{config::QueueConfig, error::Error};

#[derive(Clone)]
pub struct Queue(Arc<Inner>);

struct Inner {
    permits: Arc<Semaphore>,
    limit: usize,
    waiting: AtomicUsize,
    /// Orders that a task of this process is placing, and since when: the resuming job leaves them alone.
    placing: Mutex<HashMap<OrderId, Instant>>,
}

/// A checkout that may run at once, or that waits for its turn.
pub enum Ticket {
    Now(OwnedSemaphorePermit),
    Later(Place),
}

/// A place in the queue.
pub struct Place(Queue);

/// Says that a task of this process is placing the order; ends when dropped.
pub struct Placing {
    queue: Queue,
    order: OrderId,
}

impl Queue {
    pub fn new(config: QueueConfig) -> Self {
        let permits = Arc::new(Semaphore::new(config.permits.min(Semaphore::MAX_PERMITS)));
        let (limit, waiting, placing) = (config.limit, AtomicUsize::new(0), Mutex::default());
        Self(Arc::new(Inner { permits, limit, waiting, placing }))
    }

    /// A ticket; `Busy` when too many wait already.
    pub fn admit(&self) -> Result<Ticket, Error> {
        if let Ok(permit) = Arc::clone(&self.0.permits).try_acquire_owned() {
            return Ok(Ticket::Now(permit));
        }
        self.line_up().map(Ticket::Later).ok_or(Error::Busy)
    }

    /// A place in the queue, if there is one left.
    pub fn line_up(&self) -> Option<Place> {
        let counted = self.0.waiting.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |waiting| {
            (waiting < self.0.limit).then_some(waiting + 1)
        });
        counted.ok().map(|before| {
            gauge(before + 1);
            Place(self.clone())
        })
    }

    /// How many more may wait.
    pub fn room(&self) -> usize {
        self.0.limit.saturating_sub(self.0.waiting.load(Ordering::SeqCst))
    }

    /// Notes that the order is being placed here; `None` when it is already.
    pub fn claim(&self, order: OrderId) -> Option<Placing> {
        match self.placing().entry(order) {
            Entry::Occupied(_) => None,
            Entry::Vacant(free) => {
                free.insert(Instant::now());
                Some(Placing { queue: self.clone(), order })
            }
        }
    }

    /// Whether a task of this process is placing the order.
    pub fn is_placing(&self, order: OrderId) -> bool {
        self.placing().contains_key(&order)
    }

    /// Orders that have been in hand for `age`.
    pub fn in_hand(&self, age: Duration) -> Vec<OrderId> {
        self.placing().iter().filter(|(_, since)| since.elapsed() >= age).map(|(order, _)| *order).collect()
    }

    fn placing(&self) -> MutexGuard<'_, HashMap<OrderId, Instant>> {
        self.0.placing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ticket {
    /// Waits for one's turn: first come, first served.
    pub async fn turn(self) -> OwnedSemaphorePermit {
        match self {
            Self::Now(permit) => permit,
            Self::Later(place) => {
                let permits = Arc::clone(&place.0.0.permits);
                permits.acquire_owned().await.expect("the semaphore is never closed")
            }
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        gauge(self.0.0.waiting.fetch_sub(1, Ordering::SeqCst) - 1);
    }
}

impl Drop for Placing {
    fn drop(&mut self) {
        self.queue.placing().remove(&self.order);
    }
}

#[expect(clippy::cast_precision_loss, reason = "a gauge, and no queue holds 2^53 orders")]
fn gauge(waiting: usize) {
    metrics::gauge!("souk_orders_waiting").set(waiting as f64);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn past_the_limit_buyers_are_asked_to_come_back() {
        let queue = Queue::new(QueueConfig { permits: 1, limit: 1 });
        let Ok(Ticket::Now(running)) = queue.admit() else { panic!("a permit was free") };
        let Ok(waiting @ Ticket::Later(_)) = queue.admit() else { panic!("there was a place in the queue") };
        assert!(matches!(queue.admit(), Err(Error::Busy)));
        let turn = tokio::spawn(waiting.turn());
        drop(running);
        let permit = turn.await.unwrap();
        assert!(matches!(queue.admit(), Ok(Ticket::Later(_))), "the place is free again");
        drop(permit);
        assert!(matches!(queue.admit(), Ok(Ticket::Now(_))));
    }

    #[test]
    fn an_order_is_placed_by_one_task() {
        let (queue, order) = (Queue::new(QueueConfig::default()), OrderId::new());
        let claim = queue.claim(order);
        assert!(claim.is_some() && queue.claim(order).is_none());
        assert_eq!(queue.in_hand(Duration::ZERO), [order]);
        drop(claim);
        assert!(queue.in_hand(Duration::ZERO).is_empty());
        assert!(queue.claim(order).is_some());
    }
}
