//! The route table.

mod admin_payments;
mod admin_payouts;
mod admin_refunds;
mod admin_rules;
mod admin_sandbox;
mod payments;
mod refunds;
mod sandbox;
mod seller;
mod views;
mod webhooks;

use utoipa_axum::{router::OpenApiRouter, routes};

use crate::app::AppState;

/// Below `/api/v1`.
pub fn routes(app: AppState) -> OpenApiRouter {
    table(app.sandbox.is_some()).with_state(app)
}

/// The same without anybody to answer: what [`crate::interface`] is made of.
pub fn table(sandbox: bool) -> OpenApiRouter<AppState> {
    let mut router = OpenApiRouter::new()
        .routes(routes!(payments::create))
        .routes(routes!(payments::show))
        .routes(routes!(refunds::create, refunds::list))
        .routes(routes!(webhooks::for_payment))
        .routes(routes!(webhooks::for_provider))
        .routes(routes!(seller::balance))
        .routes(routes!(seller::payouts))
        .routes(routes!(admin_payments::list))
        .routes(routes!(admin_payments::show))
        .routes(routes!(admin_payments::capture))
        .routes(routes!(admin_payments::refresh))
        .routes(routes!(admin_payments::cancel))
        .routes(routes!(admin_payments::resolve))
        .routes(routes!(admin_refunds::list))
        .routes(routes!(admin_refunds::complete))
        .routes(routes!(admin_refunds::refuse))
        .routes(routes!(admin_rules::list, admin_rules::create))
        .routes(routes!(admin_rules::explain))
        .routes(routes!(admin_rules::show, admin_rules::change, admin_rules::delete))
        .routes(routes!(admin_payouts::list, admin_payouts::create));
    if sandbox {
        router = router.routes(routes!(admin_sandbox::show, admin_sandbox::set));
    }
    router
}

/// At the root: the sandbox's own pages, where it is offered.
pub fn root_routes(app: AppState) -> OpenApiRouter {
    root_table(app.sandbox.is_some()).with_state(app)
}

/// The same without anybody to answer.
pub fn root_table(sandbox: bool) -> OpenApiRouter<AppState> {
    if !sandbox {
        return OpenApiRouter::new();
    }
    OpenApiRouter::new()
        .routes(routes!(sandbox::page))
        .routes(routes!(sandbox::pay))
        .routes(routes!(sandbox::decline))
        .routes(routes!(sandbox::delay))
        .routes(routes!(sandbox::style))
}
