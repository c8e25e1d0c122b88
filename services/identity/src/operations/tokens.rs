//! The pair of tokens that a login, or a refresh, gives.

use souk_kernel::{SessionId, Timestamp, UserId};
use souk_platform::security::{Principal, secret_token, token_hash};

use crate::{
    app::App,
    error::Error,
    store::{
        sessions::{self, TokenHash},
        users::Person,
    },
};

/// Somebody who just proved who they are.
pub struct LoggedIn {
    pub person: Person,
    pub access_token: String,
    pub refresh_token: String,
    /// Seconds until the access token ends.
    pub expires_in: u64,
}

/// A new refresh token, not yet stored.
#[derive(Clone)]
pub struct NewToken {
    pub text: String,
    pub hash: TokenHash,
}

impl NewToken {
    pub fn new() -> Self {
        let text = secret_token();
        Self { hash: token_hash(&text), text }
    }

    /// The session that begins with this token.
    pub fn begin(&self, user_id: UserId, now: Timestamp, expires_at: Timestamp) -> sessions::Model {
        sessions::Model {
            id: SessionId::new(),
            user_id,
            token_hash: self.hash.to_vec(),
            created_at: now,
            used_at: now,
            expires_at,
            revoked_at: None,
        }
    }
}

/// The access token that goes with a session, for who holds `refresh_token`.
pub fn logged_in(app: &App, person: Person, session_id: SessionId, refresh_token: String) -> Result<LoggedIn, Error> {
    let now = app.db.clock().now();
    let ttl = app.config.access_token_ttl;
    let principal = Principal { user_id: person.user.id, roles: person.roles(), session_id };
    let access_token = app.signer.sign(&principal, now, now + ttl)?;
    Ok(LoggedIn { person, access_token, refresh_token, expires_in: ttl.as_secs() })
}
