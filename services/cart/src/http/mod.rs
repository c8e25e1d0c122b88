//! The routes.

mod cart;
mod shopper;
mod view;

use utoipa_axum::{router::OpenApiRouter, routes};

use crate::app::State;

pub fn routes(app: State) -> OpenApiRouter {
    table().with_state(app)
}

/// The same without anybody to answer: what [`crate::interface`] is made of.
pub fn table() -> OpenApiRouter<State> {
    OpenApiRouter::new().routes(routes!(cart::show, cart::clear)).routes(routes!(cart::add)).routes(routes!(
        cart::set,
        cart::patch,
        cart::remove
    ))
}
