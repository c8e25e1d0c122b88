//! What can go wrong, and what callers are told.

use std::time::Duration;

use axum::response::{IntoResponse, Response};
use sea_orm::{DbErr, SqlErr};
use souk_kernel::{Detail, ErrorKind, Problem, TypedId};
use souk_platform::{db, files::FilesError, http::Failure, rpc};

/// When to ask again for a file while the object store is away.
const FILES_AWAY: Duration = Duration::from_secs(5);

/// An error of the catalogue.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the product was changed meanwhile")]
    VersionLost,
    #[error("the product was deleted")]
    Archived,
    #[error("the code {0} is used by another offer of this seller")]
    CodeTaken(String),
    #[error("the slug {0} is taken")]
    SlugTaken(String),
    #[error("this seller already offers this variant")]
    OfferExists,
    #[error("the last offer of a product can't be removed; delete the product")]
    LastOffer,
    #[error("reviewed already")]
    AlreadyReviewed,
    #[error("not received")]
    NotReceived,
    #[error("the category holds products or categories")]
    CategoryInUse,
    #[error("some fields are not acceptable")]
    Invalid(Vec<Detail>),
    #[error(transparent)]
    Problem(#[from] Problem),
    #[error("database: {0}")]
    Db(#[from] DbErr),
    #[error("files: {0}")]
    Files(#[from] FilesError),
    #[error("encoding: {0}")]
    Encoding(#[from] serde_json::Error),
}

impl Error {
    /// 422 for one field.
    pub fn invalid(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self::Invalid(vec![Detail { field: field.into(), message: message.into() }])
    }

    /// 404 for what isn't there or may not be seen.
    pub fn not_found(what: &str) -> Self {
        Self::Problem(Problem::not_found(what))
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let conflict = |code: &'static str, message: String| Self::new(ErrorKind::Conflict, code, message);
        match error {
            Error::VersionLost => Self::version_lost(),
            Error::Archived => conflict("product_archived", error.to_string()),
            Error::CodeTaken(_) => conflict("code_taken", error.to_string()),
            Error::SlugTaken(_) => conflict("slug_taken", error.to_string()),
            Error::OfferExists => conflict("offer_exists", error.to_string()),
            Error::LastOffer => conflict("last_offer", error.to_string()),
            Error::AlreadyReviewed => conflict("already_reviewed", "you reviewed this product already".to_owned()),
            Error::NotReceived => {
                Self::new(ErrorKind::Forbidden, "not_received", "only who bought and received it may review it")
            }
            Error::CategoryInUse => {
                let message = "it holds products or categories; name where they go with ?move_to=";
                conflict("category_in_use", message.to_owned())
            }
            Error::Invalid(details) => {
                let problem = Self::new(ErrorKind::Invalid, "invalid", "some fields are not acceptable");
                details.into_iter().fold(problem, |problem, detail| problem.detail(detail.field, detail.message))
            }
            Error::Problem(problem) => problem,
            // Two requests met: each looked, neither saw the other. Repeating finds the state that won.
            Error::Db(error) if is_race(&error) => {
                conflict("conflict", "it was changed meanwhile; try again".to_owned())
            }
            Error::Db(error) => db::problem("catalog", &error),
            Error::Files(error) if error.is_outage() => {
                tracing::error!(%error, "the object store does not answer");
                Self::new(ErrorKind::Unavailable, "files_unavailable", "images can't be reached; try again soon")
                    .retry_after(FILES_AWAY)
            }
            Error::Files(error) => {
                tracing::error!(%error, "the file store failed");
                Self::internal()
            }
            Error::Encoding(error) => {
                tracing::error!(%error, "data could not be encoded");
                Self::internal()
            }
        }
    }
}

/// Whether two writers met, of whom each looked and neither saw the other.
pub fn is_race(error: &DbErr) -> bool {
    matches!(error.sql_err(), Some(SqlErr::UniqueConstraintViolation(_) | SqlErr::ForeignKeyConstraintViolation(_)))
}

impl From<tonic::Status> for Error {
    fn from(status: tonic::Status) -> Self {
        Self::Problem(rpc::problem(status))
    }
}

impl From<Error> for tonic::Status {
    fn from(error: Error) -> Self {
        rpc::status(error.into())
    }
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        Failure(self.into()).into_response()
    }
}

/// An id in a call from another service; a malformed one is the caller's mistake.
pub fn id<I: TypedId>(field: &'static str, text: &str) -> Result<I, Error> {
    text.parse().map_err(|_| Error::invalid(field, format!("must be an id beginning with {}_", I::PREFIX)))
}
