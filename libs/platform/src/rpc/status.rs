//! A [`Problem`] crosses between services as a gRPC status and comes out as it went in.

use souk_kernel::{ErrorKind, Problem};
use tonic::{Code, Status};

/// The status for a problem. The whole problem travels in the status details, as JSON.
pub fn status(problem: Problem) -> Status {
    fault(code(problem.kind), problem)
}

/// A status with a code of its own: a deadline that passed is `DeadlineExceeded` to gRPC, but 503 to people.
pub(super) fn fault(code: Code, problem: Problem) -> Status {
    let details = serde_json::to_vec(&problem).expect("a problem is plain data");
    Status::with_details(code, problem.message, details.into())
}

/// The way back. A status that no service of ours made becomes the nearest problem: faults on the way are
/// [`ErrorKind::Unavailable`], what should never happen is logged and becomes [`Problem::internal`].
#[expect(clippy::needless_pass_by_value, reason = "made for `map_err(problem)`")]
pub fn problem(status: Status) -> Problem {
    if let Ok(problem) = serde_json::from_slice(status.details()) {
        return problem;
    }
    let (kind, code) = match status.code() {
        Code::Unavailable | Code::DeadlineExceeded | Code::Cancelled => {
            let message = "a service that this needs does not answer; try again";
            return Problem::new(ErrorKind::Unavailable, "service_unavailable", message);
        }
        Code::InvalidArgument | Code::OutOfRange => (ErrorKind::Invalid, "invalid"),
        Code::Unauthenticated => (ErrorKind::Unauthenticated, "unauthenticated"),
        Code::PermissionDenied => (ErrorKind::Forbidden, "forbidden"),
        Code::NotFound => (ErrorKind::NotFound, "not_found"),
        Code::AlreadyExists | Code::FailedPrecondition => (ErrorKind::Conflict, "conflict"),
        Code::Aborted => (ErrorKind::VersionLost, "version_lost"),
        Code::ResourceExhausted => (ErrorKind::RateLimited, "rate_limited"),
        Code::Ok | Code::Unknown | Code::Unimplemented | Code::Internal | Code::DataLoss => {
            tracing::error!(code = ?status.code(), cause = status.message(), "a call failed");
            return Problem::internal();
        }
    };
    Problem::new(kind, code, status.message())
}

fn code(kind: ErrorKind) -> Code {
    match kind {
        ErrorKind::Malformed | ErrorKind::UnsupportedType | ErrorKind::Invalid => Code::InvalidArgument,
        ErrorKind::Unauthenticated => Code::Unauthenticated,
        ErrorKind::Forbidden => Code::PermissionDenied,
        ErrorKind::NotFound => Code::NotFound,
        ErrorKind::MethodNotAllowed => Code::Unimplemented,
        ErrorKind::Conflict => Code::FailedPrecondition,
        ErrorKind::VersionLost => Code::Aborted,
        ErrorKind::TooLarge => Code::OutOfRange,
        ErrorKind::RateLimited => Code::ResourceExhausted,
        ErrorKind::Unavailable => Code::Unavailable,
        ErrorKind::Internal => Code::Internal,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_problem_comes_out_as_it_went_in() {
        let full = Problem::new(ErrorKind::Conflict, "out_of_stock", "größer\nals %20 der Vorrat")
            .detail("items[0].quantity", "2 left")
            .retry_after(Duration::from_millis(1500));
        let unavailable = Problem::new(ErrorKind::Unavailable, "busy", "later");
        for original in [full, unavailable, Problem::version_lost(), Problem::internal(), Problem::not_found("order")] {
            // Over headers, as between processes.
            let response: http::Response<()> = status(original.clone()).into_http();
            let arrived = Status::from_header_map(response.headers()).unwrap();
            assert_eq!(problem(arrived), original);
        }
    }

    #[test]
    fn a_foreign_status_becomes_the_nearest_problem() {
        assert_eq!(problem(Status::unavailable("connection refused")).kind, ErrorKind::Unavailable);
        assert_eq!(problem(Status::deadline_exceeded("")).code, "service_unavailable");
        assert_eq!(problem(Status::not_found("no such page")).kind, ErrorKind::NotFound);
        assert_eq!(problem(Status::unknown("secret cause")), Problem::internal());
    }
}
