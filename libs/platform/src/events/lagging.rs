//! Reading an outbox whose rows get their numbers before they are committed, side by side: a lower number may appear after a
//! higher one.
//!
//! So the cursor stays behind: it stands where the reading stood some time ago, and what is on its way is read again.
//! Now and then everything is read, in case a commit took longer than that. Nothing is skipped for good, and events of one
//! key keep their order: of two transactions that touch the same thing the second gets its numbers when the first is
//! committed.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use sea_orm::{ColumnTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use super::relay::PAGE;
use crate::db::{Database, outbox};

/// How long a transaction may take from getting its numbers to being seen.
const LAG: Duration = Duration::from_secs(10);
/// How often everything is read.
const SWEEP: Duration = Duration::from_secs(30);
/// How often the table is looked at although no commit of this process announced anything.
const EVERY: Duration = Duration::from_millis(100);
/// The same for a while after something was found: somebody may be waiting for what follows from it.
const EVERY_WHILE_BUSY: Duration = Duration::from_millis(50);
/// How long that while is.
const BUSY: Duration = Duration::from_secs(1);
/// How soon it is looked at again for a commit of this process that announced something: what follows it closely is found
/// with it.
const GATHER: Duration = Duration::from_millis(10);
/// The same while many events are on their way.
const GATHER_MANY: Duration = Duration::from_millis(25);
/// So many are many.
const MANY: usize = 4;
/// How often timers are looked at.
const TIMERS: Duration = Duration::from_millis(200);
/// The distance of two marks.
const MARK: Duration = Duration::from_millis(500);

/// How far the outbox was seen.
#[derive(Default)]
pub(super) struct Lagging {
    cursor: i64,
    /// The last number that was seen, and when: those of the last [`LAG`].
    marks: VecDeque<(Instant, i64)>,
    swept: Option<Instant>,
    looked: Option<Instant>,
    /// When something was found last.
    found: Option<Instant>,
    timers_at: Option<Instant>,
    more: bool,
    /// How many were due, or on their way, at the last look.
    on_their_way: usize,
    /// A commit announced something that was not looked for yet.
    rung: bool,
}

impl Lagging {
    /// Rows that can be delivered now, some of them on their way already, and whether there may be more. `rung` when a
    /// commit announced something since the last look.
    pub async fn due(
        &mut self,
        db: &Database,
        rung: bool,
        in_flight: usize,
    ) -> Result<(Vec<outbox::Model>, bool), DbErr> {
        let now = Instant::now();
        self.rung |= rung;
        if !self.more && self.looked.is_some_and(|at| now - at < self.every()) {
            return Ok((Vec::new(), false));
        }
        self.rung = false;
        self.looked = Some(now);
        let sweeps = self.swept.is_none_or(|at| now - at >= SWEEP);
        let limit = PAGE + in_flight as u64;
        let mut rows = outbox::Entity::find()
            .filter(outbox::Column::DueAt.eq(outbox::AT_ONCE))
            .filter(outbox::Column::Seq.gt(if sweeps { 0 } else { self.cursor }))
            .order_by_asc(outbox::Column::Seq)
            .limit(limit)
            .all(db.reader())
            .await?;
        self.more = rows.len() as u64 == limit;
        self.on_their_way = rows.len();
        if sweeps && !self.more {
            self.swept = Some(now);
        }
        if let Some(last) = rows.last() {
            self.mark(now, last.seq);
            self.found = Some(now);
        }
        if self.timers_at.is_none_or(|at| now - at >= TIMERS) {
            self.timers_at = Some(now);
            let due = db.clock().now().timestamp_micros();
            let timers = outbox::Entity::find()
                .filter(outbox::Column::DueAt.gt(outbox::AT_ONCE))
                .filter(outbox::Column::DueAt.lte(due))
                .order_by_asc(outbox::Column::DueAt)
                .order_by_asc(outbox::Column::Seq)
                .limit(limit)
                .all(db.reader())
                .await?;
            rows.extend(timers);
        }
        Ok((rows, self.more))
    }

    /// How long after the last look the table is looked at again.
    fn every(&self) -> Duration {
        match self.found {
            _ if self.rung && self.on_their_way >= MANY => GATHER_MANY,
            _ if self.rung => GATHER,
            Some(at) if at.elapsed() < BUSY => EVERY_WHILE_BUSY,
            _ => EVERY,
        }
    }

    /// How long it is until then.
    pub fn wait(&self) -> Duration {
        self.looked.map_or(EVERY, |at| self.every().saturating_sub(at.elapsed()))
    }

    fn mark(&mut self, now: Instant, seq: i64) {
        while let Some((_, seen)) = self.marks.front().copied().filter(|(at, _)| now - *at >= LAG) {
            self.cursor = self.cursor.max(seen);
            self.marks.pop_front();
        }
        if self.marks.back().is_none_or(|(at, _)| now - *at >= MARK) {
            self.marks.push_back((now, seq));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cursor_stands_where_the_reading_stood_some_time_ago() {
        let mut reading = Lagging::default();
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        reading.mark(at(0), 10);
        reading.mark(at(1), 20);
        assert_eq!(reading.cursor, 0, "number 5 may still come");
        reading.mark(at(10), 30);
        assert_eq!(reading.cursor, 10);
        reading.mark(at(30), 40);
        assert_eq!(reading.cursor, 30);
    }
}
