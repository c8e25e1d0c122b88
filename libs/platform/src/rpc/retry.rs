//! When to try again: exponential backoff with full jitter, within the deadline.
//!
//! After Marc Brooker, "Exponential Backoff And Jitter" (AWS Architecture Blog, 2015).

use std::{
    hash::{BuildHasher, RandomState},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use rand::{RngExt, SeedableRng, rngs::SmallRng};

const BASE: Duration = Duration::from_millis(10);
const CAP: Duration = Duration::from_millis(200);

pub(super) struct Retry {
    retries: u32,
    jitter: Mutex<SmallRng>,
}

impl Retry {
    pub(super) fn new(retries: u32) -> Self {
        // Another seed in every process: replicas that fail together must not come back together.
        let seed = RandomState::new().hash_one(retries);
        Self { retries, jitter: Mutex::new(SmallRng::seed_from_u64(seed)) }
    }

    pub(super) fn enabled(&self) -> bool {
        self.retries > 0
    }

    /// The pause before retry number `retry` (from 0); `None` when the tries or the `remaining` time are used up.
    pub(super) fn pause(&self, retry: u32, remaining: Duration) -> Option<Duration> {
        if retry >= self.retries {
            return None;
        }
        let ceiling = BASE.saturating_mul(2_u32.saturating_pow(retry)).min(CAP);
        let mut jitter = self.jitter.lock().unwrap_or_else(PoisonError::into_inner);
        let pause = jitter.random_range(Duration::ZERO..=ceiling);
        (pause < remaining).then_some(pause)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pauses_grow_to_a_cap_and_are_spread() {
        let retry = Retry::new(100);
        let far = Duration::from_mins(1);
        let longest = |number| (0..200).filter_map(|_| retry.pause(number, far)).max().unwrap();
        assert!(longest(0) <= BASE);
        assert!(longest(3) > BASE * 4 && longest(3) <= BASE * 8);
        assert!(longest(99) > CAP / 2 && longest(99) <= CAP);
        let shortest = (0..200).filter_map(|_| retry.pause(99, far)).min().unwrap();
        assert!(shortest < CAP / 2, "full jitter");
    }

    #[test]
    fn it_ends_with_the_tries_and_with_the_time() {
        let retry = Retry::new(2);
        assert!(retry.pause(1, Duration::from_secs(1)).is_some());
        assert_eq!(retry.pause(2, Duration::from_secs(1)), None);
        assert_eq!(retry.pause(0, Duration::ZERO), None);
        assert!(!Retry::new(0).enabled());
    }
}
