//! The routes.

mod cart;
mod shopper;
mod view;

use utoipa_axum::{router::OpenApiRouter, routes};

use crate::app::State;

pub fn routes(app: State) -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(routes!(cart::show, cart::clear))
        .routes(routes!(cart::add))
        .routes(routes!(cart::set, cart::patch, cart::remove))
        .with_state(app)
}
