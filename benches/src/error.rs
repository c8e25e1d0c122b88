//! What can go wrong while loading a marketplace.

use http::StatusCode;

/// Why a run, or one step of it, ended early.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The flags can't be followed.
    #[error("{0}")]
    Usage(String),
    /// The server can't be reached, or stopped answering in the middle.
    #[error("no answer from {authority}: {cause}")]
    Connection { authority: String, cause: String },
    /// An answer that is not a success.
    #[error("{step}: {status} {code}: {message}")]
    Refused { step: &'static str, status: StatusCode, code: String, message: String },
    /// A success whose body is not what the interface promises.
    #[error("{step}: the answer can't be read: {cause}")]
    Unreadable { step: &'static str, cause: serde_json::Error },
    /// Something that should have happened by now.
    #[error("{step}: {what}")]
    TooLate { step: &'static str, what: String },
    /// The transactions file can't be read.
    #[error("the transactions can't be read: {0}")]
    Csv(#[from] csv::Error),
    /// A file or child process.
    #[error("{context}: {cause}")]
    Io { context: String, cause: std::io::Error },
}

impl Error {
    /// An input or output error, with what was being done.
    pub fn io(context: impl Into<String>) -> impl FnOnce(std::io::Error) -> Self {
        let context = context.into();
        move |cause| Self::Io { context, cause }
    }

    /// A short stable word for tables: the marketplace's error code, or the kind of fault.
    pub fn outcome(&self) -> String {
        match self {
            Self::Refused { status, code, .. } => format!("{} {code}", status.as_u16()),
            Self::Connection { .. } => "no answer".to_owned(),
            Self::Unreadable { .. } => "unreadable answer".to_owned(),
            Self::TooLate { .. } => "too late".to_owned(),
            Self::Usage(_) | Self::Csv(_) | Self::Io { .. } => "not tried".to_owned(),
        }
    }
}
