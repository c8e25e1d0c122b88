//! How long a call may take, and the budget that it shares with the calls made on its behalf.

use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};
use tokio::time::Instant;

const TIMEOUT: HeaderName = HeaderName::from_static("grpc-timeout");

tokio::task_local! {
    static DEADLINE: Instant;
}

/// Runs `work` so that every call made in it shares one time budget (500 ms at checkout), however many there are. An
/// outer budget that ends sooner stays in force. It bounds the calls, not the work itself.
pub async fn within<F: Future>(budget: Duration, work: F) -> F::Output {
    let end = Instant::now() + budget;
    scope(inherited().map_or(end, |outer| outer.min(end)), work).await
}

/// Runs the callee's side of a call: calls that it makes in turn end with it.
pub(super) async fn scope<F: Future>(deadline: Instant, work: F) -> F::Output {
    DEADLINE.scope(deadline, work).await
}

/// When a call that begins now must end: by its own timeout or the policy's, and by the budget it is part of.
pub(super) fn of(headers: &HeaderMap, policy: Duration, now: Instant) -> Instant {
    let own = now + requested(headers).unwrap_or(policy);
    inherited().map_or(own, |outer| outer.min(own))
}

/// The timeout that came with a request, in the form of the gRPC protocol: up to eight digits and a unit.
pub(super) fn requested(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(TIMEOUT)?.to_str().ok()?;
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    if digits.is_empty() || digits.len() > 8 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let amount: u64 = digits.parse().ok()?;
    Some(match unit {
        "H" => Duration::from_secs(amount * 3600),
        "M" => Duration::from_secs(amount * 60),
        "S" => Duration::from_secs(amount),
        "m" => Duration::from_millis(amount),
        "u" => Duration::from_micros(amount),
        "n" => Duration::from_nanos(amount),
        _ => return None,
    })
}

/// Tells the callee how much time is left.
pub(super) fn announce(headers: &mut HeaderMap, remaining: Duration) {
    let micros = remaining.as_micros();
    let text =
        if micros < 100_000_000 { format!("{micros}u") } else { format!("{}S", remaining.as_secs().min(99_999_999)) };
    headers.insert(TIMEOUT, HeaderValue::try_from(text).expect("digits and a letter"));
}

fn inherited() -> Option<Instant> {
    DEADLINE.try_get().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(timeout: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(TIMEOUT, HeaderValue::from_static(timeout))])
    }

    #[test]
    fn a_timeout_survives_the_header() {
        for timeout in [Duration::ZERO, Duration::from_micros(1), Duration::from_millis(500), Duration::from_mins(15)] {
            let mut headers = HeaderMap::new();
            announce(&mut headers, timeout);
            assert_eq!(requested(&headers), Some(timeout));
        }
        assert_eq!(requested(&headers("3M")), Some(Duration::from_mins(3)));
        for bad in ["", "u", "+1S", "-1S", "123456789u", "5x"] {
            assert_eq!(requested(&headers(bad)), None, "{bad}");
        }
    }

    #[tokio::test]
    async fn the_request_overrides_the_policy_but_not_the_budget() {
        let (policy, now) = (Duration::from_secs(2), Instant::now());
        assert_eq!(of(&HeaderMap::new(), policy, now), now + policy);
        assert_eq!(of(&headers("5S"), policy, now), now + Duration::from_secs(5));
        within(Duration::from_millis(500), async {
            let outer = of(&headers("5S"), policy, now);
            assert!(outer < now + Duration::from_secs(1));
            within(Duration::from_mins(1), async { assert_eq!(of(&HeaderMap::new(), policy, now), outer) }).await;
        })
        .await;
    }
}
