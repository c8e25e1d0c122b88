//! The events that inventory takes.

use souk_platform::events::{Consumers, Delivery};

use crate::{
    app::State,
    error::Error,
    operations::{self, ReservationExpired},
};

pub fn consumers(app: &State) -> Consumers {
    Consumers::new("inventory").on(State::clone(app), reservation_expired)
}

async fn reservation_expired(app: State, delivery: Delivery<ReservationExpired>) -> Result<(), Error> {
    operations::expire(&app, delivery.event.order_id, delivery.receipt).await
}
