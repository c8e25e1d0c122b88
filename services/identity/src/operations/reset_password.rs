//! Somebody forgot the password.
//!
//! Asking does the same work whether or not the address has an account: an event of our own is stored, and what follows
//! happens later. So neither the answer nor its time tells who has an account.

use serde::{Deserialize, Serialize};
use souk_contracts::events::{Event, PasswordResetRequested};
use souk_platform::{
    db::Database,
    events::Receipt,
    security::{secret_token, token_hash},
};

use crate::{
    app::App,
    domain::{AccountStatus, email_key},
    error::Error,
    store::{resets, sessions, users},
};

/// Mails that one account gets in an hour, at most; more would be somebody's prank.
const PER_HOUR: u64 = 5;

/// Private: somebody asked to reset the password of the account with this address, if there is one.
#[derive(Clone, Serialize, Deserialize)]
pub struct ResetAsked {
    pub email: String,
}

impl Event for ResetAsked {
    const TYPE: &'static str = "identity.reset_asked";
    fn key(&self) -> String {
        email_key(&self.email)
    }
}

/// Takes the wish.
pub async fn ask_for_reset(db: &Database, email: String) -> Result<(), Error> {
    db.transaction(move |tx| async move {
        tx.publish(ResetAsked { email });
        Ok(())
    })
    .await
}

/// Makes a token and announces it, if there is such an account.
pub async fn send_reset(app: &App, asked: ResetAsked, receipt: Receipt) -> Result<(), Error> {
    let token = secret_token();
    let ttl = app.config.reset_token_ttl;
    app.db
        .transaction(move |tx| async move {
            if !tx.accept(receipt).await? {
                return Ok(());
            }
            let found = users::find_by_email(&tx, &asked.email).await?;
            let Some(user) = found.filter(|user| user.status == AccountStatus::Active) else { return Ok(()) };
            let now = tx.now();
            if resets::count_since(&tx, user.id, now - chrono::TimeDelta::hours(1)).await? >= PER_HOUR {
                tracing::warn!(user = %user.id, "too many password resets were asked for; no mail is sent");
                return Ok(());
            }
            let expires_at = now + ttl;
            resets::insert(&tx, &token_hash(&token), user.id, now, expires_at).await?;
            tx.publish(PasswordResetRequested {
                user_id: user.id,
                email: user.email,
                name: user.name,
                locale: user.locale,
                token,
                expires_at,
            });
            Ok(())
        })
        .await
}

/// Sets a new password by a one-time token, and ends all sessions and all other tokens.
pub async fn reset_password(app: &App, token: &str, password: String) -> Result<(), Error> {
    let hash = token_hash(token);
    // Guessed tokens are not worth a password hash.
    resets::find_good(app.db.reader(), &hash, app.db.clock().now()).await?.ok_or(Error::BadResetToken)?;
    let password_hash = app.passwords.hash(password).await?;
    let transaction = app.db.transaction(move |tx| async move {
        let user_id = resets::find_good(&tx, &hash, tx.now()).await?.ok_or(Error::BadResetToken)?;
        let mut user = users::find(&tx, user_id).await?.ok_or(Error::BadResetToken)?;
        user.password_hash = password_hash;
        super::saved(users::save(&tx, &mut user, tx.now()).await?)?;
        resets::forget_all(&tx, user_id).await?;
        Ok::<_, Error>(sessions::revoke_all(&tx, user_id, tx.now()).await?)
    });
    app.ended.add(transaction.await?);
    Ok(())
}
