//! The bulkhead: a limit of calls under way from one caller to one callee, so that browsing can't starve checkout.

use tokio::{
    sync::{Semaphore, SemaphorePermit},
    time::{Instant, timeout_at},
};

pub(super) struct Bulkhead {
    places: Semaphore,
}

/// No place became free in time.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Busy;

impl Bulkhead {
    pub(super) fn new(concurrency: usize) -> Self {
        Self { places: Semaphore::new(concurrency.clamp(1, Semaphore::MAX_PERMITS)) }
    }

    /// A place, kept until the permit is dropped; waits for it until the deadline.
    pub(super) async fn enter(&self, deadline: Instant) -> Result<SemaphorePermit<'_>, Busy> {
        if let Ok(permit) = self.places.try_acquire() {
            return Ok(permit);
        }
        match timeout_at(deadline, self.places.acquire()).await {
            Ok(permit) => permit.map_err(|_closed| Busy),
            Err(_elapsed) => Err(Busy),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn a_full_bulkhead_refuses_at_the_deadline_and_admits_when_a_place_is_free() {
        let bulkhead = Bulkhead::new(1);
        let permit = bulkhead.enter(Instant::now()).await.unwrap();
        assert_eq!(bulkhead.enter(Instant::now() + Duration::from_millis(5)).await.err(), Some(Busy));
        let far = Instant::now() + Duration::from_mins(1);
        let (waited, ()) = tokio::join!(bulkhead.enter(far), async { drop(permit) });
        assert!(waited.is_ok());
    }
}
