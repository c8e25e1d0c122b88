//! Leaves a provider alone for a while after it failed several times in a row, so that buyers don't wait for nothing.

use std::sync::{Mutex, MutexGuard, PoisonError};

use chrono::TimeDelta;
use souk_kernel::{Clock, Timestamp};

const FAILURES: u32 = 5;
const COOL_DOWN: TimeDelta = TimeDelta::seconds(5);

pub struct Breaker {
    clock: Clock,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    failures: u32,
    /// Until then nobody is let through; then one call may probe.
    closed_until: Option<Timestamp>,
}

impl Breaker {
    pub fn new(clock: Clock) -> Self {
        Self { clock, state: Mutex::default() }
    }

    /// Whether a call may be made now. While the provider is left alone one call in each cool-down goes through to probe.
    pub fn lets_through(&self) -> bool {
        let now = self.clock.now();
        let mut state = self.state();
        match state.closed_until {
            None => true,
            Some(until) if now < until => false,
            Some(_) => {
                state.closed_until = Some(now + COOL_DOWN);
                true
            }
        }
    }

    pub fn succeeded(&self) {
        *self.state() = State::default();
    }

    pub fn failed(&self) {
        let now = self.clock.now();
        let mut state = self.state();
        state.failures = state.failures.saturating_add(1);
        if state.failures >= FAILURES {
            state.closed_until = Some(now + COOL_DOWN);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_closes_after_failures_in_a_row_and_lets_one_call_probe_later() {
        let clock = Clock::adjustable();
        let breaker = Breaker::new(clock.clone());
        for _ in 0..FAILURES {
            assert!(breaker.lets_through());
            breaker.failed();
        }
        assert!(!breaker.lets_through());
        clock.advance(COOL_DOWN);
        assert!(breaker.lets_through(), "the probe");
        assert!(!breaker.lets_through(), "only one");
        breaker.succeeded();
        assert!(breaker.lets_through());
        breaker.failed();
        assert!(breaker.lets_through(), "the count began anew");
    }
}
