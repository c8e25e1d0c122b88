//! What runs between us and an external system by itself: pulls on a schedule, publications on change.

use chrono::TimeDelta;
use sea_orm::{DeriveActiveEnum, EnumIter, sea_query::StringLen};
use serde::{Deserialize, Serialize};
use souk_kernel::Timestamp;

/// Which way the numbers go.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))", rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// We fetch what the system says.
    Pull,
    /// We tell the system what changed.
    Publish,
}

/// Whether the other side is asked.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Circuit {
    /// It is.
    Closed,
    /// It failed too often in a row and is left alone until `next_at`.
    Open,
    /// The next try decides.
    HalfOpen,
}

/// Failures in a row with which the circuit opens.
const OPENS_WITH: i64 = 5;
const FIRST_PAUSE: TimeDelta = TimeDelta::seconds(10);
const LONGEST_PAUSE: TimeDelta = TimeDelta::hours(1);

impl Circuit {
    /// After so many failures in a row, with the next try at `next_at`.
    pub fn of(failures: i64, next_at: Option<Timestamp>, now: Timestamp) -> Self {
        if failures < OPENS_WITH {
            Self::Closed
        } else if next_at.is_some_and(|next| next > now) {
            Self::Open
        } else {
            Self::HalfOpen
        }
    }
}

/// How long to leave the other side alone after so many failures in a row: 10 s, then twice as long each time, up to an
/// hour.
pub fn pause(failures: i64) -> TimeDelta {
    let doublings = u32::try_from((failures - 1).clamp(0, 16)).unwrap_or_default();
    (FIRST_PAUSE * 2_i32.pow(doublings)).min(LONGEST_PAUSE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_end_at_an_hour() {
        let seconds: Vec<i64> = (1..=11).map(|failures| pause(failures).num_seconds()).collect();
        assert_eq!(seconds, [10, 20, 40, 80, 160, 320, 640, 1280, 2560, 3600, 3600]);
        assert_eq!(pause(i64::MAX), LONGEST_PAUSE);
        assert_eq!(pause(0), FIRST_PAUSE);
    }

    #[test]
    fn the_circuit_opens_with_the_fifth_failure_until_the_next_try() {
        let now = Timestamp::from_timestamp(1_770_000_000, 0).unwrap();
        let later = Some(now + TimeDelta::seconds(1));
        assert_eq!(Circuit::of(4, later, now), Circuit::Closed);
        assert_eq!(Circuit::of(5, later, now), Circuit::Open);
        assert_eq!(Circuit::of(5, Some(now), now), Circuit::HalfOpen);
        assert_eq!(Circuit::of(0, None, now), Circuit::Closed);
    }
}
