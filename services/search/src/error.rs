//! What can go wrong, each with its stable code.

use axum::response::{IntoResponse, Response};
use sea_orm::DbErr;
use souk_kernel::{ErrorKind, Problem};
use souk_platform::{db, http::Failure, rpc};
use tantivy::TantivyError;

/// Why something was not done.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    #[error("the index can't be used: {0}")]
    Index(#[from] TantivyError),
    #[error("the folder of the index can't be used: {0}")]
    Folder(String),
    #[error("the search cluster: {0}")]
    Cluster(String),
    #[error("a document can't be read: {0}")]
    Document(String),
    #[error(transparent)]
    Db(#[from] DbErr),
    #[error(transparent)]
    Problem(#[from] Problem),
}

impl Error {
    /// Something that is configured can't be used: said when the service starts.
    pub fn configuration(message: impl Into<String>) -> Self {
        Self::Problem(Problem::new(ErrorKind::Invalid, "configuration", message))
    }
}

impl From<std::io::Error> for Error {
    fn from(error: std::io::Error) -> Self {
        Self::Folder(error.to_string())
    }
}

impl From<serde_json::Error> for Error {
    fn from(error: serde_json::Error) -> Self {
        Self::Document(error.to_string())
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        match error {
            Error::Problem(problem) => problem,
            Error::Db(error) => db::problem("search", &error),
            Error::Index(_) | Error::Folder(_) | Error::Cluster(_) | Error::Document(_) => {
                tracing::error!(%error, "search failed");
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
