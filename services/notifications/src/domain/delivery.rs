//! How often a mail is tried.

use chrono::TimeDelta;
use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};
use souk_kernel::Timestamp;

/// Where a mail stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug, EnumIter, DeriveActiveEnum, Serialize, Deserialize, utoipa::ToSchema)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(8))", rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum MailStatus {
    /// Waits to be sent, perhaps after failures.
    Queued,
    /// A mail server took it, or it lies in the embedded mailbox.
    Sent,
    /// Given up; the operator can have it tried again.
    Dead,
}

/// How one attempt ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Attempt {
    Delivered,
    /// Not now: no connection, a full mailbox.
    Failed(String),
    /// Never: no such mailbox.
    Refused(String),
}

/// What follows.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Next {
    Done,
    Again { at: Timestamp, error: String },
    GiveUp { error: String },
}

/// The pauses after each failed attempt, in minutes. About a day in all, as mail servers do it.
const PAUSES: [i64; 7] = [1, 5, 15, 60, 180, 480, 720];

/// What follows after an attempt, when `failed` attempts came before it.
pub fn next(attempt: Attempt, failed: i32, now: Timestamp) -> Next {
    match attempt {
        Attempt::Delivered => Next::Done,
        Attempt::Refused(error) => Next::GiveUp { error },
        Attempt::Failed(error) => match usize::try_from(failed).ok().and_then(|failed| PAUSES.get(failed)) {
            Some(minutes) => Next::Again { at: now + TimeDelta::minutes(*minutes), error },
            None => Next::GiveUp { error },
        },
    }
}

#[cfg(test)]
mod tests {
    use souk_kernel::Clock;

    use super::*;

    #[test]
    fn a_failing_mail_is_tried_for_about_a_day_and_a_refused_one_not_again() {
        let start = Clock::system().now();
        let (mut now, mut attempts) = (start, 0);
        while let Next::Again { at, .. } = next(Attempt::Failed("no route".to_owned()), attempts, now) {
            assert!(at > now);
            now = at;
            attempts += 1;
        }
        assert_eq!(attempts, 7);
        assert!((20..30).contains(&(now - start).num_hours()));
        let refused = next(Attempt::Refused("550".to_owned()), 0, start);
        assert_eq!(refused, Next::GiveUp { error: "550".to_owned() });
        assert_eq!(next(Attempt::Delivered, 3, start), Next::Done);
    }
}
