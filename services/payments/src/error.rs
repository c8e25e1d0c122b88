//! What can go wrong, and how it is told.

use axum::response::{IntoResponse, Response};
use souk_kernel::{ErrorKind, Problem};
use souk_platform::{db, http::Failure, rpc};

use crate::{
    domain::{ledger::Unbalanced, signature::Refused},
    providers::{BadNotice, Fault},
    store::PageError,
};

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{0} not found")]
    NotFound(&'static str),
    #[error("a payment of this order's attempt exists and is another one")]
    PaymentDiffers,
    #[error("the payment is not completed")]
    NotPaid,
    #[error("only {left} is left to refund")]
    RefundTooLarge { left: i64 },
    #[error("nothing is left to refund")]
    NothingToRefund,
    #[error("the refund is settled already")]
    RefundSettled,
    #[error("this is for payments of the provider {0}")]
    OtherProvider(&'static str),
    #[error("the provider is not offered")]
    ProviderNotOffered,
    #[error(transparent)]
    Provider(#[from] Fault),
    #[error(transparent)]
    Notice(#[from] BadNotice),
    #[error("the message is about another payment than the path")]
    NoticeElsewhere,
    #[error("a rule for this scope exists")]
    RuleExists,
    #[error("the default rule can't be deleted")]
    DefaultRule,
    #[error("the version is no longer the current one")]
    VersionLost,
    #[error("only {available} is available")]
    PayoutTooLarge { available: i64 },
    #[error("at least {minimum} is paid out")]
    PayoutTooSmall { minimum: i64 },
    #[error(transparent)]
    Problem(#[from] Problem),
    #[error("the books don't balance: {0}")]
    Unbalanced(#[from] Unbalanced),
    #[error("database: {0}")]
    Db(#[from] sea_orm::DbErr),
}

impl From<PageError> for Error {
    fn from(error: PageError) -> Self {
        match error {
            PageError::Cursor(problem) => Self::Problem(problem),
            PageError::Db(error) => Self::Db(error),
        }
    }
}

impl From<tonic::Status> for Error {
    fn from(status: tonic::Status) -> Self {
        Self::Problem(rpc::problem(status))
    }
}

fn conflict(code: &'static str, message: &str) -> Problem {
    Problem::new(ErrorKind::Conflict, code, message)
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        match error {
            Error::NotFound(what) => Self::not_found(what),
            Error::PaymentDiffers => {
                conflict("payment_differs", "a payment of this order's attempt exists with another amount or currency")
            }
            Error::NotPaid => conflict("payment_not_completed", "the payment is not completed, so nothing can go back"),
            Error::RefundTooLarge { left } => conflict("refund_too_large", "more than what is left can't go back")
                .detail("amount", format!("at most {left}")),
            Error::NothingToRefund => conflict("nothing_to_refund", "everything went back or is on its way back"),
            Error::RefundSettled => conflict("refund_settled", "the refund is settled already"),
            Error::OtherProvider(name) => {
                conflict("other_provider", &format!("this can only be done with payments of the provider {name}"))
            }
            Error::ProviderNotOffered => Self::invalid("provider", "is not offered here"),
            // The cause was logged where the provider was called.
            Error::Provider(Fault::Unavailable { .. }) => {
                let message = "the payment provider does not answer; try again or choose another";
                Self::new(ErrorKind::Unavailable, "provider_unavailable", message)
            }
            Error::Provider(Fault::NotOffered { .. }) => conflict("not_offered", "the provider does not do this"),
            Error::Notice(notice) => of_notice(notice),
            Error::NoticeElsewhere => Self::invalid("payment_id", "differs from the path"),
            Error::RuleExists => conflict("rule_exists", "there is a rule for this seller and category; change it"),
            Error::DefaultRule => conflict("default_rule", "the default rule can be changed but not deleted"),
            Error::VersionLost => Self::version_lost(),
            Error::PayoutTooLarge { available } => {
                conflict("payout_too_large", "more than what is available can't be paid out")
                    .detail("amount", format!("at most {available}"))
            }
            Error::PayoutTooSmall { minimum } => conflict("payout_too_small", "less than the least amount of a payout")
                .detail("amount", format!("at least {minimum}")),
            Error::Problem(problem) => problem,
            Error::Unbalanced(cause) => {
                tracing::error!(%cause, "a ledger transaction was not written");
                Self::internal()
            }
            Error::Db(cause) => db::problem("payments", &cause),
        }
    }
}

fn of_notice(notice: BadNotice) -> Problem {
    match notice {
        BadNotice::Signature(refused) => {
            let code = match refused {
                Refused::Unreadable => "signature_missing",
                Refused::Stale => "signature_stale",
                Refused::Wrong => "signature_wrong",
            };
            Problem::new(ErrorKind::Unauthenticated, code, refused.to_string())
        }
        BadNotice::Unreadable(message) => Problem::malformed("body", message),
        BadNotice::Unacceptable { field, message } => Problem::invalid(field, message),
        BadNotice::UnknownPayment => Problem::not_found("payment"),
        BadNotice::NotOffered => Problem::not_found("webhook of this provider"),
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
