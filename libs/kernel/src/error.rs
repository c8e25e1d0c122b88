//! What a caller is told when something can't be done.

use std::{borrow::Cow, time::Duration};

use serde::{Deserialize, Serialize};

/// The kind of a problem; decides the HTTP and gRPC status.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorKind {
    /// 400: the request can't be read.
    Malformed,
    /// 401: no token, or a bad one.
    Unauthenticated,
    /// 403: not allowed.
    Forbidden,
    /// 404: unknown, or not to be seen by the caller.
    NotFound,
    /// 405: the path does not have this method.
    MethodNotAllowed,
    /// 409: the state does not permit it.
    Conflict,
    /// 412: somebody else changed it first.
    VersionLost,
    /// 413: too large.
    TooLarge,
    /// 415: not a type that is accepted here.
    UnsupportedType,
    /// 422: well-formed, but its values are not acceptable.
    Invalid,
    /// 429: too many requests.
    RateLimited,
    /// 503: not now; try again.
    Unavailable,
    /// 500: our fault. The cause is in the log, never in the answer.
    Internal,
}

/// One field and what is wrong with it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Detail {
    /// The field's path, for example `items[0].quantity`.
    pub field: String,
    /// What is wrong, with the limit.
    pub message: String,
}

/// A problem as the caller sees it: a stable code, a sentence, and the fields concerned.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, thiserror::Error)]
#[error("{code}: {message}")]
pub struct Problem {
    /// Decides the status.
    pub kind: ErrorKind,
    /// A stable `snake_case` word that programs may rely on.
    pub code: Cow<'static, str>,
    /// A sentence for people.
    pub message: String,
    /// The fields concerned, all at once.
    #[serde(default)]
    pub details: Vec<Detail>,
    /// When to try again, for 429 and 503.
    #[serde(default)]
    pub retry_after: Option<Duration>,
}

impl Problem {
    /// A problem without details.
    pub fn new(kind: ErrorKind, code: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        let retry_after =
            matches!(kind, ErrorKind::Unavailable | ErrorKind::RateLimited).then_some(Duration::from_secs(1));
        Self { kind, code: code.into(), message: message.into(), details: Vec::new(), retry_after }
    }

    /// Adds a field and what is wrong with it.
    #[must_use]
    pub fn detail(mut self, field: impl Into<String>, message: impl Into<String>) -> Self {
        self.details.push(Detail { field: field.into(), message: message.into() });
        self
    }

    /// Says when to try again.
    #[must_use]
    pub fn retry_after(mut self, after: Duration) -> Self {
        self.retry_after = Some(after);
        self
    }

    /// 404 for a kind of thing: code `not_found`, message `<what> not found`.
    pub fn not_found(what: &str) -> Self {
        Self::new(ErrorKind::NotFound, "not_found", format!("{what} not found"))
    }

    /// 422 for one field: code `invalid`.
    pub fn invalid(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Invalid, "invalid", "some fields are not acceptable").detail(field, message)
    }

    /// 400 for one field or parameter: code `malformed`.
    pub fn malformed(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Malformed, "malformed", "the request can't be read").detail(field, message)
    }

    /// 403: code `forbidden`.
    pub fn forbidden(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Forbidden, "forbidden", message)
    }

    /// 401: code `unauthenticated`.
    pub fn unauthenticated(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Unauthenticated, "unauthenticated", message)
    }

    /// 500: code `internal`. Log the cause before making this; it says nothing about it.
    #[must_use]
    pub fn internal() -> Self {
        Self::new(ErrorKind::Internal, "internal", "something went wrong on our side")
    }

    /// 412: code `version_lost`.
    #[must_use]
    pub fn version_lost() -> Self {
        Self::new(ErrorKind::VersionLost, "version_lost", "it was changed meanwhile; read it again and repeat")
    }
}
