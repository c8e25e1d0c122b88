//! What became of every request of a run, as it happens: for whoever watches while something is being broken.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use crate::{call::Answer, error::Error};

/// Shared by all connections of a run.
#[derive(Debug, Default)]
pub struct Tally {
    counts: Mutex<Counts>,
    /// When those requests began that are not over yet, by their numbers.
    under_way: Mutex<(u64, BTreeMap<u64, Instant>)>,
}

/// A request that is not over.
#[derive(Debug)]
pub struct UnderWay {
    tally: Arc<Tally>,
    number: u64,
    began: Instant,
}

/// What was counted since the last [`Tally::begin`].
#[derive(Clone, Debug, Default)]
pub struct Counts {
    pub requests: u64,
    /// Requests that got no answer, or one that is neither a success nor a redirection.
    pub errors: u64,
    /// The errors by kind.
    pub kinds: BTreeMap<String, u64>,
    pub last_error: Option<Instant>,
    /// How long the request took that took longest.
    pub slowest: Duration,
    /// Whole purchases that ended well.
    pub checkouts: u64,
    /// When the first purchase ended well that had begun after the counting did.
    pub first_checkout: Option<Instant>,
    /// When the counting began.
    pub since: Option<Instant>,
}

impl Tally {
    /// Counts from zero.
    pub fn begin(&self) -> Instant {
        let now = Instant::now();
        *self.counting() = Counts { since: Some(now), ..Counts::default() };
        now
    }

    pub fn counts(&self) -> Counts {
        self.counting().clone()
    }

    /// A request begins.
    pub fn begin_request(self: &Arc<Self>) -> UnderWay {
        let mut under_way = locked(&self.under_way);
        under_way.0 += 1;
        let (number, began) = (under_way.0, Instant::now());
        under_way.1.insert(number, began);
        UnderWay { tally: Arc::clone(self), number, began }
    }

    /// Since when the request waits that has waited longest.
    pub fn waiting_since(&self) -> Option<Instant> {
        locked(&self.under_way).1.values().next().copied()
    }

    /// A purchase that began then has been confirmed.
    pub fn checkout(&self, began: Instant) {
        let mut counts = self.counting();
        counts.checkouts += 1;
        if counts.since.is_some_and(|since| began >= since) {
            counts.first_checkout.get_or_insert_with(Instant::now);
        }
    }

    fn counting(&self) -> MutexGuard<'_, Counts> {
        locked(&self.counts)
    }
}

impl UnderWay {
    /// It is over.
    pub fn end(&self, result: &Result<Answer, Error>) {
        let kind = match result {
            Ok(answer) => answer.refusal(),
            Err(Error::Connection { cause, .. }) => Some(format!("no answer: {cause}")),
            Err(other) => Some(other.outcome()),
        };
        let mut counts = self.tally.counting();
        counts.requests += 1;
        counts.slowest = counts.slowest.max(self.began.elapsed());
        if let Some(kind) = kind {
            counts.errors += 1;
            *counts.kinds.entry(kind).or_default() += 1;
            counts.last_error = Some(Instant::now());
        }
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        locked(&self.tally.under_way).1.remove(&self.number);
    }
}

fn locked<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_checkout_is_one_that_began_after_the_counting() {
        let (tally, before) = (Arc::new(Tally::default()), Instant::now());
        let since = tally.begin();
        tally.checkout(before - Duration::from_millis(1));
        assert_eq!((tally.counts().checkouts, tally.counts().first_checkout), (1, None));
        tally.checkout(since);
        assert!(tally.counts().first_checkout.is_some());
        let request = tally.begin_request();
        assert!(tally.waiting_since().is_some());
        request.end(&Err(Error::Connection { authority: String::new(), cause: "refused".to_owned() }));
        drop(request);
        assert_eq!((tally.counts().kinds["no answer: refused"], tally.waiting_since()), (1, None));
        tally.begin();
        assert_eq!((tally.counts().requests, tally.counts().checkouts), (0, 0));
    }
}
