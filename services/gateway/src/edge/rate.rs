//! Rate limits per client by the generic cell rate algorithm (ITU-T I.371): a token bucket in one number, the moment at
//! which the bucket would be full again. Several gateways count together where there is a Redis between them, and each for
//! itself while it is away.

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
use souk_platform::redis::Redis;

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
    together: Option<Together>,
}

/// What gateways count together.
struct Together {
    redis: Redis,
    /// Who was sent away, and until when, in nanoseconds: nobody has to be asked about them before.
    sent_away: Cache<(Bucket, IpAddr), i64>,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum Bucket {
    Ordinary,
    Auth,
    Webhooks,
}

impl Bucket {
    fn name(self) -> &'static str {
        match self {
            Self::Ordinary => "ordinary",
            Self::Auth => "auth",
            Self::Webhooks => "webhooks",
        }
    }
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
    pub(super) fn new(limit: &RateLimit, redis: Option<Redis>, clock: Clock) -> Self {
        let (per_second, burst) = (i64::from(limit.per_second.get()), limit.burst.get());
        Self {
            clients: Cache::builder().max_capacity(CLIENTS).time_to_idle(FORGET_AFTER).build(),
            ordinary: Pace::new(SECOND, per_second, burst),
            auth: Pace::new(60 * SECOND, limit.auth_per_minute.get().into(), limit.auth_burst.get()),
            webhooks: Pace::new(SECOND, per_second * WEBHOOK_FACTOR, burst.saturating_mul(10)),
            clock,
            together: redis.map(|redis| Together {
                redis,
                sent_away: Cache::builder().max_capacity(CLIENTS).time_to_live(FORGET_AFTER).build(),
            }),
        }
    }

    /// 429 with the time to wait when the client has used up its share; at once, where this gateway counts for itself.
    pub(super) fn admit(&self, class: Class, client: IpAddr) -> Result<(), Problem> {
        match self.bucket(class) {
            Some((bucket, pace)) if self.together.is_none() => self.take(bucket, pace, household(client)),
            _ => Ok(()),
        }
    }

    /// The same where gateways count together.
    pub(super) async fn admit_together(&self, class: Class, client: IpAddr) -> Result<(), Problem> {
        let (Some(together), Some((bucket, pace))) = (&self.together, self.bucket(class)) else { return Ok(()) };
        let key = (bucket, household(client));
        let now = self.now();
        if let Some(until) = together.sent_away.get(&key) {
            // A clock that was set back must not keep anybody away for longer than an empty bucket does.
            let left = until.saturating_sub(now).min(pace.depth.max(pace.cost));
            if left > 0 {
                return Err(turned_away(Duration::from_nanos(left.unsigned_abs())));
            }
            together.sent_away.invalidate(&key);
        }
        let nanos = |time: i64| Duration::from_nanos(time.unsigned_abs());
        let name = format!("{}:{}", bucket.name(), key.1);
        match together.redis.take(&name, nanos(pace.cost), nanos(pace.depth)).await {
            Some(Ok(())) => Ok(()),
            Some(Err(wait)) => {
                let wait_nanos = i64::try_from(wait.as_nanos()).unwrap_or(i64::MAX);
                together.sent_away.insert(key, now.saturating_add(wait_nanos));
                Err(turned_away(wait))
            }
            None => self.take(bucket, pace, key.1),
        }
    }

    fn bucket(&self, class: Class) -> Option<(Bucket, Pace)> {
        match class {
            Class::Health => None,
            Class::Auth => Some((Bucket::Auth, self.auth)),
            Class::Webhook => Some((Bucket::Webhooks, self.webhooks)),
            Class::Browse | Class::Other | Class::Checkout => Some((Bucket::Ordinary, self.ordinary)),
        }
    }

    fn take(&self, bucket: Bucket, pace: Pace, household: IpAddr) -> Result<(), Problem> {
        let full_at = self.clients.get_with((bucket, household), Arc::default);
        pace.take(&full_at, self.now()).map_err(turned_away)
    }

    fn now(&self) -> i64 {
        self.clock.now().timestamp_micros().saturating_mul(1000)
    }
}

fn turned_away(wait: Duration) -> Problem {
    metrics::counter!("souk_http_turned_away_total", "why" => "rate_limit").increment(1);
    Problem::new(ErrorKind::RateLimited, "rate_limited", "too many requests; wait a little").retry_after(wait)
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use souk_platform::redis::testing;

    use super::*;

    fn limit() -> RateLimit {
        let number = |number| NonZeroU32::new(number).unwrap();
        RateLimit {
            enabled: true,
            per_second: number(10),
            burst: number(3),
            auth_per_minute: number(1),
            auth_burst: number(1),
        }
    }

    fn rates() -> (Rates, Clock) {
        let clock = Clock::adjustable();
        (Rates::new(&limit(), None, clock.clone()), clock)
    }

    /// Gateways that count together, where the tests run with a Redis; one alone otherwise.
    async fn gateways() -> Vec<Rates> {
        let Some(config) = testing::server() else { return vec![rates().0] };
        let mut gateways = Vec::new();
        for _ in 0..2 {
            let redis = Redis::open(&config).await.unwrap();
            gateways.push(Rates::new(&limit(), redis, Clock::system()));
        }
        gateways
    }

    impl Rates {
        /// As a request goes through the edge.
        async fn lets_in(&self, class: Class, client: IpAddr) -> Result<(), Problem> {
            self.admit(class, client)?;
            self.admit_together(class, client).await
        }
    }

    #[tokio::test]
    async fn several_gateways_are_no_way_around_the_limit() {
        let gateways = gateways().await;
        let (one, two) = ("10.0.0.1".parse().unwrap(), "10.0.0.2".parse().unwrap());
        let mut turn = gateways.iter().cycle();
        let mut next = || turn.next().unwrap();
        assert!(next().lets_in(Class::Auth, one).await.is_ok());
        for _ in 0..4 {
            let problem = next().lets_in(Class::Auth, one).await.unwrap_err();
            assert_eq!((problem.kind, &*problem.code), (ErrorKind::RateLimited, "rate_limited"));
            let wait = problem.retry_after.unwrap();
            assert!(wait > Duration::ZERO && wait <= Duration::from_mins(1), "{wait:?}");
        }
        assert!(next().lets_in(Class::Auth, two).await.is_ok());
        assert!(next().lets_in(Class::Health, one).await.is_ok());
        // A bucket refills while the test runs: somebody is sent away before twice the burst is let in.
        let mut let_in = 0;
        let problem = loop {
            match next().lets_in(Class::Browse, one).await {
                Ok(()) => let_in += 1,
                Err(problem) => break problem,
            }
        };
        assert!((3..6).contains(&let_in), "{let_in}");
        tokio::time::sleep(problem.retry_after.unwrap()).await;
        assert!(next().lets_in(Class::Browse, one).await.is_ok(), "after the time that was said");
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
        assert!(problem.retry_after.unwrap() > Duration::from_secs(50));
        assert!(rates.admit(Class::Auth, two).is_ok());
        assert!(rates.admit(Class::Browse, one).is_ok());
        assert!((0..100).all(|_| rates.admit(Class::Health, one).is_ok()));
        clock.advance(chrono::TimeDelta::seconds(61));
        assert!(rates.admit(Class::Auth, one).is_ok());
    }
}
