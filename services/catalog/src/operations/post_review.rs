//! A buyer who received a product says what they think of it.

use serde::Deserialize;
use souk_contracts::{events::ReviewPosted, identity::GetUsersRequest, orders::HasReceivedRequest};
use souk_kernel::{ProductId, ReviewId, UserId};
use utoipa::ToSchema;

use crate::{
    app::App,
    domain::{faults::Faults, rating::Rating},
    error::Error,
    store::{Scope, entities::review, products, reviews, sellers},
};

/// Characters in a review's title.
const TITLE: std::ops::RangeInclusive<usize> = 0..=200;
/// Characters in a review's text.
const BODY: std::ops::RangeInclusive<usize> = 0..=5_000;
/// Stars.
const STARS: std::ops::RangeInclusive<i64> = 1..=5;

/// A new review.
#[derive(Debug, Deserialize, ToSchema, garde::Validate)]
#[garde(allow_unvalidated)]
#[serde(deny_unknown_fields)]
pub struct NewReview {
    #[schema(minimum = 1, maximum = 5)]
    pub rating: i64,
    #[serde(default)]
    #[schema(max_length = 200)]
    pub title: String,
    #[serde(default)]
    #[schema(max_length = 5000)]
    pub body: String,
}

/// Stores the review, counts it for product and seller, and announces it.
pub async fn post_review(app: &App, product: ProductId, user: UserId, new: NewReview) -> Result<review::Model, Error> {
    let mut faults = Faults::default();
    faults.number("rating", new.rating, &STARS);
    faults.text("title", &new.title, &TITLE);
    faults.text("body", &new.body, &BODY);
    faults.into_result()?;
    // Who bought it may review it although it isn't on sale any more.
    let found = products::find(app.db.reader(), product, Scope::Everything).await?;
    let found = found.ok_or_else(|| Error::not_found("product"))?;
    let request = HasReceivedRequest { user_id: user.to_string(), product_id: product.to_string() };
    if !app.orders.clone().has_received(request).await?.into_inner().received {
        return Err(if found.product.public { Error::NotReceived } else { Error::not_found("product") });
    }
    let review = review::Model {
        id: ReviewId::new(),
        product_id: product,
        seller_id: found.product.seller_id,
        user_id: user,
        author: author(app, user).await?,
        rating: i16::try_from(new.rating).map_err(|_| Error::invalid("rating", "must be between 1 and 5"))?,
        title: new.title.trim().to_owned(),
        body: new.body,
        hidden: false,
        created_at: app.now(),
    };
    let stored = review.clone();
    app.db
        .transaction(move |tx| async move {
            if reviews::exists(&tx, product, user).await? {
                return Err(Error::AlreadyReviewed);
            }
            let found = products::find(&tx, product, Scope::Everything).await?;
            let found = found.ok_or_else(|| Error::not_found("product"))?.product;
            let rating = found.rating().with(review.rating);
            products::set_rating(&tx, product, rating).await?;
            sellers::add_rating(&tx, review.seller_id, Rating::default().with(review.rating)).await?;
            tx.publish(ReviewPosted {
                review_id: review.id,
                product_id: product,
                product_title: found.title,
                seller_id: review.seller_id,
                user_id: user,
                rating: review.rating,
                title: review.title.clone(),
                average: rating.average(),
                count: rating.count,
            });
            reviews::insert(&tx, review).await?;
            Ok(())
        })
        .await?;
    app.caches.product_counted(product).await;
    Ok(stored)
}

/// The name as it is shown: the first word of it, because reviews are public and full names are personal.
async fn author(app: &App, user: UserId) -> Result<String, Error> {
    let request = GetUsersRequest { user_ids: vec![user.to_string()] };
    let known = app.identity.clone().get_users(request).await?.into_inner().users.pop();
    let name = known.map(|known| known.name).unwrap_or_default();
    Ok(name.split_whitespace().next().unwrap_or_default().chars().take(50).collect())
}
