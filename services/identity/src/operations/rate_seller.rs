//! A review counts for the seller, or does so no longer.

use souk_kernel::SellerId;
use souk_platform::{db::Database, events::Receipt};

use crate::{error::Error, store::sellers};

/// The stars of one review.
#[derive(Clone, Copy, Debug)]
pub enum Stars {
    /// It was posted, or is shown again.
    Counted(i16),
    /// It was hidden.
    TakenBack(i16),
}

/// Adds one review to the seller's rating, or takes it out.
pub async fn rate_seller(db: &Database, seller: SellerId, stars: Stars, receipt: Receipt) -> Result<(), Error> {
    let (stars, reviews) = match stars {
        Stars::Counted(stars) => (i64::from(stars), 1),
        Stars::TakenBack(stars) => (-i64::from(stars), -1),
    };
    db.transaction(move |tx| async move {
        if tx.accept(receipt).await? {
            sellers::add_rating(&tx, seller, stars, reviews).await?;
        }
        Ok(())
    })
    .await
}
