//! The signature of a pushed batch, and of what is published: `Souk-Signature: t=<unix seconds>,v1=<hex HMAC-SHA256 of "<t>.<body>">`.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use souk_kernel::Timestamp;

/// How far the time in a signature may lie from ours, either way, in seconds.
const TOLERANCE: i64 = 300;

/// The moment at which `body` was signed under `secret`, if `header` proves it and the moment is near `now`.
pub fn verified_at(header: &str, body: &[u8], secret: &str, now: Timestamp) -> Option<Timestamp> {
    let mut signed_at = None;
    let mut signatures = Vec::new();
    for part in header.split(',') {
        match part.trim().split_once('=') {
            Some(("t", seconds)) => signed_at = Some(seconds),
            Some(("v1", signature)) => signatures.push(signature),
            _ => {}
        }
    }
    let signed_at = signed_at?;
    let moment = Timestamp::from_timestamp(signed_at.parse().ok()?, 0)?;
    if (now - moment).num_seconds().abs() > TOLERANCE {
        return None;
    }
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("HMAC takes keys of any length");
    mac.update(signed_at.as_bytes());
    mac.update(b".");
    mac.update(body);
    // `verify_slice` compares in constant time.
    let genuine = |signature: &&str| hex::decode(signature).is_ok_and(|given| mac.clone().verify_slice(&given).is_ok());
    signatures.iter().any(genuine).then_some(moment)
}

/// The header that signs `body` under `secret`, now.
pub fn sign(secret: &str, now: Timestamp, body: &[u8]) -> String {
    let time = now.timestamp();
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("HMAC takes keys of any length");
    mac.update(format!("{time}.").as_bytes());
    mac.update(body);
    format!("t={time},v1={}", hex::encode(mac.finalize().into_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_770_000_000;

    fn sign(secret: &str, time: i64, body: &[u8]) -> String {
        super::sign(secret, Timestamp::from_timestamp(time, 0).unwrap(), body)
    }

    fn verify(header: &str) -> bool {
        verified_at(header, b"{}", "secret", Timestamp::from_timestamp(NOW, 0).unwrap()).is_some()
    }

    #[test]
    fn only_a_fresh_signature_over_this_body_counts() {
        assert!(verify(&sign("secret", NOW, b"{}")));
        assert!(verify(&sign("secret", NOW - 300, b"{}")));
        assert!(!verify(&sign("secret", NOW - 301, b"{}")), "too old");
        assert!(!verify(&sign("secret", NOW + 301, b"{}")), "from the future");
        assert!(!verify(&sign("other", NOW, b"{}")));
        assert!(!verify(&sign("secret", NOW, b"{ }")));
        let moved = sign("secret", NOW, b"{}").replace(&NOW.to_string(), &(NOW + 1).to_string());
        assert!(!verify(&moved), "the time is signed too");
    }

    #[test]
    fn anything_else_is_refused_without_a_panic() {
        for header in ["", "t=", "v1=", "t=x,v1=00", "t=9223372036854775807,v1=00", "t=1770000000,v1=zz", ",,=,t", "é"]
        {
            assert!(!verify(header), "{header}");
        }
    }

    #[test]
    fn one_of_several_signatures_is_enough_while_a_secret_is_rotated() {
        let both = format!("{},v1={}", sign("secret", NOW, b"{}"), "00".repeat(32));
        assert!(verify(&both));
    }
}
