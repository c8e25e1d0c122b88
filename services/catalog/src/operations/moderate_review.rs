//! An operator hides a review, or shows it again.

use souk_contracts::events::ReviewModerated;
use souk_kernel::ReviewId;

use crate::{
    app::App,
    domain::rating::Rating,
    error::Error,
    store::{Scope, entities::review, products, reviews, sellers},
};

/// Hides the review (or shows it) and takes its stars out of (or back into) the ratings. Repeating changes nothing.
pub async fn set_hidden(app: &App, id: ReviewId, hidden: bool) -> Result<review::Model, Error> {
    let review = app
        .db
        .transaction(move |tx| async move {
            let mut review = reviews::find(&tx, id).await?.ok_or_else(|| Error::not_found("review"))?;
            if !reviews::set_hidden(&tx, id, hidden).await? {
                return Ok(review);
            }
            review.hidden = hidden;
            let change =
                if hidden { Rating::default().without(review.rating) } else { Rating::default().with(review.rating) };
            sellers::add_rating(&tx, review.seller_id, change).await?;
            let mut shown = Rating::default();
            if let Some(found) = products::find(&tx, review.product_id, Scope::Everything).await? {
                let rating = found.product.rating();
                shown = Rating::new(rating.sum + change.sum, rating.count + change.count);
                products::set_rating(&tx, review.product_id, shown).await?;
            }
            tx.publish(ReviewModerated {
                review_id: review.id,
                product_id: review.product_id,
                seller_id: review.seller_id,
                rating: review.rating,
                hidden,
                average: shown.average(),
                count: shown.count,
            });
            Ok::<_, Error>(review)
        })
        .await?;
    app.caches.product_counted(review.product_id).await;
    Ok(review)
}
