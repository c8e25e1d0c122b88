//! Somebody proves with a password who they are.

use souk_contracts::cart::MergeRequest;
use souk_kernel::UserId;
use souk_platform::rpc;

use super::tokens::{LoggedIn, NewToken, logged_in};
use crate::{
    app::App,
    domain::{AccountStatus, Credential, email_key},
    error::Error,
    store::{members, sessions, users},
};

/// Which account is meant, as the client says.
pub enum Account {
    Email(String),
    /// `None` for what isn't an id at all.
    Id(Option<UserId>),
}

impl Account {
    /// Under which name wrong guesses are counted: the same for both ways to name one account.
    async fn look_up(&self, app: &App) -> Result<(String, Option<users::Model>), Error> {
        let conn = app.db.reader();
        match self {
            Self::Email(email) => Ok((email_key(email), users::find_by_email(conn, email).await?)),
            Self::Id(None) => Ok((String::new(), None)),
            Self::Id(Some(id)) => {
                let user = users::find(conn, *id).await?;
                Ok((user.as_ref().map_or_else(|| id.to_string(), |user| user.email_key.clone()), user))
            }
        }
    }
}

/// The account, if the password is right. Unknown accounts take as long and fail in the same way as wrong passwords.
pub async fn check_password(app: &App, account: &Account, password: String) -> Result<users::Model, Error> {
    let (label, user) = account.look_up(app).await?;
    app.throttle.check(&label)?;
    let hash = user.as_ref().map(|user| user.password_hash.clone());
    let is_right = app.passwords.verify(password, hash).await?;
    app.throttle.note(&label, is_right).await;
    let Some(user) = user else { return Err(Error::BadCredentials) };
    match Credential::of(user.status, is_right) {
        Credential::Good => Ok(user),
        Credential::Suspended => Err(Error::AccountSuspended),
        Credential::Bad => Err(Error::BadCredentials),
    }
}

/// Begins a session.
pub async fn log_in(app: &App, account: &Account, password: String) -> Result<LoggedIn, Error> {
    let user = check_password(app, account, password.clone()).await?;
    let new_hash =
        if app.passwords.is_outdated(&user.password_hash) { Some(app.passwords.hash(password).await?) } else { None };
    let team = members::find_team(app.db.reader(), user.id).await?;
    let token = NewToken::new();
    let (ttl, begin) = (app.config.refresh_token_ttl, token.clone());
    let transaction = app.db.transaction(move |tx| async move {
        // The password may have been reset, or the account closed, while it was being checked.
        let now = users::find(&tx, user.id).await?.filter(|now| now.status == AccountStatus::Active);
        let Some(current) = now.filter(|now| now.password_hash == user.password_hash) else {
            return Err(Error::BadCredentials);
        };
        if let Some(new_hash) = new_hash {
            users::replace_hash(&tx, user.id, &user.password_hash, new_hash).await?;
        }
        let session = begin.begin(user.id, tx.now(), tx.now() + ttl);
        let session_id = session.id;
        sessions::insert(&tx, session).await?;
        Ok((current, session_id))
    });
    let (user, session_id) = transaction.await?;
    logged_in(app, users::Person { user, team }, session_id, token.text)
}

/// Adds the guest's cart to the user's. A login is worth more than a cart: failures are only logged.
pub async fn merge_cart(app: &App, user: UserId, cart_token: Option<String>) {
    let Some(cart_token) = cart_token else { return };
    let request = MergeRequest { user_id: user.to_string(), cart_token };
    if let Err(status) = app.cart.clone().merge(request).await {
        let problem = rpc::problem(status);
        tracing::warn!(user = %user, %problem, "the guest's cart was not merged");
    }
}
