//! Which instances are worth asking: one that fails again and again is left out for a while, then tried again.

use std::{
    sync::atomic::{AtomicU64, AtomicUsize, Ordering},
    time::Duration,
};

use tokio::time::Instant;

/// Failures in a row that have an instance left out.
const FAILURES: u32 = 3;
/// How long, the first time; doubled each time that it fails at once again.
const OUT: Duration = Duration::from_secs(1);
const OUT_LONGEST: Duration = Duration::from_secs(16);

/// How an instance fared lately.
#[derive(Default, Debug)]
pub(super) struct Health {
    failures: u32,
    ejections: u32,
    out_until: Option<Instant>,
}

impl Health {
    pub(super) fn succeeded(&mut self) {
        *self = Self::default();
    }

    /// True when the instance is left out from now on.
    pub(super) fn failed(&mut self, now: Instant) -> bool {
        self.failures += 1;
        // After a time out, one more failure is enough.
        if self.failures < FAILURES && self.ejections == 0 {
            return false;
        }
        let out = OUT.saturating_mul(2_u32.saturating_pow(self.ejections)).min(OUT_LONGEST);
        self.ejections = self.ejections.saturating_add(1);
        self.failures = 0;
        let before = self.is_out(now);
        self.out_until = Some(now + out);
        !before
    }

    pub(super) fn is_out(&self, now: Instant) -> bool {
        self.out_until.is_some_and(|until| now < until)
    }

    pub(super) fn out_until(&self) -> Option<Instant> {
        self.out_until
    }
}

/// Two different numbers below `count` (the same twice when there is only one), another pair each time.
///
/// "The power of two choices" (Mitzenmacher, 2001): of two instances taken blindly the one with less to do. Nearly as good as
/// the best of all, without everybody running to the same one.
pub(super) struct Pairs(AtomicU64);

impl Pairs {
    pub(super) fn new(seed: u64) -> Self {
        Self(AtomicU64::new(seed))
    }

    pub(super) fn next(&self, count: usize) -> (usize, usize) {
        // splitmix64 (Steele, Lea, Flood, 2014) over a counter: no lock, and good enough to choose by.
        let mut word = self.0.fetch_add(0x9E37_79B9_7F4A_7C15, Ordering::Relaxed);
        word = (word ^ (word >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        word ^= word >> 31;
        let number = |word: u64, below: usize| usize::try_from(word % below as u64).unwrap_or(0);
        let first = number(word & 0xFFFF_FFFF, count);
        let second = if count > 1 { (first + 1 + number(word >> 32, count - 1)) % count } else { first };
        (first, second)
    }
}

/// Counts what is under way as long as it lives.
pub(super) struct UnderWay<'a>(&'a AtomicUsize);

impl<'a> UnderWay<'a> {
    pub(super) fn begin(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_failures_in_a_row_leave_an_instance_out_longer_each_time() {
        let (mut health, now) = (Health::default(), Instant::now());
        assert!(!health.failed(now) && !health.failed(now));
        health.succeeded();
        assert!(!health.failed(now) && !health.failed(now) && health.failed(now));
        assert!(health.is_out(now) && !health.is_out(now + OUT));
        let later = now + OUT;
        assert!(health.failed(later), "one more is enough");
        assert!(health.is_out(later + OUT) && !health.is_out(later + OUT * 2));
        health.succeeded();
        assert!(!health.is_out(later) && !health.failed(later));
    }

    #[test]
    fn pairs_are_of_two_and_reach_everyone() {
        let pairs = Pairs::new(7);
        assert_eq!(pairs.next(1), (0, 0));
        let mut seen = [0; 5];
        for _ in 0..1000 {
            let (first, second) = pairs.next(5);
            assert!(first != second && first < 5 && second < 5);
            seen[first] += 1;
            seen[second] += 1;
        }
        assert!(seen.iter().all(|count| (300..500).contains(count)), "{seen:?}");
    }
}
