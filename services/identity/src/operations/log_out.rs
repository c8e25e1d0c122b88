//! A session ends because its owner says so.

use souk_kernel::{SessionId, UserId};
use souk_platform::security::token_hash;

use crate::{app::App, error::Error, store::sessions};

/// Ends the session that a refresh token belongs to, if it is this user's. Harmless for any other token: whoever logs out
/// wants to be logged out.
pub async fn log_out(app: &App, user: UserId, refresh_token: &str) -> Result<(), Error> {
    let hash = token_hash(refresh_token);
    let transaction = app.db.transaction(move |tx| async move {
        let found = sessions::find_by_token(&tx, &hash).await?.filter(|(found, _)| found.user_id == user);
        let Some((session, _)) = found else { return Ok(Vec::new()) };
        Ok::<_, Error>(sessions::revoke(&tx, session.id, tx.now()).await?)
    });
    app.ended.add(transaction.await?);
    Ok(())
}

/// Ends one of the user's own sessions.
pub async fn revoke_session(app: &App, user: UserId, id: SessionId) -> Result<(), Error> {
    let transaction = app.db.transaction(move |tx| async move {
        let session = sessions::find_live(&tx, id, user, tx.now()).await?.ok_or(Error::NotFound("session"))?;
        Ok::<_, Error>(sessions::revoke(&tx, session.id, tx.now()).await?)
    });
    app.ended.add(transaction.await?);
    Ok(())
}
