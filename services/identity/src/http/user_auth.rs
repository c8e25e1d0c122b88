//! Logging in to a known account, and asking whether a password or a token is good.

use axum::{Extension, extract::State};
use garde::Validate;
use http::{HeaderMap, header};
use serde::{Deserialize, Serialize};
use souk_kernel::{Problem, UserId};
use souk_platform::{
    http::{Body, Failure, OptionalBody, PathText, Reply, openapi::Envelope},
    security::{Authority, CartToken},
};
use utoipa::ToSchema;

use super::{access, views::Session};
use crate::{
    app::{App, AppState},
    error::Error,
    operations::{self, Account, check_password},
};

/// One of the two.
#[derive(Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Proof {
    #[garde(length(max = 1024))]
    password: Option<String>,
    #[garde(length(max = 1024))]
    refresh_token: Option<String>,
}

/// Begins a session with the password, or goes on with one by its refresh token.
#[utoipa::path(post, path = "/users/{id}/auth", tag = "identity", request_body = Proof,
    params(("id" = UserId, Path), CartToken), responses((status = 200, body = Envelope<Session>), Failure))]
pub async fn authenticate(
    State(app): State<AppState>,
    PathText(id): PathText,
    CartToken(cart): CartToken,
    Body(proof): Body<Proof>,
) -> Result<Reply<Session>, Error> {
    let id = id.parse::<UserId>().ok();
    let logged_in = match (proof.password, proof.refresh_token) {
        (Some(password), None) => operations::log_in(&app, &Account::Id(id), password).await?,
        (None, Some(token)) => {
            let id = id.ok_or(Error::BadRefreshToken)?;
            operations::refresh(&app, &token, Some(id)).await?
        }
        _ => return Err(Problem::invalid("password", "give either password or refresh_token").into()),
    };
    operations::merge_cart(&app, logged_in.person.user.id, cart).await;
    Ok(Reply::ok(logged_in.into()))
}

/// A password; or nothing, with a Bearer token.
#[derive(Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Question {
    #[garde(length(max = 1024))]
    password: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct Validity {
    valid: bool,
}

/// Whether the password, or else the Bearer token, is this user's and good at this moment.
#[utoipa::path(post, path = "/users/{id}/auth-valid", tag = "identity", request_body = Question,
    params(("id" = UserId, Path)), security((), ("bearer" = [])),
    responses((status = 200, body = Envelope<Validity>), Failure))]
pub async fn is_valid(
    State(app): State<AppState>,
    PathText(id): PathText,
    headers: HeaderMap,
    Extension(authority): Extension<Authority>,
    OptionalBody(question): OptionalBody<Question>,
) -> Result<Reply<Validity>, Error> {
    let id = id.parse::<UserId>().ok();
    let valid = match (question.password, id) {
        (Some(password), id) => is_good(check_password(&app, &Account::Id(id), password).await)?,
        (None, Some(id)) => holds_token(&app, &authority, &headers, id).await?,
        (None, None) => false,
    };
    Ok(Reply::ok(Validity { valid }))
}

/// A wrong password is an answer here, not an error; being throttled or busy is still one.
fn is_good<T>(checked: Result<T, Error>) -> Result<bool, Error> {
    match checked {
        Ok(_) => Ok(true),
        Err(Error::BadCredentials | Error::AccountSuspended) => Ok(false),
        Err(error) => Err(error),
    }
}

async fn holds_token(app: &App, authority: &Authority, headers: &HeaderMap, id: UserId) -> Result<bool, Error> {
    let shown = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let token = shown.and_then(|text| text.split_once(' ')).filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
    let Some((_, token)) = token else { return Ok(false) };
    let unless_unknown = |problem: Problem| {
        if problem.kind == souk_kernel::ErrorKind::Unauthenticated { Ok(false) } else { Err(Error::Problem(problem)) }
    };
    let principal = match authority.authenticate(token.trim()).await {
        Ok(principal) if principal.user_id == id => principal,
        Ok(_) => return Ok(false),
        Err(problem) => return unless_unknown(problem),
    };
    match access::current(app, &principal).await {
        Ok(_) => Ok(true),
        Err(Error::Problem(problem)) => unless_unknown(problem),
        Err(error) => Err(error),
    }
}
