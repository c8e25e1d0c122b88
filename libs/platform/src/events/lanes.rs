//! The order of deliveries: events of one key go one after another to each consumer.
//!
//! A consumer that fails holds back only itself: later events of that key wait for it, while the other consumers, and the
//! other keys, go on.

use std::collections::{BTreeMap, HashMap, HashSet};

use crate::db::outbox;

/// Which events are on their way, and which consumers wait for a retry.
#[derive(Default)]
pub(super) struct Lanes {
    /// Keys with a running lane.
    running: HashSet<String>,
    /// Rows that are in a lane, running or queued.
    taken: HashSet<i64>,
    /// Rows of running keys, to be delivered when the lane is free.
    queued: HashMap<String, Vec<outbox::Model>>,
    /// By key: the rows that wait for a retry, with the consumers that still have to take them.
    waiting: HashMap<String, BTreeMap<i64, Vec<String>>>,
}

/// Events of one key, to be delivered in this order.
pub(super) struct Lane {
    pub subject: String,
    pub rows: Vec<outbox::Model>,
    /// Consumers that earlier events of the key wait for, by the row that they wait for.
    pub blocked: BTreeMap<i64, Vec<String>>,
}

impl Lanes {
    pub fn in_flight(&self) -> usize {
        self.taken.len()
    }

    pub fn is_idle(&self) -> bool {
        self.taken.is_empty()
    }

    /// Remembers that `row` waits for a retry.
    pub fn wait(&mut self, subject: &str, seq: i64, pending: Vec<String>) {
        self.waiting.entry(subject.to_owned()).or_default().insert(seq, pending);
    }

    /// Forgets the retry of `row`: delivered, or a dead letter.
    pub fn done(&mut self, subject: &str, seq: i64) {
        if let Some(rows) = self.waiting.get_mut(subject) {
            rows.remove(&seq);
            if rows.is_empty() {
                self.waiting.remove(subject);
            }
        }
    }

    /// Takes the rows that are not on their way yet and gives the lanes that can start now.
    pub fn take(&mut self, rows: Vec<outbox::Model>) -> Vec<Lane> {
        let mut fresh: Vec<String> = Vec::new();
        for row in rows {
            if self.taken.insert(row.seq) {
                let subject = row.subject.clone();
                let queue = self.queued.entry(subject.clone()).or_default();
                if queue.is_empty() && !self.running.contains(&subject) {
                    fresh.push(subject);
                }
                queue.push(row);
            }
        }
        fresh.into_iter().filter_map(|subject| self.start(subject)).collect()
    }

    /// The lane of `subject` has ended; gives the next one if more rows came meanwhile.
    pub fn end(&mut self, subject: String) -> Option<Lane> {
        self.running.remove(&subject);
        self.start(subject)
    }

    /// It is written down what became of these rows.
    pub fn settled(&mut self, rows: &[i64]) {
        for seq in rows {
            self.taken.remove(seq);
        }
    }

    fn start(&mut self, subject: String) -> Option<Lane> {
        let mut rows = self.queued.remove(&subject)?;
        rows.sort_by_key(|row| row.seq);
        let blocked = self.waiting.get(&subject).cloned().unwrap_or_default();
        self.running.insert(subject.clone());
        Some(Lane { subject, rows, blocked })
    }
}

#[cfg(test)]
mod tests {
    use souk_kernel::{Clock, EventId};

    use super::*;

    fn row(seq: i64, subject: &str) -> outbox::Model {
        outbox::Model {
            seq,
            event_id: EventId::new(),
            kind: "thing.happened".to_owned(),
            subject: subject.to_owned(),
            happened_at: Clock::system().now(),
            request_id: String::new(),
            data: "{}".to_owned(),
            due_at: 0,
            pending: None,
            attempts: 0,
            error: None,
        }
    }

    #[test]
    fn a_key_has_one_lane_at_a_time_and_rows_go_in_order() {
        let mut lanes = Lanes::default();
        let started = lanes.take(vec![row(2, "a"), row(1, "a"), row(3, "b")]);
        assert_eq!(started.iter().map(|lane| lane.rows.len()).collect::<Vec<_>>(), [2, 1]);
        assert_eq!(started[0].rows.iter().map(|row| row.seq).collect::<Vec<_>>(), [1, 2]);
        assert!(lanes.take(vec![row(1, "a"), row(4, "a")]).is_empty(), "the lane of a is running");
        let next = lanes.end("a".to_owned()).expect("row 4 came meanwhile");
        assert_eq!(next.rows.iter().map(|row| row.seq).collect::<Vec<_>>(), [4]);
        assert!(lanes.take(vec![row(2, "a")]).is_empty(), "what became of row 2 is not written down yet");
        assert!(lanes.end("a".to_owned()).is_none());
        assert!(lanes.end("b".to_owned()).is_none());
        assert!(!lanes.is_idle());
        lanes.settled(&[1, 2, 3, 4]);
        assert!(lanes.is_idle());
    }

    #[test]
    fn a_lane_knows_whom_earlier_events_wait_for() {
        let mut lanes = Lanes::default();
        lanes.wait("a", 1, vec!["mail".to_owned()]);
        let started = lanes.take(vec![row(2, "a")]);
        assert_eq!(started[0].blocked[&1], ["mail"]);
        lanes.done("a", 1);
        assert!(lanes.end("a".to_owned()).is_none());
        assert!(lanes.take(vec![row(3, "a")])[0].blocked.is_empty());
    }
}
