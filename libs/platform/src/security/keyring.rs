//! Verifies access tokens by the keys that identity publishes.

use std::collections::HashMap;

use jsonwebtoken::{Algorithm, AlgorithmFamily, DecodingKey, Validation, decode, decode_header, jwk::JwkSet};
use souk_kernel::{ErrorKind, Problem};

use super::{AUDIENCE, Claims, ISSUER};

/// Longer texts are not tokens of ours.
const MAX_TOKEN: usize = 4096;

/// Public keys by their `kid`.
#[derive(Default)]
pub(super) struct Keyring(HashMap<String, DecodingKey>);

impl Keyring {
    /// The Ed25519 keys of a JSON Web Key Set (RFC 7517).
    pub fn from_jwks(json: &str) -> Result<Self, serde_json::Error> {
        let set: JwkSet = serde_json::from_str(json)?;
        let keys = set.keys.into_iter().filter_map(|jwk| {
            let key = DecodingKey::from_jwk(&jwk).ok().filter(|key| key.family() == AlgorithmFamily::Ed)?;
            Some((jwk.common.key_id?, key))
        });
        Ok(Self(keys.collect()))
    }

    pub fn knows(&self, kid: &str) -> bool {
        self.0.contains_key(kid)
    }

    /// The claims of a token that was signed by one of these keys for us. Whether it has ended is not looked at here: the
    /// library would ask the system's clock.
    pub fn verify(&self, kid: &str, token: &str) -> Result<Claims, Problem> {
        let key = self.0.get(kid).ok_or_else(bad_token)?;
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.validate_exp = false;
        validation.set_issuer(&[ISSUER]);
        validation.set_audience(&[AUDIENCE]);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        decode::<Claims>(token, key, &validation).map(|token| token.claims).map_err(|_| bad_token())
    }
}

/// The key that a token says it was signed with.
pub(super) fn kid_of(token: &str) -> Result<String, Problem> {
    if token.len() > MAX_TOKEN {
        return Err(bad_token());
    }
    decode_header(token).ok().and_then(|header| header.kid).ok_or_else(bad_token)
}

pub(super) fn bad_token() -> Problem {
    Problem::unauthenticated("the access token is not valid")
}

pub(super) fn token_expired() -> Problem {
    Problem::new(ErrorKind::Unauthenticated, "token_expired", "the access token has expired")
}
