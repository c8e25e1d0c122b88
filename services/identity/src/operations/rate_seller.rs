//! A review counts for the seller.

use souk_contracts::events::ReviewPosted;
use souk_platform::{db::Database, events::Receipt};

use crate::{error::Error, store::sellers};

/// Adds one review to the seller's rating.
pub async fn rate_seller(db: &Database, review: &ReviewPosted, receipt: Receipt) -> Result<(), Error> {
    let (seller, rating) = (review.seller_id, i64::from(review.rating));
    db.transaction(move |tx| async move {
        if tx.accept(receipt).await? {
            sellers::add_rating(&tx, seller, rating).await?;
        }
        Ok(())
    })
    .await
}
