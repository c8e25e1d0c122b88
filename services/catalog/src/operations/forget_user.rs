//! An account was deleted: reviews stay, the name on them goes.

use souk_kernel::UserId;
use souk_platform::events::Receipt;

use crate::{app::App, error::Error, store::reviews};

/// Takes the user's name off their reviews.
pub async fn forget_user(app: &App, receipt: Receipt, user: UserId) -> Result<(), Error> {
    app.db
        .transaction(move |tx| async move {
            if tx.accept(receipt).await? {
                reviews::forget_author(&tx, user).await?;
            }
            Ok::<_, Error>(())
        })
        .await
}
