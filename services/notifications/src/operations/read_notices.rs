//! Somebody has read their inbox.

use souk_kernel::{NotificationId, UserId};
use souk_platform::db::Database;

use crate::{error::Error, store::notices};

/// Marks one notification as read. Harmless when repeated.
pub async fn read_one(db: &Database, user: UserId, id: NotificationId) -> Result<notices::Model, Error> {
    db.transaction(move |tx| async move {
        notices::mark_read(&tx, user, Some(id), tx.now()).await?;
        notices::find_for(&tx, id, user).await?.ok_or(Error::NotFound("notification"))
    })
    .await
}

/// Marks all as read. Answers how many were unread.
pub async fn read_all(db: &Database, user: UserId) -> Result<u64, Error> {
    db.transaction(move |tx| async move { Ok(notices::mark_read(&tx, user, None, tx.now()).await?) }).await
}
