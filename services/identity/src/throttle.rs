//! Wrong passwords, counted per client and account, in this process only: after a restart the count begins anew.

use std::{net::IpAddr, time::Duration};

use moka::{ops::compute::Op, sync::Cache};
use souk_kernel::Clock;

use crate::{domain::Attempts, error::Error};

/// Accounts and clients that are remembered; the least used are forgotten first.
const REMEMBERED: u64 = 100_000;
const IDLE: Duration = Duration::from_mins(20);

/// Slows down who guesses passwords.
#[derive(Clone)]
pub struct Throttle {
    /// `None` when limits are off.
    attempts: Option<Cache<Key, Attempts>>,
    clock: Clock,
}

/// Who guesses at what. The account is named as the client named it: known and unknown ones are alike.
type Key = (String, Option<IpAddr>);

impl Throttle {
    pub fn new(enabled: bool, clock: Clock) -> Self {
        let cache = || Cache::builder().max_capacity(REMEMBERED).time_to_idle(IDLE).build();
        Self { attempts: enabled.then(cache), clock }
    }

    /// Refuses when the last wrong guess is too fresh.
    pub fn check(&self, account: &str) -> Result<(), Error> {
        let Some(attempts) = &self.attempts else { return Ok(()) };
        match attempts.get(&key(account)).and_then(|attempts| attempts.wait(self.clock.now())) {
            Some(wait) => Err(Error::Throttled(wait)),
            None => Ok(()),
        }
    }

    /// Notes how a guess went.
    pub fn note(&self, account: &str, right: bool) {
        let Some(attempts) = &self.attempts else { return };
        let now = self.clock.now();
        attempts.entry(key(account)).and_compute_with(|known| match (right, known) {
            (true, Some(_)) => Op::Remove,
            (true, None) => Op::Nop,
            (false, Some(known)) => Op::Put(known.into_value().and_another(now)),
            (false, None) => Op::Put(Attempts::first(now)),
        });
    }
}

fn key(account: &str) -> Key {
    (account.to_owned(), souk_platform::context::current().client_ip)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn guessing_is_slowed_down_per_account_until_the_right_password_comes() {
        let clock = Clock::adjustable();
        let throttle = Throttle::new(true, clock.clone());
        for _ in 0..5 {
            throttle.check("ann@x.org").unwrap();
            throttle.note("ann@x.org", false);
        }
        assert!(matches!(throttle.check("ann@x.org"), Err(Error::Throttled(_))));
        throttle.check("bob@x.org").unwrap();
        clock.advance(chrono::TimeDelta::seconds(2));
        throttle.check("ann@x.org").unwrap();
        throttle.note("ann@x.org", true);
        throttle.note("ann@x.org", false);
        throttle.check("ann@x.org").unwrap();
    }

    #[test]
    fn without_limits_nobody_waits() {
        let throttle = Throttle::new(false, Clock::system());
        for _ in 0..100 {
            throttle.note("ann@x.org", false);
        }
        throttle.check("ann@x.org").unwrap();
    }
}
