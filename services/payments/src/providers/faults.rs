//! Faults on demand: how the sandbox misbehaves, so that one can see what the marketplace makes of it.

use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How a call goes wrong.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CallFault {
    #[default]
    None,
    /// It answers at once that it can't, and does nothing.
    Down,
    /// It does what it was asked, but its answer is lost: the caller waits until its time is up.
    LoseAnswer,
}

/// How a refund goes wrong, or takes its time.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RefundFault {
    #[default]
    None,
    Down,
    LoseAnswer,
    /// It says that the refund will come later, and gives it when it is asked again without this fault.
    Wait,
    /// It refuses.
    Refuse,
}

/// How a message goes wrong.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum WebhookFault {
    #[default]
    None,
    /// It is never sent.
    Drop,
    /// It is sent twice.
    Duplicate,
    /// It is sent again under another event id.
    Repeat,
    /// It names one unit too many.
    WrongAmount,
    /// It names another currency.
    WrongCurrency,
    /// It is signed with another secret.
    BadSignature,
    /// A `payment.failed` is sent before it.
    FailedFirst,
    /// A `payment.failed` is sent after it.
    FailedAfter,
}

/// The faults of the sandbox. They live in memory: a process that starts again has none.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, ToSchema, garde::Validate)]
#[serde(deny_unknown_fields, default)]
#[garde(allow_unvalidated)]
pub struct Faults {
    /// When a payment is opened.
    pub create: CallFault,
    /// When a payment is asked about.
    pub fetch: CallFault,
    /// When a payment is given up.
    pub cancel: CallFault,
    /// When money goes back.
    pub refund: RefundFault,
    /// When a message is sent.
    pub webhook: WebhookFault,
}

/// The faults of this moment. Clones are the same.
#[derive(Clone, Default)]
pub struct FaultBox(Arc<Mutex<Faults>>);

impl FaultBox {
    pub fn get(&self) -> Faults {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn set(&self, faults: Faults) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = faults;
    }
}
