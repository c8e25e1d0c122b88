//! The routes.

mod limits;
mod mapping;
mod pull;
mod reports;
mod sources;
mod stock;
mod webhook;

use utoipa_axum::{router::OpenApiRouter, routes};

use crate::app::State;

pub fn routes(app: State) -> OpenApiRouter {
    table().with_state(app)
}

/// The same without anybody to answer: what [`crate::interface`] is made of.
pub fn table() -> OpenApiRouter<State> {
    OpenApiRouter::new()
        .routes(routes!(stock::list))
        .routes(routes!(stock::show, stock::put, stock::patch))
        .routes(routes!(stock::events))
        .routes(routes!(sources::list, sources::post))
        .routes(routes!(sources::show, sources::put, sources::patch, sources::delete))
        .routes(routes!(sources::rotate_secret))
        .routes(routes!(mapping::list, mapping::put, mapping::patch))
        .routes(routes!(reports::list))
        .routes(routes!(webhook::webhook))
        .routes(routes!(webhook::import))
        .routes(routes!(pull::pull))
}

/// Rows are read with one more than wanted: if it came, it is dropped and the cursor leads there.
fn next_cursor<T>(rows: &mut Vec<T>, limit: u64, position: impl FnOnce(&T) -> String) -> Option<String> {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    if rows.len() <= limit {
        return None;
    }
    rows.truncate(limit);
    rows.last().map(position)
}
