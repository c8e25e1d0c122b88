//! What can go wrong, each with its stable code.

use std::time::Duration;

use axum::response::{IntoResponse, Response};
use sea_orm::{DbErr, SqlErr};
use souk_kernel::{ErrorKind, Problem};
use souk_platform::{db, http::Failure, rpc};

/// Why something was not done.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the e-mail address has an account")]
    EmailTaken,
    #[error("the e-mail address or the password is wrong")]
    BadCredentials,
    #[error("the account is suspended")]
    AccountSuspended,
    #[error("the refresh token is not good (any more)")]
    BadRefreshToken,
    #[error("the reset token is not good (any more)")]
    BadResetToken,
    #[error("the user belongs to a seller already")]
    AlreadyInTeam,
    #[error("an operator can't do this to the own account")]
    OwnAccount,
    #[error("the team would have no owner")]
    LastOwner,
    #[error("the slug is taken")]
    SlugTaken,
    #[error("{0} not found")]
    NotFound(&'static str),
    #[error("{0}")]
    Forbidden(&'static str),
    #[error("somebody else changed it first")]
    VersionLost,
    #[error("too many wrong passwords")]
    Throttled(Duration),
    #[error("too many passwords wait to be checked")]
    Busy,
    #[error(transparent)]
    Db(#[from] DbErr),
    #[error(transparent)]
    Problem(#[from] Problem),
    #[error("a password could not be hashed: {0}")]
    Hash(String),
    #[error("a token could not be signed: {0}")]
    Sign(#[from] jsonwebtoken::errors::Error),
}

impl Error {
    /// `taken` when the row exists already, otherwise the error as it is.
    pub fn unique(error: DbErr, taken: Self) -> Self {
        match error.sql_err() {
            Some(SqlErr::UniqueConstraintViolation(_)) => taken,
            _ => Self::Db(error),
        }
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let message = error.to_string();
        let conflict = |code: &'static str| Self::new(ErrorKind::Conflict, code, message.clone());
        match error {
            Error::EmailTaken => conflict("email_taken").detail("email", "has an account already"),
            Error::BadCredentials => Self::new(ErrorKind::Unauthenticated, "invalid_credentials", message),
            Error::AccountSuspended => Self::new(ErrorKind::Forbidden, "account_suspended", message),
            Error::BadRefreshToken => Self::new(ErrorKind::Unauthenticated, "invalid_refresh_token", message),
            Error::BadResetToken => Self::new(ErrorKind::Invalid, "invalid_reset_token", message)
                .detail("token", "is unknown, used or expired"),
            Error::AlreadyInTeam => conflict("already_in_team"),
            Error::OwnAccount => conflict("own_account"),
            Error::LastOwner => conflict("last_owner"),
            Error::SlugTaken => conflict("slug_taken").detail("slug", "is taken"),
            Error::NotFound(what) => Self::not_found(what),
            Error::Forbidden(why) => Self::forbidden(why),
            Error::VersionLost => Self::version_lost(),
            Error::Throttled(wait) => Self::new(ErrorKind::RateLimited, "too_many_attempts", message).retry_after(wait),
            Error::Busy => Self::new(ErrorKind::Unavailable, "busy", message),
            Error::Problem(problem) => problem,
            Error::Db(error) => db::problem("identity", &error),
            Error::Hash(_) | Error::Sign(_) => {
                tracing::error!(%error, "identity failed");
                Self::internal()
            }
        }
    }
}

impl From<tonic::Status> for Error {
    fn from(status: tonic::Status) -> Self {
        Self::Problem(rpc::problem(status))
    }
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        Failure(self.into()).into_response()
    }
}

impl From<Error> for tonic::Status {
    fn from(error: Error) -> Self {
        rpc::status(error.into())
    }
}
