//! The route table.

mod access;
mod admin_sellers;
mod admin_users;
mod auth;
mod jwks;
mod members;
mod passwords;
mod sellers;
mod sessions;
mod user_auth;
mod users;
mod views;

use utoipa_axum::{router::OpenApiRouter, routes};

use crate::app::AppState;

/// Below `/api/v1`.
pub fn routes(app: AppState) -> OpenApiRouter {
    table().with_state(app)
}

/// The same without anybody to answer: what [`crate::interface`] is made of.
pub fn table() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(auth::register))
        .routes(routes!(auth::login))
        .routes(routes!(auth::refresh))
        .routes(routes!(auth::logout))
        .routes(routes!(passwords::forgot))
        .routes(routes!(passwords::reset))
        .routes(routes!(passwords::change))
        .routes(routes!(users::create))
        .routes(routes!(users::me, users::update_me, users::delete_me))
        .routes(routes!(users::show, users::update, users::delete))
        .routes(routes!(sessions::list))
        .routes(routes!(sessions::end))
        .routes(routes!(user_auth::authenticate))
        .routes(routes!(user_auth::is_valid))
        .routes(routes!(sellers::list, sellers::apply))
        .routes(routes!(sellers::mine))
        .routes(routes!(sellers::show, sellers::update))
        .routes(routes!(members::list, members::add))
        .routes(routes!(members::change, members::remove))
        .routes(routes!(admin_users::list))
        .routes(routes!(admin_users::set_roles))
        .routes(routes!(admin_users::suspend))
        .routes(routes!(admin_users::activate))
        .routes(routes!(admin_sellers::list))
        .routes(routes!(admin_sellers::approve))
        .routes(routes!(admin_sellers::suspend))
}

/// At the root.
pub fn root_routes(app: AppState) -> OpenApiRouter {
    root_table().with_state(app)
}

/// The same without anybody to answer.
pub fn root_table() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(jwks::jwks))
}

#[cfg(test)]
mod tests;
