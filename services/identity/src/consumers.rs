//! The events that identity consumes.

use souk_contracts::events::{ReviewModerated, ReviewPosted};
use souk_platform::events::{Consumers, Delivery};

use crate::{
    app::AppState,
    error::Error,
    operations::{self, ResetAsked, Stars},
};

pub fn consumers(app: &AppState) -> Consumers {
    Consumers::new("identity")
        .on(app.clone(), on_reset_asked)
        .on(app.clone(), on_review_posted)
        .on(app.clone(), on_review_moderated)
}

async fn on_reset_asked(app: AppState, delivery: Delivery<ResetAsked>) -> Result<(), Error> {
    operations::send_reset(&app, delivery.event, delivery.receipt).await
}

async fn on_review_posted(app: AppState, delivery: Delivery<ReviewPosted>) -> Result<(), Error> {
    let ReviewPosted { seller_id, rating, .. } = delivery.event;
    operations::rate_seller(&app.db, seller_id, Stars::Counted(rating), delivery.receipt).await
}

async fn on_review_moderated(app: AppState, delivery: Delivery<ReviewModerated>) -> Result<(), Error> {
    let ReviewModerated { seller_id, rating, hidden, .. } = delivery.event;
    let stars = if hidden { Stars::TakenBack(rating) } else { Stars::Counted(rating) };
    operations::rate_seller(&app.db, seller_id, stars, delivery.receipt).await
}
