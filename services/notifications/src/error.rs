//! What can go wrong, each with its stable code.

use axum::response::{IntoResponse, Response};
use sea_orm::DbErr;
use souk_kernel::{ErrorKind, Problem};
use souk_platform::{db, http::Failure, rpc};

/// Why something was not done.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    #[error("{0} not found")]
    NotFound(&'static str),
    #[error("only a mail that was given up can be tried again")]
    NotDead,
    #[error(transparent)]
    Db(#[from] DbErr),
    #[error(transparent)]
    Problem(#[from] Problem),
    #[error("a letter could not be written: {0}")]
    Letter(String),
}

impl From<askama::Error> for Error {
    fn from(error: askama::Error) -> Self {
        Self::Letter(error.to_string())
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        match error {
            Error::NotFound(what) => Self::not_found(what),
            Error::NotDead => Self::new(ErrorKind::Conflict, "not_dead", error.to_string()),
            Error::Problem(problem) => problem,
            Error::Db(error) => db::problem("notifications", &error),
            Error::Letter(_) => {
                tracing::error!(%error, "notifications failed");
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
