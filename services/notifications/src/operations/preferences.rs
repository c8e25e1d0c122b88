//! Somebody says what they want to be told.

use souk_kernel::{Problem, UserId};
use souk_platform::db::Database;

use crate::{
    domain::{Channels, Preferences},
    error::Error,
    store::preferences,
};

/// The categories to replace; `None` stays as it is.
#[derive(Clone, Copy, Debug, Default)]
pub struct PreferenceChange {
    pub orders: Option<Channels>,
    pub reviews: Option<Channels>,
}

/// Replaces the named categories; with `if_match`, only of that version.
pub async fn set_preferences(
    db: &Database,
    user: UserId,
    if_match: Option<i64>,
    change: PreferenceChange,
) -> Result<(Preferences, i64), Error> {
    db.transaction(move |tx| async move {
        let (before, version) = preferences::find(&tx, user).await?;
        if if_match.is_some_and(|seen| seen != version) {
            return Err(Problem::version_lost().into());
        }
        let after = Preferences {
            orders: change.orders.unwrap_or(before.orders),
            reviews: change.reviews.unwrap_or(before.reviews),
        };
        preferences::save(&tx, user, after, version + 1, tx.now()).await?;
        Ok((after, version + 1))
    })
    .await
}
