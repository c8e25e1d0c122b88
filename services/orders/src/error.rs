//! What can go wrong, and what callers are told of it. The only place where errors become answers.

use axum::response::{IntoResponse, Response};
use souk_kernel::{ErrorKind, Problem, SkuId};
use souk_platform::{db, http::Failure, rpc};

use crate::{domain::Refusal, store::orders::Lost};

/// A line of which there is not enough.
#[derive(Clone, Debug)]
pub struct Shortage {
    /// Its place among the order's lines.
    pub place: usize,
    pub sku_id: SkuId,
    pub requested: i64,
    pub available: i64,
}

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{0} not found")]
    NotFound(&'static str),
    #[error(transparent)]
    Refused(#[from] Refusal),
    #[error("out of stock")]
    OutOfStock(Vec<Shortage>),
    #[error("the total is {actual}, not {expected}")]
    TotalChanged { expected: i64, actual: i64 },
    #[error("the order has been paid already")]
    AlreadyPaid,
    #[error("{message}")]
    Conflict { code: &'static str, message: &'static str },
    #[error("too many orders wait to be placed")]
    Busy,
    /// The order was changed by somebody else between reading and writing; the operation starts over.
    #[error("the order was changed meanwhile")]
    Lost,
    #[error("the order is not the version that was named")]
    VersionLost,
    #[error(transparent)]
    Db(#[from] sea_orm::DbErr),
    #[error(transparent)]
    Problem(#[from] Problem),
}

impl From<Lost> for Error {
    fn from(_: Lost) -> Self {
        Self::Lost
    }
}

impl From<tonic::Status> for Error {
    fn from(status: tonic::Status) -> Self {
        Self::Problem(rpc::problem(status))
    }
}

impl Error {
    /// Whether the same may succeed later.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Db(_) | Self::Lost | Self::Busy => true,
            Self::Problem(problem) => matches!(
                problem.kind,
                ErrorKind::Unavailable | ErrorKind::RateLimited | ErrorKind::Internal | ErrorKind::VersionLost
            ),
            _ => false,
        }
    }

    /// Whether a peer said that it doesn't know the thing.
    pub fn is_unknown(&self) -> bool {
        matches!(self, Self::NotFound(_) | Self::Problem(Problem { kind: ErrorKind::NotFound, .. }))
    }

    /// Whether a peer said that its state does not permit it.
    pub fn is_conflict(&self) -> bool {
        matches!(self, Self::Problem(Problem { kind: ErrorKind::Conflict, .. }))
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let conflict = |code: &'static str, message: String| Self::new(ErrorKind::Conflict, code, message);
        match error {
            Error::NotFound(what) => Self::not_found(what),
            Error::Refused(refusal) => conflict(refusal.code(), refusal.to_string()),
            Error::OutOfStock(shortages) => shortages.into_iter().fold(
                conflict("out_of_stock", "there is not enough of some lines".to_owned()),
                |problem, short| {
                    let Shortage { place, sku_id, requested, available } = short;
                    let message = format!("{available} of {sku_id} available, {requested} wanted");
                    problem.detail(format!("items[{place}].quantity"), message)
                },
            ),
            Error::TotalChanged { expected, actual } => {
                conflict("total_changed", "the total is not the one that you expect".to_owned())
                    .detail("expected", expected.to_string())
                    .detail("actual", actual.to_string())
            }
            Error::AlreadyPaid => conflict("already_paid", "the order has been paid already".to_owned()),
            Error::Conflict { code, message } => conflict(code, message.to_owned()),
            Error::Busy => {
                let message = "too many orders wait to be placed; try again in a moment";
                Self::new(ErrorKind::Unavailable, "checkout_busy", message)
                    .retry_after(std::time::Duration::from_secs(5))
            }
            Error::Lost => {
                let message = "the order is being changed by others; try again";
                Self::new(ErrorKind::Unavailable, "order_busy", message)
            }
            Error::VersionLost => Self::version_lost(),
            Error::Db(error) => db::problem("orders", &error),
            Error::Problem(problem) => problem,
        }
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
