//! Somebody who knows the password sets another one.

use souk_platform::security::Principal;

use super::log_in::{Account, check_password};
use crate::{
    app::App,
    error::Error,
    store::{resets, sessions, users},
};

/// Sets a new password; all other sessions end.
pub async fn change_password(app: &App, who: Principal, current: String, new: String) -> Result<(), Error> {
    let user = check_password(app, &Account::Id(Some(who.user_id)), current).await?;
    let new_hash = app.passwords.hash(new).await?;
    let transaction = app.db.transaction(move |tx| async move {
        if !users::replace_hash(&tx, user.id, &user.password_hash, new_hash).await? {
            return Err(Error::BadCredentials);
        }
        resets::forget_all(&tx, user.id).await?;
        Ok(sessions::revoke_others(&tx, user.id, who.session_id, tx.now()).await?)
    });
    app.ended.add(transaction.await?);
    Ok(())
}
