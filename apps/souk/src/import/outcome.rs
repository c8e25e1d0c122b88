//! How an import ends.

use std::{io, path::PathBuf};

use souk_kernel::Problem;
use souk_platform::rpc;

/// Why an import can't run.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The file can't be read.
    #[error("can't read {path}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The report or the progress can't be written.
    #[error("can't write {path}: {source}")]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Neither the command line nor the mapping names a seller.
    #[error("--seller is missing, and the mapping names none")]
    NoSeller,
    /// A service refused.
    #[error("{0}")]
    Refused(Problem),
}

impl From<tonic::Status> for ImportError {
    fn from(status: tonic::Status) -> Self {
        Self::Refused(rpc::problem(status))
    }
}

/// What came of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Summary {
    /// Lines looked at in this run.
    pub lines: u64,
    /// Lines that an earlier, interrupted run had taken.
    pub skipped: u64,
    /// New products.
    pub created: u64,
    /// Products that differed.
    pub updated: u64,
    /// Products that were the same.
    pub unchanged: u64,
    /// Lines that were refused.
    pub refused: u64,
    /// Categories that the products went to.
    pub categories: usize,
    /// Where the refused lines are listed.
    pub report: Option<PathBuf>,
}
