//! The events that identity consumes.

use souk_contracts::events::ReviewPosted;
use souk_platform::events::{Consumers, Delivery};

use crate::{
    app::AppState,
    error::Error,
    operations::{self, ResetAsked},
};

pub fn consumers(app: &AppState) -> Consumers {
    Consumers::new("identity").on(app.clone(), on_reset_asked).on(app.clone(), on_review_posted)
}

async fn on_reset_asked(app: AppState, delivery: Delivery<ResetAsked>) -> Result<(), Error> {
    operations::send_reset(&app, delivery.event, delivery.receipt).await
}

async fn on_review_posted(app: AppState, delivery: Delivery<ReviewPosted>) -> Result<(), Error> {
    operations::rate_seller(&app.db, &delivery.event, delivery.receipt).await
}
