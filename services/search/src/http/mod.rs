//! The route table.

mod admin;
pub mod answer;
mod clicks;
mod degraded;
mod filters;
mod highlight;
mod search;
mod suggest;

use utoipa_axum::{router::OpenApiRouter, routes};

use crate::app::AppState;

/// Below `/api/v1`.
pub fn routes(app: AppState) -> OpenApiRouter {
    table().with_state(app)
}

/// The same without anybody to answer: what [`crate::interface`] is made of.
pub fn table() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(search::search))
        .routes(routes!(suggest::suggest))
        .routes(routes!(clicks::click))
        .routes(routes!(admin::queries))
        .routes(routes!(admin::index))
}
