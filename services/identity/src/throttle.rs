//! Wrong passwords, counted per client and account. Instances tell each other of them; a process that starts begins anew.

use std::time::Duration;

use moka::{
    ops::compute::{CompResult, Op},
    sync::Cache,
};
use serde::{Deserialize, Serialize};
use souk_kernel::Clock;
use souk_platform::{invalidations::Invalidations, security::token_hash};

use crate::{domain::Attempts, error::Error};

/// Accounts and clients that are remembered; the least used are forgotten first.
const REMEMBERED: u64 = 100_000;
const IDLE: Duration = Duration::from_mins(20);

/// Slows down who guesses passwords.
#[derive(Clone)]
pub struct Throttle {
    counts: Counts,
    instances: Invalidations,
}

#[derive(Clone)]
struct Counts {
    /// `None` when limits are off.
    attempts: Option<Cache<Key, Attempts>>,
    clock: Clock,
}

/// SHA-256 of who guesses at what. The account is named as the client named it: known and unknown ones are alike.
type Key = [u8; 32];

/// How a guess went, as other instances hear it.
#[derive(Serialize, Deserialize)]
struct Guess {
    key: Key,
    right: bool,
}

impl Throttle {
    pub fn new(enabled: bool, clock: Clock, instances: Invalidations) -> Self {
        let cache = || Cache::builder().max_capacity(REMEMBERED).time_to_idle(IDLE).build();
        let counts = Counts { attempts: enabled.then(cache), clock };
        let heard = counts.clone();
        instances.listen(move |guess: Option<Guess>| {
            if let Some(guess) = guess {
                heard.note(&guess);
            }
            async {}
        });
        Self { counts, instances }
    }

    /// Refuses when the last wrong guess is too fresh.
    pub fn check(&self, account: &str) -> Result<(), Error> {
        let Some(attempts) = &self.counts.attempts else { return Ok(()) };
        match attempts.get(&key(account)).and_then(|attempts| attempts.wait(self.counts.clock.now())) {
            Some(wait) => Err(Error::Throttled(wait)),
            None => Ok(()),
        }
    }

    /// Notes how a guess went, here and with the other instances.
    pub async fn note(&self, account: &str, right: bool) {
        let guess = Guess { key: key(account), right };
        if self.counts.note(&guess) {
            self.instances.tell(&guess).await;
        }
    }
}

impl Counts {
    /// Whether it made a difference.
    fn note(&self, guess: &Guess) -> bool {
        let Some(attempts) = &self.attempts else { return false };
        let now = self.clock.now();
        let counted = attempts.entry(guess.key).and_compute_with(|known| match (guess.right, known) {
            (true, Some(_)) => Op::Remove,
            (true, None) => Op::Nop,
            (false, Some(known)) => Op::Put(known.into_value().and_another(now)),
            (false, None) => Op::Put(Attempts::first(now)),
        });
        !matches!(counted, CompResult::StillNone(_))
    }
}

fn key(account: &str) -> Key {
    let client = souk_platform::context::current().client_ip.map(|ip| ip.to_string()).unwrap_or_default();
    // An address has no spaces, so that the two parts can't be confused.
    token_hash(&format!("{client} {account}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn guessing_is_slowed_down_per_account_until_the_right_password_comes() {
        let clock = Clock::adjustable();
        let throttle = Throttle::new(true, clock.clone(), Invalidations::alone());
        for _ in 0..5 {
            throttle.check("ann@x.org").unwrap();
            throttle.note("ann@x.org", false).await;
        }
        assert!(matches!(throttle.check("ann@x.org"), Err(Error::Throttled(_))));
        throttle.check("bob@x.org").unwrap();
        clock.advance(chrono::TimeDelta::seconds(2));
        throttle.check("ann@x.org").unwrap();
        throttle.note("ann@x.org", true).await;
        throttle.note("ann@x.org", false).await;
        throttle.check("ann@x.org").unwrap();
    }

    #[tokio::test]
    async fn guesses_at_other_instances_count() {
        let (instances, mut outgoing) = Invalidations::among_others(Duration::ZERO);
        let here = Throttle::new(true, Clock::system(), instances);
        let others = Invalidations::alone();
        let there = Throttle::new(true, Clock::system(), others.clone());
        for _ in 0..5 {
            there.check("ann@x.org").unwrap();
            here.note("ann@x.org", false).await;
            others.heard(Some(&outgoing.changes.recv().await.unwrap().change)).await;
        }
        assert!(matches!(there.check("ann@x.org"), Err(Error::Throttled(_))));
        here.note("ann@x.org", true).await;
        others.heard(Some(&outgoing.changes.recv().await.unwrap().change)).await;
        there.check("ann@x.org").unwrap();
        here.note("ann@x.org", true).await;
        assert!(outgoing.changes.try_recv().is_err(), "nothing has changed");
    }

    #[tokio::test]
    async fn without_limits_nobody_waits() {
        let throttle = Throttle::new(false, Clock::system(), Invalidations::alone());
        for _ in 0..100 {
            throttle.note("ann@x.org", false).await;
        }
        throttle.check("ann@x.org").unwrap();
    }
}
