//! What can go wrong, with stable codes, and how it is told.

use axum::response::{IntoResponse, Response};
use sea_orm::DbErr;
use souk_kernel::{ErrorKind, Problem};
use souk_platform::{db, http::Failure, rpc};

use crate::domain::Refusal;

/// Why an operation of cart did not happen.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the SKU is unknown")]
    UnknownSku,
    #[error("the SKU can't be bought now: {0}")]
    NotSellable(String),
    #[error(transparent)]
    Refused(#[from] Refusal),
    #[error("the cart is empty")]
    Empty,
    #[error("the order has ended")]
    Ended,
    #[error("somebody changed the cart meanwhile")]
    Overtaken,
    #[error("catalog told what can't be read: {0}")]
    Unreadable(String),
    #[error(transparent)]
    Db(#[from] DbErr),
    #[error(transparent)]
    Problem(#[from] Problem),
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        match error {
            Error::UnknownSku => Self::not_found("SKU"),
            Error::NotSellable(reason) => {
                let message = match reason.as_str() {
                    "seller_unavailable" => "its seller does not sell at the moment",
                    _ => "it is not for sale at the moment",
                };
                Self::new(ErrorKind::Conflict, reason, message)
            }
            Error::Refused(refusal) => refused(refusal),
            Error::Empty => Self::new(ErrorKind::Conflict, "cart_empty", "the cart is empty"),
            Error::Ended => Self::new(ErrorKind::Conflict, "order_ended", "the order has ended"),
            Error::Overtaken => Self::version_lost(),
            Error::Unreadable(cause) => {
                tracing::error!(%cause, "an answer of catalog can't be read");
                Self::internal()
            }
            Error::Db(cause) => db::problem("cart", &cause),
            Error::Problem(problem) => problem,
        }
    }
}

fn refused(refusal: Refusal) -> Problem {
    let message = refusal.to_string();
    match refusal {
        Refusal::Frozen { order_id } => {
            let problem = Problem::new(ErrorKind::Conflict, "cart_frozen", message);
            match order_id {
                Some(order_id) => problem.detail("order_id", order_id.to_string()),
                None => problem,
            }
        }
        Refusal::OutOfStock { available } => {
            Problem::new(ErrorKind::Conflict, "out_of_stock", message).detail("available", available.to_string())
        }
        Refusal::NotThere => Problem::not_found("cart item"),
        Refusal::TooManyLines => Problem::new(ErrorKind::Conflict, "cart_full", message),
        Refusal::TooManyUnits | Refusal::TooMuchValue => Problem::invalid("quantity", message),
        Refusal::OtherCurrency(currency) => {
            Problem::new(ErrorKind::Conflict, "currency_mismatch", message).detail("currency", currency.to_string())
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
