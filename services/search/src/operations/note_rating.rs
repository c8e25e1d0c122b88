//! What buyers think of a product counts for its place among others.

use souk_contracts::events::{ReviewModerated, ReviewPosted};
use souk_kernel::{ProductId, SellerId};
use souk_platform::events::Receipt;

use crate::{
    app::App,
    error::Error,
    store::{changes, documents, sellers},
};

/// What a review, or its hiding, changes.
pub struct Rated {
    product_id: ProductId,
    seller_id: SellerId,
    /// The product's new average and count.
    average: f64,
    count: i64,
    /// What the seller gains, or loses.
    stars: i64,
    reviews: i64,
}

impl From<ReviewPosted> for Rated {
    fn from(event: ReviewPosted) -> Self {
        let ReviewPosted { product_id, seller_id, average, count, rating, .. } = event;
        Self { product_id, seller_id, average, count, stars: i64::from(rating), reviews: 1 }
    }
}

impl From<ReviewModerated> for Rated {
    fn from(event: ReviewModerated) -> Self {
        let ReviewModerated { product_id, seller_id, average, count, rating, hidden, .. } = event;
        let reviews = if hidden { -1 } else { 1 };
        Self { product_id, seller_id, average, count, stars: reviews * i64::from(rating), reviews }
    }
}

/// Notes the stars of a product and of its seller after a review.
pub async fn note_rating(app: &App, receipt: Receipt, review: Rated) -> Result<(), Error> {
    #[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "a sum of stars")]
    let sum = (review.average * review.count as f64).round() as i64;
    app.db
        .transaction(move |tx| async move {
            if tx.accept(receipt).await? {
                documents::set_rating(&tx, review.product_id, sum, review.count);
                sellers::add_stars(&tx, review.seller_id, review.stars, review.reviews).await?;
                changes::note(&tx, [review.product_id]).await?;
            }
            Ok::<_, Error>(())
        })
        .await?;
    app.read_sellers().await?;
    app.changed.notify_one();
    Ok(())
}
