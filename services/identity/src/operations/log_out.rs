//! A session ends because its owner says so.

use souk_kernel::{SessionId, UserId};
use souk_platform::{db::Database, security::token_hash};

use crate::{error::Error, store::sessions};

/// Ends the session that a refresh token belongs to, if it is this user's. Harmless for any other token: whoever logs out
/// wants to be logged out.
pub async fn log_out(db: &Database, user: UserId, refresh_token: &str) -> Result<(), Error> {
    let hash = token_hash(refresh_token);
    db.transaction(move |tx| async move {
        if let Some((session, _)) =
            sessions::find_by_token(&tx, &hash).await?.filter(|(found, _)| found.user_id == user)
        {
            sessions::revoke(&tx, session.id, tx.now()).await?;
        }
        Ok(())
    })
    .await
}

/// Ends one of the user's own sessions.
pub async fn revoke_session(db: &Database, user: UserId, id: SessionId) -> Result<(), Error> {
    db.transaction(move |tx| async move {
        let session = sessions::find_live(&tx, id, user, tx.now()).await?.ok_or(Error::NotFound("session"))?;
        sessions::revoke(&tx, session.id, tx.now()).await?;
        Ok(())
    })
    .await
}
