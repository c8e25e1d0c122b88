//! What a caller may ask of a callee: how long, how often, how many at once.

use std::time::Duration;

/// The rules of one caller → callee pair.
#[derive(Clone, Debug)]
pub struct Policy {
    /// How long a call may take in all, waiting and retries included. A request's own `set_timeout` takes its place;
    /// neither outlasts the budget of [`within`](super::within).
    pub deadline: Duration,
    /// How often an idempotent call is repeated when the callee was unavailable.
    pub retries: u32,
    /// The methods that may be repeated, by their name in the `.proto` file (`GetProduct`). A single request may also
    /// carry the mark [`Idempotent`]. Only for calls with one request message: it is kept to be sent again.
    pub idempotent: &'static [&'static str],
    /// How many calls may be under way at once.
    pub concurrency: usize,
    /// When to stop calling.
    pub breaker: BreakerPolicy,
}

/// When a circuit opens and for how long.
#[derive(Clone, Copy, Debug)]
pub struct BreakerPolicy {
    /// Failures in a row that open it.
    pub failures: u32,
    /// How long it stays open before one call may probe the callee; twice as long each time that the probe fails …
    pub cool_down: Duration,
    /// … but no longer than this.
    pub longest_cool_down: Duration,
}

/// A mark in a request's extensions: this call may be repeated although its method is not listed in the policy.
#[derive(Clone, Copy, Debug)]
pub struct Idempotent;

impl Default for Policy {
    fn default() -> Self {
        Self {
            deadline: Duration::from_secs(2),
            retries: 2,
            idempotent: &[],
            concurrency: 256,
            breaker: BreakerPolicy {
                failures: 5,
                // About as long as a process needs to be there again.
                cool_down: Duration::from_millis(500),
                longest_cool_down: Duration::from_secs(5),
            },
        }
    }
}

impl Policy {
    /// Lists the methods that may be repeated.
    #[must_use]
    pub fn idempotent(self, methods: &'static [&'static str]) -> Self {
        Self { idempotent: methods, ..self }
    }

    /// Sets how long a call may take in all.
    #[must_use]
    pub fn deadline(self, deadline: Duration) -> Self {
        Self { deadline, ..self }
    }

    /// Sets how many calls may be under way at once.
    #[must_use]
    pub fn concurrency(self, concurrency: usize) -> Self {
        Self { concurrency, ..self }
    }
}
