//! The time, as something handed in: the system's clock in production, one that is turned by hand in tests.

use std::sync::{Arc, Mutex};

use chrono::{DateTime, DurationRound, TimeDelta, Utc};

/// A moment in UTC, to the microsecond (what every supported database keeps).
pub type Timestamp = DateTime<Utc>;

/// Tells the time. Cloned freely; clones of a manual clock turn together.
#[derive(Clone, Debug, Default)]
pub struct Clock(Source);

#[derive(Clone, Debug, Default)]
enum Source {
    #[default]
    System,
    Shifted(Arc<Mutex<TimeDelta>>),
}

impl Clock {
    /// The system's clock.
    #[must_use]
    pub fn system() -> Self {
        Self(Source::System)
    }

    /// A clock that runs with the system's and can be moved forward by [`Clock::advance`].
    #[must_use]
    pub fn adjustable() -> Self {
        Self(Source::Shifted(Arc::new(Mutex::new(TimeDelta::zero()))))
    }

    /// Now, to the microsecond.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the system's clock")]
    pub fn now(&self) -> Timestamp {
        let shift = match &self.0 {
            Source::System => TimeDelta::zero(),
            Source::Shifted(shift) => *shift.lock().expect("nothing panics while holding the shift"),
        };
        (Utc::now() + shift).duration_trunc(TimeDelta::microseconds(1)).expect("a microsecond divides any time")
    }

    /// Moves an adjustable clock forward; the system's clock stays as it is.
    pub fn advance(&self, by: TimeDelta) {
        if let Source::Shifted(shift) = &self.0 {
            *shift.lock().expect("nothing panics while holding the shift") += by;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clones_of_an_adjustable_clock_turn_together() {
        let clock = Clock::adjustable();
        let other = clock.clone();
        let before = other.now();
        clock.advance(TimeDelta::hours(1));
        assert!(other.now() - before >= TimeDelta::hours(1));
        assert_eq!(other.now().timestamp_subsec_nanos() % 1000, 0);
    }
}
