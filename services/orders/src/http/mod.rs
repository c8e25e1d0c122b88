//! The paths of this service, one file for each resource.

mod admin;
mod caller;
mod orders;
mod place;
mod quote;
mod requests;
mod returns;
mod seller_orders;
mod stream;
mod views;

use utoipa_axum::{router::OpenApiRouter, routes};

use crate::app::AppState;

pub fn routes(app: AppState) -> OpenApiRouter {
    table().with_state(app)
}

/// The same without anybody to answer: what [`crate::interface`] is made of.
pub fn table() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(quote::shipping_methods))
        .routes(routes!(quote::quote))
        .routes(routes!(place::place, orders::list))
        .routes(routes!(orders::show, orders::update, orders::remove))
        .routes(routes!(orders::cancel))
        .routes(routes!(stream::stream))
        .routes(routes!(returns::request, returns::of_order))
        .routes(routes!(returns::list))
        .routes(routes!(returns::approve))
        .routes(routes!(returns::reject))
        .routes(routes!(seller_orders::list))
        .routes(routes!(seller_orders::show))
        .routes(routes!(seller_orders::ship))
        .routes(routes!(seller_orders::deliver))
        .routes(routes!(admin::list))
        .routes(routes!(admin::show))
}
