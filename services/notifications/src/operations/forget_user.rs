//! An account is gone; so is what was written to it.

use souk_kernel::UserId;
use souk_platform::{db::Database, events::Receipt};

use crate::{
    error::Error,
    store::{mails, notices, preferences},
};

pub async fn forget_user(db: &Database, user: UserId, receipt: Receipt) -> Result<(), Error> {
    db.transaction(move |tx| async move {
        if tx.accept(receipt).await? {
            mails::forget_user(&tx, user).await?;
            notices::forget_user(&tx, user).await?;
            preferences::forget_user(&tx, user).await?;
        }
        Ok(())
    })
    .await
}
