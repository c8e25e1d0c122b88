//! What an access token says.

use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde::{Deserialize, Serialize};
use souk_kernel::{SessionId, Timestamp, UserId};

use super::Role;

/// `iss` of every access token.
pub const ISSUER: &str = "souk";
/// `aud` of every access token.
pub const AUDIENCE: &str = "souk";

/// The claims of an access token (RFC 7519).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Claims {
    /// Who made it: [`ISSUER`].
    pub iss: String,
    /// For whom: [`AUDIENCE`].
    pub aud: String,
    /// Whose it is.
    pub sub: UserId,
    /// The login that it came from.
    pub sid: SessionId,
    /// The roles when it was made.
    pub roles: Vec<Role>,
    /// When it was made, in seconds since 1970.
    pub iat: i64,
    /// When it ends, in seconds since 1970.
    pub exp: i64,
}

impl Claims {
    /// The claims of a token that `principal` gets now and that ends at `expires`.
    #[must_use]
    pub fn new(principal: &Principal, now: Timestamp, expires: Timestamp) -> Self {
        Self {
            iss: ISSUER.to_owned(),
            aud: AUDIENCE.to_owned(),
            sub: principal.user_id,
            sid: principal.session_id,
            roles: principal.roles.clone(),
            iat: now.timestamp(),
            exp: expires.timestamp(),
        }
    }

    /// Signs them with the Ed25519 key that is published as `kid`.
    pub fn sign(&self, kid: &str, key: &EncodingKey) -> Result<String, jsonwebtoken::errors::Error> {
        let header = Header { kid: Some(kid.to_owned()), ..Header::new(Algorithm::EdDSA) };
        jsonwebtoken::encode(&header, self, key)
    }
}

/// Somebody who has shown a good token.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Principal {
    /// Who.
    pub user_id: UserId,
    /// The roles when the token was made; ask [`super::Authority::standing`] for those of this moment.
    pub roles: Vec<Role>,
    /// By which login.
    pub session_id: SessionId,
}

impl From<Claims> for Principal {
    fn from(claims: Claims) -> Self {
        Self { user_id: claims.sub, roles: claims.roles, session_id: claims.sid }
    }
}
