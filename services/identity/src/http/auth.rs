//! Registering, logging in, refreshing, logging out.

use axum::extract::State;
use garde::Validate;
use serde::Deserialize;
use souk_platform::{
    http::{Body, Failure, NoContent, Reply, openapi::Envelope},
    security::{CartToken, User as Caller},
};
use utoipa::ToSchema;

use super::views::Session;
use crate::{
    app::AppState,
    domain::{self, MAX_PASSWORD, Roles},
    error::Error,
    operations::{self, Account, NewAccount},
};

/// A new account.
#[derive(Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Registration {
    #[garde(custom(domain::email))]
    email: String,
    /// 10 to 128 characters.
    #[garde(length(chars, min = 10, max = MAX_PASSWORD))]
    password: String,
    #[garde(custom(domain::name))]
    name: String,
    /// A language tag; `en` unless given.
    #[garde(inner(custom(domain::locale)))]
    locale: Option<String>,
}

impl From<Registration> for NewAccount {
    fn from(form: Registration) -> Self {
        let Registration { email, password, name, locale } = form;
        Self { email, password, name: name.trim().to_owned(), locale, roles: Roles::default() }
    }
}

/// Makes an account and logs in.
#[utoipa::path(post, path = "/auth/register", tag = "identity", request_body = Registration, params(CartToken),
    responses((status = 201, body = Envelope<Session>), Failure))]
pub async fn register(
    State(app): State<AppState>,
    CartToken(cart): CartToken,
    Body(form): Body<Registration>,
) -> Result<Reply<Session>, Error> {
    let logged_in = operations::register(&app, form.into()).await?;
    operations::merge_cart(&app, logged_in.person.user.id, cart).await;
    Ok(Reply::created(logged_in.into()))
}

/// Who logs in.
#[derive(Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Login {
    #[garde(length(max = 1024))]
    email: String,
    #[garde(length(max = 1024))]
    password: String,
}

/// Begins a session.
#[utoipa::path(post, path = "/auth/login", tag = "identity", request_body = Login, params(CartToken),
    responses((status = 200, body = Envelope<Session>), Failure))]
pub async fn login(
    State(app): State<AppState>,
    CartToken(cart): CartToken,
    Body(form): Body<Login>,
) -> Result<Reply<Session>, Error> {
    let logged_in = operations::log_in(&app, &Account::Email(form.email), form.password).await?;
    operations::merge_cart(&app, logged_in.person.user.id, cart).await;
    Ok(Reply::ok(logged_in.into()))
}

/// A refresh token.
#[derive(Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Refresh {
    #[garde(length(max = 1024))]
    refresh_token: String,
}

/// Exchanges a refresh token for a new pair. A token that was exchanged before ends the session.
#[utoipa::path(post, path = "/auth/refresh", tag = "identity", request_body = Refresh,
    responses((status = 200, body = Envelope<Session>), Failure))]
pub async fn refresh(State(app): State<AppState>, Body(form): Body<Refresh>) -> Result<Reply<Session>, Error> {
    Ok(Reply::ok(operations::refresh(&app, &form.refresh_token, None).await?.into()))
}

/// Ends the session that the refresh token belongs to.
#[utoipa::path(post, path = "/auth/logout", tag = "identity", request_body = Refresh, security(("bearer" = [])),
    responses((status = 204), Failure))]
pub async fn logout(
    State(app): State<AppState>,
    Caller(me): Caller,
    Body(form): Body<Refresh>,
) -> Result<NoContent, Error> {
    operations::log_out(&app, me.user_id, &form.refresh_token).await?;
    Ok(NoContent)
}
