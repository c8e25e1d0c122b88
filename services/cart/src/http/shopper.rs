//! Whose cart a request means.

use axum::{extract::FromRequestParts, http::request::Parts};
use souk_platform::{
    http::Failure,
    security::{CartToken, MaybeUser, secret_token, token_hash},
};

use crate::domain::Owner;

/// Who shops: somebody with an account, or a guest with a token. A guest without one is given one.
pub struct Shopper {
    pub owner: Owner,
    /// A guest's token, to be sent back with every answer.
    pub token: Option<String>,
    /// Whether the token was made for this request.
    pub fresh: bool,
}

impl<S: Sync> FromRequestParts<S> for Shopper {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
        let MaybeUser(user) = MaybeUser::from_request_parts(parts, state).await?;
        let CartToken(token) = CartToken::from_request_parts(parts, state).await?;
        Ok(match user {
            Some(principal) => Self { owner: Owner::User(principal.user_id), token: None, fresh: false },
            None => Self::guest(token),
        })
    }
}

impl Shopper {
    fn guest(given: Option<String>) -> Self {
        // A token outlives its cart: after the order the next cart begins under the same one. Only what could be one of
        // ours is taken, so that nobody picks a token that others can guess.
        let given = given.filter(|token| could_be_ours(token));
        let fresh = given.is_none();
        let token = given.unwrap_or_else(secret_token);
        Self { owner: Owner::Guest(token_hash(&token)), token: Some(token), fresh }
    }

    /// The token, if the shopper doesn't know it yet.
    pub fn new_token(&self) -> Option<String> {
        self.token.clone().filter(|_| self.fresh)
    }
}

/// 256 bits as base64url.
fn could_be_ours(token: &str) -> bool {
    token.len() == 43 && token.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guest_keeps_a_good_token_and_is_given_one_otherwise() {
        let known = secret_token();
        let again = Shopper::guest(Some(known.clone()));
        assert_eq!((again.token.as_deref(), again.fresh), (Some(known.as_str()), false));
        for bad in [None, Some("me".to_owned()), Some("!".repeat(43))] {
            let new = Shopper::guest(bad.clone());
            assert!(new.fresh && new.token.is_some() && new.token != bad);
        }
    }
}
