//! What can go wrong, with stable codes, and how it is told.

use axum::response::{IntoResponse, Response};
use sea_orm::DbErr;
use souk_kernel::{ErrorKind, Problem, SkuId};
use souk_platform::{db, http::Failure, rpc};

use crate::domain::{
    MOST_SOURCES, Refusal,
    reservation::{DemandError, NotThatMany},
};

/// Why an operation of inventory did not happen.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the SKU is unknown")]
    UnknownSku,
    #[error("the stock source is unknown")]
    UnknownSource,
    #[error(transparent)]
    Refused(#[from] Refusal),
    #[error("the lines can't be read: {0}")]
    Demand(#[from] DemandError),
    #[error(transparent)]
    NotThatMany(#[from] NotThatMany),
    #[error("the order's units went out and came back")]
    Returned,
    #[error("the order holds other units")]
    OtherUnits,
    #[error("somebody changed it first")]
    VersionLost,
    #[error("the name is taken")]
    NameTaken,
    #[error("the seller has as many sources as are allowed")]
    TooManySources,
    #[error("the source is switched off")]
    SourceDisabled,
    #[error("the batch is not signed by the source")]
    BadSignature,
    #[error("the mapping names SKUs that are not the seller's")]
    NotYours(Vec<(usize, SkuId)>),
    #[error("the source is being pulled")]
    PullRunning,
    #[error("the source was pulled a moment ago")]
    PulledJustNow(std::time::Duration),
    #[error("the source has no feed")]
    NoFeed,
    #[error("the books are wrong: {0}")]
    Inconsistent(String),
    #[error(transparent)]
    Db(#[from] DbErr),
    #[error(transparent)]
    Problem(#[from] Problem),
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let conflict = |code: &'static str, message: &str| Self::new(ErrorKind::Conflict, code, message);
        match error {
            Error::UnknownSku => Self::not_found("SKU"),
            Error::UnknownSource => Self::not_found("stock source"),
            Error::Refused(refusal) => refused(refusal),
            Error::Demand(problem) => match &problem {
                DemandError::Lines => Self::invalid("lines", problem.to_string()),
                DemandError::Quantity { line } => Self::invalid(format!("lines[{line}].quantity"), problem.to_string()),
            },
            Error::NotThatMany(ref problem) => conflict("more_than_committed", "more would come back than went out")
                .detail("sku_id", problem.sku_id.to_string())
                .detail("returnable", problem.returnable.to_string()),
            Error::Returned => conflict("order_returned", "the order's units went out and came back"),
            Error::OtherUnits => conflict("reservation_differs", "the order holds other units than these"),
            Error::VersionLost => Self::version_lost(),
            Error::NameTaken => {
                conflict("name_taken", "there is a stock source of this name already").detail("name", "is taken")
            }
            Error::TooManySources => {
                conflict("too_many_sources", &format!("a seller has at most {MOST_SOURCES} stock sources"))
            }
            Error::SourceDisabled => conflict("source_disabled", "the stock source is switched off"),
            Error::BadSignature => Self::unauthenticated("the batch must be signed by the stock source, not long ago"),
            Error::NotYours(lines) => {
                let problem = Self::new(ErrorKind::Invalid, "invalid", "some fields are not acceptable");
                lines.into_iter().fold(problem, |problem, (line, _)| {
                    problem.detail(format!("items[{line}].sku_id"), "must be one of your SKUs")
                })
            }
            Error::PullRunning => conflict("pull_running", "the feed is being pulled already"),
            Error::PulledJustNow(wait) => {
                Self::new(ErrorKind::RateLimited, "pulled_just_now", "the feed was pulled a moment ago")
                    .retry_after(wait)
            }
            Error::NoFeed => conflict("no_feed", "the stock source has no feed_url"),
            Error::Inconsistent(cause) => {
                tracing::error!(%cause, "the books of inventory are wrong");
                Self::internal()
            }
            Error::Db(cause) => db::problem("inventory", &cause),
            Error::Problem(problem) => problem,
        }
    }
}

fn refused(refusal: Refusal) -> Problem {
    let message = refusal.to_string();
    match refusal {
        Refusal::Short { available } => {
            Problem::new(ErrorKind::Conflict, "out_of_stock", message).detail("available", available.to_string())
        }
        Refusal::BelowReserved { reserved } => {
            Problem::new(ErrorKind::Conflict, "below_reserved", message).detail("reserved", reserved.to_string())
        }
        Refusal::TooMany => Problem::invalid("on_hand", message),
        Refusal::NotHeld => {
            tracing::error!("more would be given back than is held");
            Problem::internal()
        }
    }
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
