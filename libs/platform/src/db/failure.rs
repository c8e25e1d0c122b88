//! What callers are told when a database failed.

use sea_orm::{DbErr, RuntimeErr, SqlxError};
use souk_kernel::{ErrorKind, Problem};

/// Logs that the database of `service` failed with `error`, and says what to answer: 503 `database_unavailable` when it can't
/// be reached, or has no room, and the same may succeed later; otherwise 500.
pub fn problem(service: &str, error: &DbErr) -> Problem {
    if is_outage(error) {
        tracing::error!(service, %error, "the database is not available");
        let message = "what this needs is not available at the moment; try again";
        return Problem::new(ErrorKind::Unavailable, "database_unavailable", message);
    }
    tracing::error!(service, %error, "the database failed");
    Problem::internal()
}

/// Whether the state of the database is to blame, not what it was asked.
fn is_outage(error: &DbErr) -> bool {
    if let DbErr::ConnectionAcquire(_) = error {
        return true;
    }
    match library(error) {
        // A connection that ends in the middle of a word is one that broke, also behind a balancer that hangs up.
        Some(
            SqlxError::Io(_)
            | SqlxError::Protocol(_)
            | SqlxError::PoolTimedOut
            | SqlxError::PoolClosed
            | SqlxError::WorkerCrashed,
        ) => true,
        #[cfg(feature = "cluster")]
        Some(SqlxError::Database(error)) if number(&**error).is_some_and(is_outage_number) => true,
        Some(SqlxError::Database(error)) => error.code().is_some_and(|code| is_outage_code(&code)),
        _ => false,
    }
}

/// Whether trying again at once makes no sense: the database is not there, or a statement took longer than it may.
#[cfg(feature = "cluster")]
pub(super) fn takes_time(error: &DbErr) -> bool {
    let too_long =
        |error: &SqlxError| matches!(error, SqlxError::Database(error) if error.code().as_deref() == Some("57014"));
    is_outage(error) || library(error).is_some_and(too_long)
}

/// Whether a SQLite file failed so that the transaction may have ended with the statement, also with one that only read.
pub(super) fn ends_transaction(error: &DbErr) -> bool {
    // NOMEM, INTERRUPT, IOERR, CORRUPT, FULL.
    sqlite_code(error).is_some_and(|code| matches!(code, 7 | 9 | 10 | 11 | 13))
}

/// Whether a statement was cut off because it ran for too long.
pub(super) fn is_interrupted(error: &DbErr) -> bool {
    sqlite_code(error) == Some(9)
}

/// What the database, or the way to it, said.
pub(super) fn library(error: &DbErr) -> Option<&SqlxError> {
    match error {
        DbErr::Conn(RuntimeErr::SqlxError(error))
        | DbErr::Exec(RuntimeErr::SqlxError(error))
        | DbErr::Query(RuntimeErr::SqlxError(error)) => Some(error),
        _ => None,
    }
}

/// Whether what must be unique is there already.
#[cfg(feature = "cluster")]
pub(super) fn is_taken(error: &DbErr) -> bool {
    matches!(library(error), Some(SqlxError::Database(error)) if error.is_unique_violation())
}

/// MariaDB's number of an error. Its codes, as the standard has them, say less.
#[cfg(feature = "cluster")]
pub(super) fn number(error: &dyn sqlx::error::DatabaseError) -> Option<u16> {
    error.try_downcast_ref::<sqlx::mysql::MySqlDatabaseError>().map(sqlx::mysql::MySqlDatabaseError::number)
}

/// No room on the disk or in a table, a server that only reads, a connection or statement that was ended with the server.
#[cfg(feature = "cluster")]
fn is_outage_number(number: u16) -> bool {
    matches!(number, 1021 | 1114 | 1290 | 1836 | 1927)
}

/// SQLite's primary result code, if one is the error.
fn sqlite_code(error: &DbErr) -> Option<u32> {
    let SqlxError::Database(error) = library(error)? else { return None };
    primary(&error.code()?)
}

/// The primary result code in one of SQLite's; those of PostgreSQL have five characters.
fn primary(code: &str) -> Option<u32> {
    if code.len() == 5 { None } else { code.parse::<u32>().ok().map(|code| code & 0xff) }
}

/// SQLite's result codes are numbers, the extended ones with the primary in the lowest byte; PostgreSQL's have five
/// characters, of which the first two are the class.
fn is_outage_code(code: &str) -> bool {
    match primary(code) {
        // BUSY, READONLY, IOERR, FULL, CANTOPEN.
        Some(code) => matches!(code, 5 | 8 | 10 | 13 | 14),
        None => ["08", "53", "57P"].iter().any(|class| code.starts_with(class)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(feature = "cluster")]
    #[test]
    fn what_passes_on_mariadb_is_told_from_what_stays() {
        let (disk_full, table_full, only_reads, connection_killed) = (1021, 1114, 1290, 1927);
        for passes in [disk_full, table_full, only_reads, connection_killed] {
            assert!(is_outage_number(passes), "{passes}");
        }
        let (unique_violation, deadlock, took_too_long) = (1062, 1213, 1969);
        for stays in [unique_violation, deadlock, took_too_long] {
            assert!(!is_outage_number(stays), "{stays}");
        }
        let (lost, unique_violation) = ("08S01", "23000");
        assert!(is_outage_code(lost) && !is_outage_code(unique_violation));
    }

    #[test]
    fn what_passes_is_told_from_what_stays() {
        let full = "13";
        let io_error_of_a_write = "778";
        let out_of_disk_on_a_server = "53100";
        let shutting_down = "57P01";
        for passes in [full, io_error_of_a_write, out_of_disk_on_a_server, shutting_down] {
            assert!(is_outage_code(passes), "{passes}");
        }
        let unique_violation = "2067";
        let unique_violation_on_a_server = "23505";
        let statement_timeout = "57014";
        for stays in [unique_violation, unique_violation_on_a_server, statement_timeout, "1", ""] {
            assert!(!is_outage_code(stays), "{stays}");
        }
        let pool = DbErr::ConnectionAcquire(sea_orm::ConnAcquireErr::Timeout);
        assert_eq!(problem("orders", &pool).kind, ErrorKind::Unavailable);
        assert_eq!(problem("orders", &DbErr::RecordNotFound("row".to_owned())).kind, ErrorKind::Internal);
    }
}
