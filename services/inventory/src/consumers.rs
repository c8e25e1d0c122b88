//! The events that inventory takes.

use souk_contracts::events::StockChanged;
use souk_platform::events::{Consumers, Delivery};

use crate::{
    app::State,
    error::Error,
    operations::{self, ChannelDue, ReservationExpired},
};

pub fn consumers(app: &State) -> Consumers {
    Consumers::new("inventory")
        .on(State::clone(app), reservation_expired)
        .on(State::clone(app), stock_changed)
        .on(State::clone(app), channel_due)
}

async fn reservation_expired(app: State, delivery: Delivery<ReservationExpired>) -> Result<(), Error> {
    operations::expire(&app, delivery.event.order_id, delivery.receipt).await
}

async fn stock_changed(app: State, delivery: Delivery<StockChanged>) -> Result<(), Error> {
    operations::note_change(&app, delivery.event, delivery.receipt).await
}

async fn channel_due(app: State, delivery: Delivery<ChannelDue>) -> Result<(), Error> {
    operations::take_turn(&app, delivery.event, delivery.receipt).await
}
