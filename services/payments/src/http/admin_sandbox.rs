//! Faults of the sandbox on demand.

use axum::extract::State;
use souk_platform::{
    http::{Body, Failure, Reply, openapi::Envelope},
    security::Admin,
};

use crate::{
    app::{App, AppState},
    error::Error,
    providers::{faults::Faults, sandbox::Sandbox},
};

fn sandbox(app: &App) -> Result<&Sandbox, Error> {
    app.sandbox.as_ref().ok_or(Error::NotFound("provider"))
}

/// How the sandbox misbehaves at this moment.
#[utoipa::path(get, path = "/admin/sandbox/faults", tag = "payments", security(("bearer" = [])),
    responses((status = 200, body = Envelope<Faults>), Failure))]
pub async fn show(State(app): State<AppState>, _: Admin) -> Result<Reply<Faults>, Error> {
    Ok(Reply::ok(sandbox(&app)?.faults.get()))
}

/// Has the sandbox misbehave until told otherwise, or until the process ends. Faults that are not named are off.
#[utoipa::path(method(put, patch), path = "/admin/sandbox/faults", tag = "payments", request_body = Faults,
    security(("bearer" = [])), responses((status = 200, body = Envelope<Faults>), Failure))]
pub async fn set(State(app): State<AppState>, _: Admin, Body(faults): Body<Faults>) -> Result<Reply<Faults>, Error> {
    app.set_faults(sandbox(&app)?, faults).await;
    Ok(Reply::ok(faults))
}
