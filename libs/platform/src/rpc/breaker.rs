//! The circuit breaker: a callee that keeps failing is left alone for a while, then tried with one call.
//!
//! After Michael Nygard, "Release It!". The time is a parameter, so that its tests need no waiting.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use serde::Serialize;
use tokio::time::Instant;

use super::policy::BreakerPolicy;

/// Whether calls go through.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CircuitState {
    /// They do.
    Closed,
    /// They are refused until the cool-down is over.
    Open,
    /// The next call, or the one under way, decides.
    HalfOpen,
}

#[derive(Debug)]
pub(super) struct Breaker {
    policy: BreakerPolicy,
    state: Mutex<State>,
}

#[derive(Clone, Copy, Debug)]
enum State {
    Closed { failures: u32 },
    Open { until: Instant, cool_down: Duration },
    Probing { cool_down: Duration },
}

/// Leave to make one call. Dropped without an outcome (the caller went away), it decides nothing.
#[must_use]
#[derive(Debug)]
pub(super) struct Ticket<'a> {
    breaker: &'a Breaker,
    probe: bool,
    decided: bool,
}

impl Breaker {
    pub(super) fn new(policy: BreakerPolicy) -> Self {
        Self { policy, state: Mutex::new(State::Closed { failures: 0 }) }
    }

    /// Leave to call, or how long not to.
    pub(super) fn admit(&self, now: Instant) -> Result<Ticket<'_>, Duration> {
        let mut state = self.lock();
        let probe = match *state {
            State::Closed { .. } => false,
            State::Open { until, .. } if now < until => return Err(until - now),
            State::Open { cool_down, .. } => {
                *state = State::Probing { cool_down };
                true
            }
            State::Probing { cool_down } => return Err(cool_down),
        };
        Ok(Ticket { breaker: self, probe, decided: false })
    }

    pub(super) fn state(&self, now: Instant) -> CircuitState {
        match *self.lock() {
            State::Closed { .. } => CircuitState::Closed,
            State::Open { until, .. } if now < until => CircuitState::Open,
            State::Open { .. } | State::Probing { .. } => CircuitState::HalfOpen,
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ticket<'_> {
    /// Tells how the call went. Answers the new state when that changed it.
    pub(super) fn record(mut self, success: bool, now: Instant) -> Option<CircuitState> {
        self.decided = true;
        let mut state = self.breaker.lock();
        let BreakerPolicy { failures: limit, cool_down: first, longest_cool_down } = self.breaker.policy;
        let open = |cool_down| State::Open { until: now + cool_down, cool_down };
        match (*state, success) {
            (State::Closed { .. }, true) => {
                *state = State::Closed { failures: 0 };
                None
            }
            (State::Closed { failures }, false) if failures + 1 < limit => {
                *state = State::Closed { failures: failures + 1 };
                None
            }
            (State::Closed { .. }, false) => {
                *state = open(first);
                Some(CircuitState::Open)
            }
            (State::Probing { .. }, true) if self.probe => {
                *state = State::Closed { failures: 0 };
                Some(CircuitState::Closed)
            }
            (State::Probing { cool_down }, false) if self.probe => {
                *state = open((cool_down * 2).min(longest_cool_down));
                Some(CircuitState::Open)
            }
            // Begun before the circuit opened: old news.
            (State::Probing { .. } | State::Open { .. }, _) => None,
        }
    }
}

impl Drop for Ticket<'_> {
    fn drop(&mut self) {
        let mut state = self.breaker.lock();
        if let State::Probing { cool_down } = *state
            && self.probe
            && !self.decided
        {
            // The next call probes instead.
            *state = State::Open { until: Instant::now(), cool_down };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COOL_DOWN: Duration = Duration::from_secs(5);

    fn breaker() -> (Breaker, Instant) {
        let policy = BreakerPolicy { failures: 3, cool_down: COOL_DOWN, longest_cool_down: 3 * COOL_DOWN };
        (Breaker::new(policy), Instant::now())
    }

    fn call(breaker: &Breaker, success: bool, now: Instant) -> Option<CircuitState> {
        breaker.admit(now).expect("admitted").record(success, now)
    }

    fn open(breaker: &Breaker, now: Instant) {
        assert_eq!([false; 3].map(|outcome| call(breaker, outcome, now)), [None, None, Some(CircuitState::Open)]);
    }

    #[test]
    fn it_opens_after_that_many_failures_in_a_row() {
        let (breaker, now) = breaker();
        for outcome in [false, false, true, false, false] {
            assert_eq!(call(&breaker, outcome, now), None);
        }
        assert_eq!(breaker.state(now), CircuitState::Closed);
        assert_eq!(call(&breaker, false, now), Some(CircuitState::Open));
        assert_eq!(breaker.state(now), CircuitState::Open);
        assert_eq!(breaker.admit(now + Duration::from_secs(1)).err(), Some(Duration::from_secs(4)));
    }

    #[test]
    fn one_probe_after_the_cool_down_closes_it() {
        let (breaker, now) = breaker();
        open(&breaker, now);
        let later = now + COOL_DOWN;
        assert_eq!(breaker.state(later), CircuitState::HalfOpen);
        let probe = breaker.admit(later).expect("a probe");
        assert!(breaker.admit(later).is_err(), "only one");
        assert_eq!(probe.record(true, later), Some(CircuitState::Closed));
        assert!(breaker.admit(later).is_ok());
    }

    #[test]
    fn a_failed_probe_opens_it_again_for_longer_up_to_a_limit() {
        let (breaker, mut now) = breaker();
        open(&breaker, now);
        for cool_downs in [1, 2, 3, 3] {
            assert_eq!(breaker.admit(now).err(), Some(cool_downs * COOL_DOWN));
            now += cool_downs * COOL_DOWN;
            assert_eq!(call(&breaker, false, now), Some(CircuitState::Open));
        }
        now += 3 * COOL_DOWN;
        assert_eq!(call(&breaker, true, now), Some(CircuitState::Closed));
        open(&breaker, now);
        assert_eq!(breaker.admit(now).err(), Some(COOL_DOWN), "it begins anew");
    }

    #[test]
    fn a_probe_that_was_given_up_lets_the_next_call_probe() {
        let (breaker, now) = breaker();
        open(&breaker, now);
        let later = now + COOL_DOWN;
        drop(breaker.admit(later));
        assert!(breaker.admit(later).is_ok());
    }

    #[test]
    fn a_call_from_before_the_opening_changes_nothing() {
        let (breaker, now) = breaker();
        let old = breaker.admit(now).expect("admitted");
        let older = breaker.admit(now).expect("admitted");
        open(&breaker, now);
        assert_eq!(old.record(true, now), None);
        assert_eq!(breaker.state(now), CircuitState::Open);
        let _probe = breaker.admit(now + COOL_DOWN);
        assert_eq!(older.record(false, now + COOL_DOWN), None);
        assert_eq!(breaker.state(now + COOL_DOWN), CircuitState::HalfOpen);
    }
}
