//! What became of every request of a run, as it happens: for whoever watches while something is being broken.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use tokio::time::Instant;

use crate::{call::Answer, error::Error};

/// Shared by all connections of a run.
#[derive(Debug, Default)]
pub struct Tally(Mutex<Counts>);

/// What was counted since the last [`Tally::begin`].
#[derive(Clone, Debug, Default)]
pub struct Counts {
    pub requests: u64,
    /// Requests that got no answer, or one that is neither a success nor a redirection.
    pub errors: u64,
    /// The errors by kind.
    pub kinds: BTreeMap<String, u64>,
    pub last_error: Option<Instant>,
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

    /// A request is over.
    pub fn request(&self, result: &Result<Answer, Error>) {
        let kind = match result {
            Ok(answer) => answer.refusal(),
            Err(Error::Connection { cause, .. }) => Some(format!("no answer: {cause}")),
            Err(other) => Some(other.outcome()),
        };
        let mut counts = self.counting();
        counts.requests += 1;
        if let Some(kind) = kind {
            counts.errors += 1;
            *counts.kinds.entry(kind).or_default() += 1;
            counts.last_error = Some(Instant::now());
        }
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
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_checkout_is_one_that_began_after_the_counting() {
        let (tally, before) = (Tally::default(), Instant::now());
        let since = tally.begin();
        tally.checkout(before - std::time::Duration::from_millis(1));
        assert_eq!((tally.counts().checkouts, tally.counts().first_checkout), (1, None));
        tally.checkout(since);
        assert!(tally.counts().first_checkout.is_some());
        tally.request(&Err(Error::Connection { authority: String::new(), cause: "refused".to_owned() }));
        assert_eq!(tally.counts().kinds["no answer: refused"], 1);
        tally.begin();
        assert_eq!((tally.counts().requests, tally.counts().checkouts), (0, 0));
    }
}
