//! The route table.

mod admin;
mod inbox;
mod preferences;

use utoipa_axum::{router::OpenApiRouter, routes};

use crate::app::AppState;

/// Below `/api/v1`.
pub fn routes(app: AppState) -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(routes!(inbox::list))
        .routes(routes!(inbox::read_all))
        .routes(routes!(inbox::read))
        .routes(routes!(preferences::show, preferences::update))
        .routes(routes!(admin::mailbox))
        .routes(routes!(admin::deliveries))
        .routes(routes!(admin::retry))
        .with_state(app)
}

#[cfg(test)]
mod tests;
