//! Clocks of machines that don't agree.
//!
//! Reservations, tokens and timers go by the clock of the process that looks at them: where clocks differ by more than
//! seconds, orders expire early and good tokens are refused. Keeping them together is the work of NTP; here it is noticed
//! that nobody does it.

use chrono::TimeDelta;
use souk_kernel::Timestamp;

/// What is worth a warning.
pub const REMARKABLE: TimeDelta = TimeDelta::seconds(1);

/// By how much at least this machine's clock is ahead of another's (behind it, when negative), if the other said `told` some
/// time between `asked` and `answered`.
#[must_use]
pub fn ahead(asked: Timestamp, told: Timestamp, answered: Timestamp) -> TimeDelta {
    if told < asked {
        asked - told
    } else if told > answered {
        answered - told
    } else {
        TimeDelta::zero()
    }
}

/// `63.5 s ahead of`, or behind.
#[must_use]
pub fn in_words(ahead: TimeDelta) -> String {
    let tenths = (ahead.num_milliseconds().abs() + 50) / 100;
    let which = if ahead < TimeDelta::zero() { "behind" } else { "ahead of" };
    format!("{}.{} s {which}", tenths / 10, tenths % 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slow_answer_is_no_difference() {
        let at = |ms: i64| Timestamp::from_timestamp_millis(1_000_000 + ms).unwrap();
        for (told, expected) in [(0, 0), (250, 0), (500, 0), (-1, 1), (501, -1), (-63_500, 63_500), (7_500, -7_000)] {
            assert_eq!(ahead(at(0), at(told), at(500)).num_milliseconds(), expected, "told {told}");
        }
    }

    #[test]
    fn the_direction_is_said() {
        assert_eq!(in_words(TimeDelta::milliseconds(63_460)), "63.5 s ahead of");
        assert_eq!(in_words(TimeDelta::milliseconds(-1_040)), "1.0 s behind");
    }
}
