//! The operator has a mail that was given up tried again.

use souk_kernel::NotificationId;
use souk_platform::db::Database;

use super::send_mail::MailQueued;
use crate::{error::Error, store::mails};

/// Puts it back into the queue, with all attempts before it.
pub async fn retry_mail(db: &Database, id: NotificationId) -> Result<mails::Model, Error> {
    db.transaction(move |tx| async move {
        let was_dead = mails::revive(&tx, id, tx.now()).await?;
        let mail = mails::find(&tx, id).await?.ok_or(Error::NotFound("mail"))?;
        if !was_dead {
            return Err(Error::NotDead);
        }
        tx.publish(MailQueued { mail_id: id });
        Ok(mail)
    })
    .await
}
