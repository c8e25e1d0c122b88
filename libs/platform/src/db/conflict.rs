//! Errors after which a transaction may succeed when it is run again.

use sea_orm::{DbErr, SqlxError};

use super::failure;

/// Why a transaction may succeed when it is run again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Conflict {
    /// The database sacrificed it to another: a serialization failure or a deadlock.
    Sacrificed,
    /// It wrote what must be unique and is there already. It may have read before that it is not: then it decides otherwise
    /// when it reads again.
    Taken,
    /// It waited for too long for what another holds.
    #[cfg(feature = "cluster")]
    Waited,
}

impl Conflict {
    /// Of an error of a statement or a commit. SQLite has one writer, so that nothing stands in the way of anything.
    pub fn of(error: &DbErr) -> Option<Self> {
        let SqlxError::Database(error) = failure::library(error)? else { return None };
        match error.code().as_deref() {
            // PostgreSQL: serialization failure, deadlock. MariaDB: deadlock; below a row that changed meanwhile, and a lock that
            // was not given in time.
            Some("40001" | "40P01") => Some(Self::Sacrificed),
            #[cfg(feature = "cluster")]
            _ if failure::number(&**error) == Some(1020) => Some(Self::Sacrificed),
            #[cfg(feature = "cluster")]
            _ if failure::number(&**error) == Some(1205) => Some(Self::Waited),
            _ if error.is_unique_violation() => Some(Self::Taken),
            _ => None,
        }
    }
}
