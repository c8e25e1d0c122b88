//! Rate limits per client by the generic cell rate algorithm (ITU-T I.371): a token bucket in one number, the moment at
//! which the bucket would be full again.

use std::{
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use moka::sync::Cache;
use souk_kernel::{Clock, ErrorKind, Problem};

use super::class::Class;
use crate::{client_ip::household, config::RateLimit};

/// Clients remembered; beyond, those not seen for longest start with a full bucket.
const CLIENTS: u64 = 100_000;
/// Longer than any bucket takes to fill up at sane limits.
const FORGET_AFTER: Duration = Duration::from_mins(10);
/// Signed webhooks of one provider come from few addresses: this many times the ordinary limit.
const WEBHOOK_FACTOR: i64 = 10;

const SECOND: i64 = 1_000_000_000;

pub(super) struct Rates {
    /// Per bucket and client, the time at which its bucket is full again, in nanoseconds.
    clients: Cache<(Bucket, IpAddr), Arc<AtomicI64>>,
    ordinary: Pace,
    auth: Pace,
    webhooks: Pace,
    clock: Clock,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum Bucket {
    Ordinary,
    Auth,
    Webhooks,
}

/// In nanoseconds.
#[derive(Clone, Copy, Debug)]
struct Pace {
    /// What one request costs.
    cost: i64,
    /// How far ahead of the present the bucket's time may lie.
    depth: i64,
}

impl Pace {
    fn new(period: i64, requests: i64, burst: u32) -> Self {
        let cost = (period / requests).max(1);
        Self { cost, depth: cost.saturating_mul(burst.into()) }
    }

    /// Takes one request out of the bucket, or says how long until there is one.
    fn take(self, full_at: &AtomicI64, now: i64) -> Result<(), Duration> {
        let mut known = full_at.load(Ordering::Relaxed);
        loop {
            // A clock that was set back must not lock anybody out for longer than an empty bucket does.
            let next = known.clamp(now, now.saturating_add(self.depth)) + self.cost;
            let early = next - self.depth - now;
            if early > 0 {
                return Err(Duration::from_nanos(early.unsigned_abs()));
            }
            match full_at.compare_exchange_weak(known, next, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => return Ok(()),
                Err(other) => known = other,
            }
        }
    }
}

impl Rates {
    pub(super) fn new(limit: &RateLimit, clock: Clock) -> Self {
        let (per_second, burst) = (i64::from(limit.per_second.get()), limit.burst.get());
        Self {
            clients: Cache::builder().max_capacity(CLIENTS).time_to_idle(FORGET_AFTER).build(),
            ordinary: Pace::new(SECOND, per_second, burst),
            auth: Pace::new(60 * SECOND, limit.auth_per_minute.get().into(), limit.auth_burst.get()),
            webhooks: Pace::new(SECOND, per_second * WEBHOOK_FACTOR, burst.saturating_mul(10)),
            clock,
        }
    }

    /// 429 with the time to wait when the client has used up its share.
    pub(super) fn admit(&self, class: Class, client: IpAddr) -> Result<(), Problem> {
        let (bucket, pace) = match class {
            Class::Health => return Ok(()),
            Class::Auth => (Bucket::Auth, self.auth),
            Class::Webhook => (Bucket::Webhooks, self.webhooks),
            Class::Browse | Class::Other | Class::Checkout => (Bucket::Ordinary, self.ordinary),
        };
        let full_at = self.clients.get_with((bucket, household(client)), Arc::default);
        let now = self.clock.now().timestamp_micros().saturating_mul(1000);
        pace.take(&full_at, now).map_err(|wait| {
            metrics::counter!("souk_http_turned_away_total", "why" => "rate_limit").increment(1);
            Problem::new(ErrorKind::RateLimited, "rate_limited", "too many requests; wait a little").retry_after(wait)
        })
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use super::*;

    fn rates() -> (Rates, Clock) {
        let number = |number| NonZeroU32::new(number).unwrap();
        let limit = RateLimit {
            enabled: true,
            per_second: number(10),
            burst: number(3),
            auth_per_minute: number(6),
            auth_burst: number(1),
        };
        let clock = Clock::adjustable();
        (Rates::new(&limit, clock.clone()), clock)
    }

    #[test]
    fn a_burst_is_let_in_and_the_rest_waits_its_turn() {
        let pace = Pace::new(SECOND, 10, 3);
        let (full_at, now) = (AtomicI64::default(), 1_000 * SECOND);
        for _ in 0..3 {
            pace.take(&full_at, now).unwrap();
        }
        assert_eq!(pace.take(&full_at, now), Err(Duration::from_millis(100)));
        assert_eq!(pace.take(&full_at, now + SECOND / 10), Ok(()));
        assert!(pace.take(&full_at, now + SECOND / 10).is_err());
        // The clock is set back by an hour: a whole burst to wait for, not an hour.
        assert_eq!(pace.take(&full_at, now - 3600 * SECOND), Err(Duration::from_millis(100)));
    }

    #[test]
    fn clients_and_buckets_are_apart_and_health_is_free() {
        let (rates, clock) = rates();
        let (one, two) = ("10.0.0.1".parse().unwrap(), "10.0.0.2".parse().unwrap());
        assert!(rates.admit(Class::Auth, one).is_ok());
        let problem = rates.admit(Class::Auth, one).unwrap_err();
        assert_eq!((problem.kind, &*problem.code), (ErrorKind::RateLimited, "rate_limited"));
        assert!(problem.retry_after.unwrap() > Duration::from_secs(9));
        assert!(rates.admit(Class::Auth, two).is_ok());
        assert!(rates.admit(Class::Browse, one).is_ok());
        assert!((0..100).all(|_| rates.admit(Class::Health, one).is_ok()));
        clock.advance(chrono::TimeDelta::seconds(11));
        assert!(rates.admit(Class::Auth, one).is_ok());
    }
}
