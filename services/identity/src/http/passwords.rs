//! Forgotten and changed passwords.

use axum::extract::State;
use garde::Validate;
use serde::Deserialize;
use souk_platform::{
    http::{Body, Failure, NoContent, Reply, openapi::Envelope},
    security::User as Caller,
};
use utoipa::ToSchema;

use super::access;
use crate::{
    app::AppState,
    domain::{self, MAX_PASSWORD},
    error::Error,
    operations,
};

/// Whose password was forgotten.
#[derive(Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Forgot {
    #[garde(custom(domain::email))]
    email: String,
}

/// Sends a mail with a link, if the address has an account. The answer is the same if not.
#[utoipa::path(post, path = "/auth/password/forgot", tag = "identity", request_body = Forgot,
    responses((status = 202, body = Envelope<serde_json::Value>), Failure))]
pub async fn forgot(State(app): State<AppState>, Body(form): Body<Forgot>) -> Result<Reply<serde_json::Value>, Error> {
    operations::ask_for_reset(&app.db, form.email).await?;
    Ok(Reply::accepted(serde_json::json!({})))
}

/// The token of the mail and the new password.
#[derive(Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Reset {
    #[garde(length(max = 1024))]
    token: String,
    /// 10 to 128 characters.
    #[garde(length(chars, min = 10, max = MAX_PASSWORD))]
    password: String,
}

/// Sets a new password; all sessions end.
#[utoipa::path(post, path = "/auth/password/reset", tag = "identity", request_body = Reset,
    responses((status = 204), Failure))]
pub async fn reset(State(app): State<AppState>, Body(form): Body<Reset>) -> Result<NoContent, Error> {
    operations::reset_password(&app, &form.token, form.password).await?;
    Ok(NoContent)
}

/// Both passwords.
#[derive(Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PasswordChange {
    #[garde(length(max = 1024))]
    current_password: String,
    /// 10 to 128 characters.
    #[garde(length(chars, min = 10, max = MAX_PASSWORD))]
    new_password: String,
}

/// Sets a new password; all other sessions end.
#[utoipa::path(post, path = "/auth/password/change", tag = "identity", security(("bearer" = [])),
    request_body = PasswordChange,
    responses((status = 204), Failure))]
pub async fn change(
    State(app): State<AppState>,
    Caller(me): Caller,
    Body(form): Body<PasswordChange>,
) -> Result<NoContent, Error> {
    access::current(&app, &me).await?;
    operations::change_password(&app, me, form.current_password, form.new_password).await?;
    Ok(NoContent)
}
