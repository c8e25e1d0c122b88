//! Events on a short cut from the commit to the relay.

use super::outbox;

/// More than these are left to be read from the table.
const LIMIT: usize = 1024;

/// Rows of the outbox that were just committed, in the order of their numbers.
#[derive(Default)]
pub(crate) struct Fresh {
    pub rows: Vec<outbox::Model>,
    /// There are others in the table that are not among `rows`.
    pub incomplete: bool,
}

impl Fresh {
    pub(super) fn add(&mut self, more: Self) {
        if self.incomplete || more.incomplete || self.rows.len() + more.rows.len() > LIMIT {
            // Nobody takes them, or not as fast as they come: memory stays bounded.
            *self = Self { rows: Vec::new(), incomplete: true };
        } else {
            self.rows.extend(more.rows);
        }
    }

    /// The rows that follow right on number `last`, without those up to it; `None` when one may be missing in between.
    pub fn after(self, last: Option<i64>) -> Option<Vec<outbox::Model>> {
        let Self { mut rows, incomplete } = self;
        if incomplete {
            return None;
        }
        let last = last?;
        rows.retain(|row| row.seq > last);
        let follow = rows.iter().zip(last + 1..).all(|(row, expected)| row.seq == expected);
        follow.then_some(rows)
    }
}

#[cfg(test)]
mod tests {
    use souk_kernel::{Clock, EventId};

    use super::*;

    fn rows(numbers: &[i64]) -> Fresh {
        let row = |seq: &i64| outbox::Model {
            seq: *seq,
            event_id: EventId::new(),
            kind: "thing.happened".to_owned(),
            subject: String::new(),
            happened_at: Clock::system().now(),
            request_id: String::new(),
            data: "{}".to_owned(),
            due_at: 0,
            pending: None,
            attempts: 0,
            error: None,
        };
        Fresh { rows: numbers.iter().map(row).collect(), incomplete: false }
    }

    fn after(fresh: Fresh, last: Option<i64>) -> Option<Vec<i64>> {
        fresh.after(last).map(|rows| rows.iter().map(|row| row.seq).collect())
    }

    #[test]
    fn only_rows_without_a_gap_before_them_take_the_short_cut() {
        assert_eq!(after(rows(&[]), Some(4)), Some(vec![]));
        assert_eq!(after(rows(&[5, 6]), Some(4)), Some(vec![5, 6]));
        assert_eq!(after(rows(&[3, 4, 5]), Some(4)), Some(vec![5]), "what was seen is left out");
        assert_eq!(after(rows(&[6]), Some(4)), None, "another process wrote number 5");
        assert_eq!(after(rows(&[5, 7]), Some(4)), None);
        assert_eq!(after(rows(&[5]), None), None, "nobody knows what came before");
    }

    #[test]
    fn memory_is_bounded_when_nobody_takes_them() {
        let mut fresh = Fresh::default();
        for number in 1..2000 {
            fresh.add(rows(&[number]));
            assert!(fresh.rows.len() <= LIMIT);
        }
        assert!(fresh.incomplete && fresh.rows.is_empty());
        assert_eq!(after(fresh, Some(0)), None);
    }
}
