//! The signature of webhooks: `Souk-Signature: t=<unix seconds>,v1=<hex HMAC-SHA256 of "<t>.<body>">`.
//!
//! The time is signed too, so that a message that somebody recorded can't be sent again later.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use souk_kernel::Timestamp;

/// How far a message's time may lie in the past or in the future.
pub const TOLERANCE_SECONDS: u64 = 300;

/// Why a signature is refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Refused {
    #[error("the signature header is missing or not of the form t=…,v1=…")]
    Unreadable,
    #[error("the message is older than five minutes, or from the future")]
    Stale,
    #[error("the signature does not fit the message")]
    Wrong,
}

/// The header for `body`, signed at `now`.
#[must_use]
pub fn sign(secret: &str, now: Timestamp, body: &[u8]) -> String {
    let time = now.timestamp().to_string();
    format!("t={time},v1={}", hex::encode(mac(secret, &time, body).finalize().into_bytes()))
}

/// Whether `header` signs `body` at about `now`. Several `v1` are allowed, as during a change of the secret.
pub fn verify(secret: &str, header: &str, body: &[u8], now: Timestamp) -> Result<(), Refused> {
    let fields = || header.split(',').filter_map(|field| field.trim().split_once('='));
    let mut times = fields().filter(|(key, _)| *key == "t");
    let (Some((_, time)), None) = (times.next(), times.next()) else { return Err(Refused::Unreadable) };
    let seconds: i64 = time.parse().map_err(|_| Refused::Unreadable)?;
    let mut signatures = fields().filter(|(key, _)| *key == "v1").peekable();
    if signatures.peek().is_none() {
        return Err(Refused::Unreadable);
    }
    let fits = signatures
        .filter_map(|(_, signature)| hex::decode(signature).ok())
        .any(|signature| mac(secret, time, body).verify_slice(&signature).is_ok());
    if !fits {
        return Err(Refused::Wrong);
    }
    match now.timestamp().checked_sub(seconds) {
        Some(age) if age.unsigned_abs() <= TOLERANCE_SECONDS => Ok(()),
        _ => Err(Refused::Stale),
    }
}

fn mac(secret: &str, time: &str, body: &[u8]) -> Hmac<Sha256> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("HMAC takes keys of any length");
    mac.update(time.as_bytes());
    mac.update(b".");
    mac.update(body);
    mac
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, TimeDelta};
    use proptest::prelude::*;

    use super::*;

    fn at(seconds: i64) -> Timestamp {
        DateTime::from_timestamp(seconds, 0).unwrap()
    }

    #[test]
    fn it_is_hmac_sha256_over_time_and_body() {
        // printf '1700000000.{}' | openssl dgst -sha256 -hmac secret
        let known = "t=1700000000,v1=b8569b78799ff9e3cbff0fc2d63a33a2b57f3282abd07c37ae5e8e7d79a5f163";
        assert_eq!(sign("secret", at(1_700_000_000), b"{}"), known);
        assert_eq!(verify("secret", known, b"{}", at(1_700_000_000)), Ok(()));
    }

    #[test]
    fn another_secret_body_or_time_is_refused() {
        let now = at(1_700_000_000);
        let header = sign("secret", now, b"{}");
        assert_eq!(verify("Secret", &header, b"{}", now), Err(Refused::Wrong));
        assert_eq!(verify("secret", &header, b"{} ", now), Err(Refused::Wrong));
        assert_eq!(verify("secret", &header.replace("t=17", "t=18"), b"{}", now), Err(Refused::Wrong));
        assert_eq!(verify("secret", &header, b"{}", now + TimeDelta::seconds(300)), Ok(()));
        assert_eq!(verify("secret", &header, b"{}", now + TimeDelta::seconds(301)), Err(Refused::Stale));
        assert_eq!(verify("secret", &header, b"{}", now - TimeDelta::seconds(301)), Err(Refused::Stale));
    }

    #[test]
    fn a_header_of_another_form_is_refused() {
        let now = at(0);
        let good = sign("s", now, b"");
        for bad in ["", "t=0", "v1=00", "t=x,v1=00", "t=0;v1=00", "t=0,t=0,v1=00", &good.replace("v1", "v2")] {
            assert_eq!(verify("s", bad, b"", now), Err(Refused::Unreadable), "{bad}");
        }
        assert_eq!(verify("s", "t=0,v1=zz", b"", now), Err(Refused::Wrong));
        assert_eq!(verify("s", &format!("{good},v1=00"), b"", now), Ok(()), "one of several fits");
    }

    proptest! {
        #[test]
        fn no_header_makes_it_panic(header in ".{0,80}", body in prop::collection::vec(any::<u8>(), 0..40)) {
            let _ = verify("secret", &header, &body, at(i64::from(u32::MAX)));
        }

        #[test]
        fn what_was_signed_verifies(secret in ".{0,80}", body in prop::collection::vec(any::<u8>(), 0..200), now in 0_i64..4_000_000_000) {
            prop_assert_eq!(verify(&secret, &sign(&secret, at(now), &body), &body, at(now)), Ok(()));
        }
    }
}
