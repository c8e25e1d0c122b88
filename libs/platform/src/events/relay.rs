//! Takes events out of one service's outbox and delivers them.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use sea_orm::{ColumnTrait, Condition, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use tokio::{sync::Semaphore, task::JoinSet};
use tokio_util::sync::CancellationToken;

use super::{
    Bus, Message,
    bus::Undelivered,
    lagging::Lagging,
    lanes::{Lane, Lanes},
    settle::{Ended, Left, Settled, Settlement, consumers_of, free, go_on, settle},
};
use crate::{
    context,
    db::{self, Database, outbox},
};

/// Rows read at once.
pub(super) const PAGE: u64 = 512;
/// Rows that wait for a retry, read at once; a few words of each.
const WAITING_AT_ONCE: u64 = 10_000;
/// Rows on their way at once; more stay in the outbox.
const IN_FLIGHT: usize = 2048;
/// Keys that are delivered side by side.
const LANES: usize = 64;
/// How often timers are looked at when nothing else happens.
const TICK: Duration = Duration::from_millis(200);
/// How often the table is looked at when much happens.
const TABLE_EVERY: Duration = Duration::from_millis(50);
/// Lanes that end close together are written down together.
const SETTLE_TOGETHER: Duration = Duration::from_millis(2);
/// The same where each is a commit of its own.
const SETTLE_TOGETHER_SHARED: Duration = Duration::from_millis(50);

/// The relay of one database. Dropping it does not stop it; cancel its token.
pub struct Relay {
    pub(super) db: Database,
    bus: Bus,
    pub(super) stop: CancellationToken,
}

/// How far the outbox was seen.
#[derive(Default)]
struct Reading {
    /// Rows up to this number need not be read again while they are on their way.
    cursor: i64,
    /// All rows up to this number were seen. `None` when that is not known.
    last: Option<i64>,
    looked_at: Option<Instant>,
    /// How it is read where several processes write.
    lagging: Option<Lagging>,
    /// Whether a commit announced something since the last look.
    rung: bool,
}

impl Reading {
    fn of(db: &Database) -> Self {
        Self { lagging: db.is_shared().then(Lagging::default), ..Self::default() }
    }

    fn saw(&mut self, newest: Option<i64>) {
        if let (Some(last), Some(newest)) = (&mut self.last, newest) {
            *last = newest.max(*last);
            self.cursor = self.cursor.max(*last);
        }
    }
}

impl Relay {
    /// A relay from `db` to `bus` that runs until `stop` is cancelled and what is due has been delivered; on a server, what it has
    /// begun to deliver.
    pub fn new(db: Database, bus: Bus, stop: CancellationToken) -> Self {
        Self { db, bus, stop }
    }

    /// Runs until stopped.
    pub async fn run(self) {
        #[cfg(feature = "cluster")]
        if let Some(leases) = self.db.leases() {
            return self.run_leased(leases).await;
        }
        self.deliver(std::future::pending()).await;
    }

    /// Delivers until stopped (then true) or until `lost`.
    pub(super) async fn deliver(&self, lost: impl Future<Output = ()>) -> bool {
        let mut lost = std::pin::pin!(lost);
        let mut lanes = Lanes::default();
        let mut running: JoinSet<Ended> = JoinSet::new();
        // One at a time: lanes that end meanwhile are settled together, next.
        let mut settling: JoinSet<Settlement> = JoinSet::new();
        let mut ended: Vec<Ended> = Vec::new();
        let mut settle_at = None;
        let settle_together = if self.db.is_shared() { SETTLE_TOGETHER_SHARED } else { SETTLE_TOGETHER };
        let permits = Arc::new(Semaphore::new(LANES));
        while let Err(error) = self.load_waiting(&mut lanes).await {
            // Without it, an event could be delivered before an earlier one of its key that waits for a retry.
            tracing::error!(service = self.db.service(), %error, "reading the outbox failed; nothing is delivered");
            lanes = Lanes::default();
            tokio::select! {
                () = &mut lost => return false,
                () = self.stop.cancelled() => return true,
                () = tokio::time::sleep(TICK) => {}
            }
        }
        let mut reading = Reading::of(&self.db);
        loop {
            // A cursor spares re-reading what is on its way. It starts over when all is delivered, so that nothing is missed
            // where numbers are given before the commit.
            if lanes.is_idle() {
                reading.cursor = 0;
            }
            let mut more = false;
            // What other processes go on to announce is for the next holder of the lease.
            let leaves = self.db.is_shared() && self.stop.is_cancelled();
            if lanes.in_flight() < IN_FLIGHT && !leaves {
                match self.due(&mut reading, lanes.in_flight()).await {
                    Ok((rows, full)) => {
                        more = full;
                        for lane in lanes.take(rows) {
                            self.start(lane, &permits, &mut running);
                        }
                    }
                    Err(error) => {
                        // Also what came straight from the commits is read again.
                        reading = Reading::of(&self.db);
                        tracing::error!(service = self.db.service(), %error, "reading the outbox failed");
                    }
                }
            }
            if self.stop.is_cancelled() && lanes.is_idle() && !more {
                return true;
            }
            let lagging = reading.lagging.as_ref().filter(|_| !leaves && lanes.in_flight() < IN_FLIGHT);
            let tick = lagging.map_or(TICK, Lagging::wait);
            let wait = settle_at.unwrap_or_else(|| tokio::time::Instant::now() + tick);
            tokio::select! {
                () = &mut lost => return false,
                () = self.db.published(), if !self.stop.is_cancelled() => reading.rung = true,
                Some(lane) = running.join_next(), if !running.is_empty() => {
                    // Handlers' panics are caught on the bus: a lane ends badly only when its runtime is going away.
                    let Ok(lane) = lane else { return true };
                    if lane.is_clean() && let Some(next) = go_on(&mut lanes, &lane) {
                        self.start(next, &permits, &mut running);
                    }
                    ended.push(lane);
                    settle_at.get_or_insert_with(|| tokio::time::Instant::now() + settle_together);
                }
                () = tokio::time::sleep_until(wait), if settle_at.is_some() && settling.is_empty() => {
                    settle_at = None;
                    let settle = settle(self.db.clone(), self.stop.clone(), std::mem::take(&mut ended));
                    settling.spawn(db::unhurried(settle));
                }
                Some(settled) = settling.join_next(), if !settling.is_empty() => {
                    let Ok(settled) = settled else { return true };
                    for lane in free(&mut lanes, settled) {
                        self.start(lane, &permits, &mut running);
                    }
                }
                () = tokio::time::sleep(tick), if !more => {}
                () = std::future::ready(()), if more && lanes.in_flight() < IN_FLIGHT => {}
            }
        }
    }

    /// Rows that can be delivered now, and whether there may be more.
    ///
    /// Most come straight from the commits. The table is read when a commit may be missing in between (another process
    /// writes to it too), and now and then.
    async fn due(&self, reading: &mut Reading, in_flight: usize) -> Result<(Vec<outbox::Model>, bool), DbErr> {
        if let Some(lagging) = &mut reading.lagging {
            let rung = std::mem::take(&mut reading.rung);
            return lagging.due(&self.db, rung, in_flight).await;
        }
        let fresh = self.db.take_fresh();
        let newest = fresh.rows.last().map(|row| row.seq);
        let looked = reading.looked_at.is_some_and(|at| at.elapsed() < TABLE_EVERY);
        let mut rows = Vec::new();
        if let Some(following) = fresh.after(reading.last) {
            reading.saw(newest);
            rows = following;
            rows.retain(|row| row.due_at == outbox::AT_ONCE);
            if looked {
                return Ok((rows, false));
            }
        }
        let now = self.db.clock().now().timestamp_micros();
        let at_once = outbox::Entity::find()
            .filter(
                Condition::all()
                    .add(outbox::Column::DueAt.eq(outbox::AT_ONCE))
                    .add(outbox::Column::Seq.gt(reading.cursor)),
            )
            .order_by_asc(outbox::Column::Seq)
            .limit(PAGE)
            .all(self.db.reader())
            .await?;
        let full = at_once.len() as u64 == PAGE;
        if let Some(last) = at_once.last() {
            reading.cursor = last.seq;
        }
        reading.last = if full { None } else { reading.last.or(Some(0)).max(newest).max(Some(reading.cursor)) };
        rows.extend(at_once);
        // Timers are not due to the millisecond: under load, not every look at the outbox looks at them.
        if looked {
            return Ok((rows, full));
        }
        reading.looked_at = Some(Instant::now());
        let timers = outbox::Entity::find()
            .filter(outbox::Column::DueAt.gt(outbox::AT_ONCE))
            .filter(outbox::Column::DueAt.lte(now))
            .order_by_asc(outbox::Column::DueAt)
            .order_by_asc(outbox::Column::Seq)
            .limit(PAGE)
            .all(self.db.reader())
            .await?;
        rows.extend(timers);
        Ok((rows, full))
    }

    /// Notes which events wait for a retry, at which consumers.
    async fn load_waiting(&self, lanes: &mut Lanes) -> Result<(), DbErr> {
        let mut after = i64::MIN;
        loop {
            let rows: Vec<(i64, String, Option<String>)> = outbox::Entity::find()
                .select_only()
                .columns([outbox::Column::Seq, outbox::Column::Subject, outbox::Column::Pending])
                .filter(outbox::Column::Pending.is_not_null())
                .filter(outbox::Column::Seq.gt(after))
                .order_by_asc(outbox::Column::Seq)
                .limit(WAITING_AT_ONCE)
                .into_tuple()
                .all(self.db.reader())
                .await?;
            let Some((last, ..)) = rows.last() else { return Ok(()) };
            after = *last;
            for (seq, subject, pending) in rows {
                lanes.wait(&subject, seq, consumers_of(pending.as_deref()));
            }
        }
    }

    fn start(&self, lane: Lane, permits: &Arc<Semaphore>, running: &mut JoinSet<Ended>) {
        let (bus, permits) = (self.bus.clone(), Arc::clone(permits));
        running.spawn(async move {
            let _permit = permits.acquire().await.expect("the semaphore is never closed");
            let subject = lane.subject.clone();
            Ended { subject, rows: deliver(&bus, lane).await }
        });
    }
}

async fn deliver(bus: &Bus, lane: Lane) -> Vec<Settled> {
    let Lane { rows, mut blocked, .. } = lane;
    let mut settled = Vec::with_capacity(rows.len());
    for row in rows {
        blocked.remove(&row.seq);
        let targets: Vec<String> = match &row.pending {
            Some(list) => consumers_of(Some(list)),
            None => bus.consumers(&row.kind).map(str::to_owned).collect(),
        };
        let held_back: Vec<&String> = blocked.range(..row.seq).flat_map(|(_, consumers)| consumers).collect();
        let message = Message {
            event_id: row.event_id,
            kind: row.kind.clone(),
            subject: row.subject.clone(),
            time: row.happened_at,
            data: row.data.clone(),
            attempt: u32::try_from(row.attempts).unwrap_or(0) + 1,
        };
        let request = context::Context { request_id: row.request_id.as_str().into(), client_ip: None };
        let deliveries = targets.into_iter().map(|consumer| {
            let wait = held_back.contains(&&consumer);
            let message = &message;
            async move {
                if wait {
                    let left = bus.outage(&consumer).map_or(Left::Waits, Left::Unreachable);
                    return Some((consumer, left));
                }
                let result = bus.deliver(&consumer, message).await;
                let refusal = match result {
                    Ok(()) => None,
                    Err(Undelivered::Refused(refusal)) => Some(refusal),
                    Err(Undelivered::Unreachable(_)) => {
                        let pause = bus.outage(&consumer).unwrap_or_default();
                        return Some((consumer, Left::Unreachable(pause)));
                    }
                };
                metrics::counter!("souk_event_deliveries_total", "type" => message.kind.clone(),
                    "consumer" => consumer.clone(), "result" => if refusal.is_none() { "ok" } else { "error" })
                .increment(1);
                let refusal = refusal?;
                tracing::warn!(event_id = %message.event_id, kind = %message.kind, %consumer, error = refusal.error,
                    attempt = message.attempt, "an event was not taken");
                Some((consumer, Left::Refused(refusal)))
            }
        });
        let left: Vec<_> =
            context::scope(request, futures::future::join_all(deliveries)).await.into_iter().flatten().collect();
        if !left.is_empty() {
            blocked.insert(row.seq, left.iter().map(|(consumer, _)| consumer.clone()).collect());
        }
        settled.push(Settled { row, left });
    }
    settled
}
