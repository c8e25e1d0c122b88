//! The route table.

mod admin;
mod inbox;
mod preferences;

use utoipa_axum::{router::OpenApiRouter, routes};

use crate::app::AppState;

/// Below `/api/v1`.
pub fn routes(app: AppState) -> OpenApiRouter {
    table().with_state(app)
}

/// The same without anybody to answer: what [`crate::interface`] is made of.
pub fn table() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(inbox::list))
        .routes(routes!(inbox::read_all))
        .routes(routes!(inbox::read))
        .routes(routes!(preferences::show, preferences::update))
        .routes(routes!(admin::mailbox))
        .routes(routes!(admin::deliveries))
        .routes(routes!(admin::retry))
}

#[cfg(test)]
mod tests;
