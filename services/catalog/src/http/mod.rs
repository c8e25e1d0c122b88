//! The HTTP interface: one file for each resource.

mod admin;
mod categories;
mod filters;
mod images;
mod offers;
mod products;
mod reviews;
pub mod view;
mod viewer;

use axum::extract::DefaultBodyLimit;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::app::AppState;

/// Bytes of an upload: six files of the greatest size.
const UPLOAD: usize = 64 << 20;

/// Everything below `/api/v1`.
pub fn routes(app: AppState) -> OpenApiRouter {
    table().with_state(app)
}

/// The same without anybody to answer: what [`crate::interface`] is made of.
pub fn table() -> OpenApiRouter<AppState> {
    let uploads = OpenApiRouter::new().routes(routes!(images::upload)).layer(DefaultBodyLimit::max(UPLOAD));
    OpenApiRouter::new()
        .routes(routes!(products::list, products::create))
        .routes(routes!(products::get, products::update, products::archive))
        .routes(routes!(offers::add))
        .routes(routes!(offers::change, offers::withdraw))
        .routes(routes!(reviews::list, reviews::post))
        .routes(routes!(categories::list, categories::create))
        .routes(routes!(categories::get, categories::update, categories::remove))
        .routes(routes!(admin::products))
        .routes(routes!(admin::approve_product))
        .routes(routes!(admin::archive_product))
        .routes(routes!(admin::reviews))
        .routes(routes!(admin::hide_review))
        .routes(routes!(admin::show_review))
        .merge(uploads)
}

/// Everything at the root.
pub fn root_routes(app: AppState) -> OpenApiRouter {
    root_table().with_state(app)
}

/// The same without anybody to answer.
pub fn root_table() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(images::file))
}
