//! How fast somebody may guess passwords.

use std::time::Duration;

use souk_kernel::Timestamp;

/// Wrong guesses that cost nothing: people mistype.
const FREE: u32 = 5;
/// After this long without a wrong guess all is forgotten.
const MEMORY: Duration = Duration::from_mins(15);

/// Wrong guesses in a row, by one client at one account.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Attempts {
    failed: u32,
    last: Timestamp,
}

impl Attempts {
    /// The first wrong guess.
    pub fn first(now: Timestamp) -> Self {
        Self { failed: 1, last: now }
    }

    /// One more wrong guess.
    #[must_use]
    pub fn and_another(self, now: Timestamp) -> Self {
        if self.forgotten(now) { Self::first(now) } else { Self { failed: self.failed.saturating_add(1), last: now } }
    }

    /// How long to wait before the next guess is looked at: after five free ones 1 s, then twice as long each time, up to
    /// 15 minutes.
    pub fn wait(self, now: Timestamp) -> Option<Duration> {
        if self.failed < FREE || self.forgotten(now) {
            return None;
        }
        let penalty = Duration::from_secs(1_u64 << (self.failed - FREE).min(10)).min(MEMORY);
        (self.last + penalty - now).to_std().ok().filter(|wait| !wait.is_zero())
    }

    fn forgotten(self, now: Timestamp) -> bool {
        now - self.last >= chrono::TimeDelta::from_std(MEMORY).unwrap_or(chrono::TimeDelta::MAX)
    }
}

#[cfg(test)]
mod tests {
    use souk_kernel::Clock;

    use super::*;

    #[test]
    fn the_wait_doubles_and_is_forgotten() {
        let start = Clock::system().now();
        let mut attempts = Attempts::first(start);
        for _ in 0..3 {
            attempts = attempts.and_another(start);
            assert_eq!(attempts.wait(start), None);
        }
        let mut waits = Vec::new();
        for _ in 0..12 {
            attempts = attempts.and_another(start);
            waits.push(attempts.wait(start).unwrap().as_secs());
        }
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900]);
        assert_eq!(attempts.wait(start + Duration::from_secs(890)).unwrap().as_secs(), 10);
        assert_eq!(attempts.wait(start + MEMORY), None);
        assert_eq!(attempts.and_another(start + MEMORY), Attempts::first(start + MEMORY));
    }
}
