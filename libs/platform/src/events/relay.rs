//! Takes events out of one service's outbox and delivers them.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use sea_orm::{
    ActiveValue::Set, ColumnTrait, Condition, DbErr, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect,
};
use souk_kernel::Timestamp;
use tokio::{sync::Semaphore, task::JoinSet};
use tokio_util::sync::CancellationToken;

use super::{
    Bus, Message,
    lanes::{Lane, Lanes},
};
use crate::{
    context,
    db::{Database, dead_letter, outbox},
};

/// Deliveries of one event to one consumer before it becomes a dead letter. With the pauses below: about three minutes.
const ATTEMPTS: i32 = 12;
/// The first pause after a failure; it doubles up to [`LAST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LAST_PAUSE: Duration = Duration::from_mins(1);
/// Rows read at once.
const PAGE: u64 = 512;
/// Rows on their way at once; more stay in the outbox.
const IN_FLIGHT: usize = 2048;
/// Keys that are delivered side by side.
const LANES: usize = 64;
/// How often timers are looked at when nothing else happens.
const TICK: Duration = Duration::from_millis(200);
/// How often timers are looked at when much happens.
const TIMERS_EVERY: Duration = Duration::from_millis(50);
/// Lanes that end close together are written down together.
const SETTLE_TOGETHER: Duration = Duration::from_millis(2);

/// The relay of one database. Dropping it does not stop it; cancel its token.
pub struct Relay {
    db: Database,
    bus: Bus,
    stop: CancellationToken,
}

/// What an outbox holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Backlog {
    /// Events that should be delivered by now.
    pub due: u64,
    /// Timers and retries of later.
    pub later: u64,
    /// Events that were given up.
    pub dead: u64,
}

impl Backlog {
    /// What the outbox of `db` holds at this moment.
    pub async fn of(db: &Database) -> Result<Self, DbErr> {
        let now = db.clock().now().timestamp_micros();
        let due = outbox::Entity::find().filter(outbox::Column::DueAt.lte(now)).count(db.reader()).await?;
        let later = outbox::Entity::find().filter(outbox::Column::DueAt.gt(now)).count(db.reader()).await?;
        let dead = dead_letter::Entity::find().count(db.reader()).await?;
        Ok(Self { due, later, dead })
    }

    /// Whether an event about one of these subjects is due: what it will lead to has not happened everywhere yet.
    pub async fn concerns(db: &Database, subjects: &[String]) -> Result<bool, DbErr> {
        let now = db.clock().now().timestamp_micros();
        outbox::Entity::find()
            .filter(Condition::any().add(outbox::Column::DueAt.lte(now)).add(outbox::Column::Attempts.gt(0)))
            .filter(outbox::Column::Subject.is_in(subjects.iter().map(String::as_str)))
            .count(db.reader())
            .await
            .map(|count| count > 0)
    }

    /// The moment since which the oldest due event waits.
    pub async fn oldest_due(db: &Database) -> Result<Option<Timestamp>, DbErr> {
        let now = db.clock().now().timestamp_micros();
        outbox::Entity::find()
            .filter(outbox::Column::DueAt.lte(now))
            .order_by_asc(outbox::Column::DueAt)
            .order_by_asc(outbox::Column::Seq)
            .one(db.reader())
            .await
            .map(|row| row.map(|row| row.happened_at))
    }
}

/// How the deliveries of one row ended.
struct Settled {
    row: outbox::Model,
    /// Consumers that did not take it, each with the error, or none for one that waits for an earlier event.
    left: Vec<(String, Option<String>)>,
}

impl Relay {
    /// A relay from `db` to `bus` that runs until `stop` is cancelled and what is due has been delivered.
    pub fn new(db: Database, bus: Bus, stop: CancellationToken) -> Self {
        Self { db, bus, stop }
    }

    /// Runs until stopped.
    pub async fn run(self) {
        let mut lanes = Lanes::default();
        let mut running: JoinSet<(String, Vec<Settled>)> = JoinSet::new();
        let permits = Arc::new(Semaphore::new(LANES));
        self.load_waiting(&mut lanes).await;
        let mut cursor = 0;
        let mut looked_at_timers = None;
        loop {
            // A cursor spares re-reading what is on its way. It starts over when all is delivered, so that nothing is missed
            // where numbers are given before the commit.
            if lanes.is_idle() {
                cursor = 0;
            }
            let mut more = false;
            if lanes.in_flight() < IN_FLIGHT {
                match self.due(&mut cursor, &mut looked_at_timers).await {
                    Ok((rows, full)) => {
                        more = full;
                        for lane in lanes.take(rows) {
                            self.start(lane, &permits, &mut running);
                        }
                    }
                    Err(error) => tracing::error!(service = self.db.service(), %error, "reading the outbox failed"),
                }
            }
            if self.stop.is_cancelled() && lanes.is_idle() && !more {
                return;
            }
            tokio::select! {
                () = self.db.published(), if !self.stop.is_cancelled() => {}
                Some(ended) = running.join_next(), if !running.is_empty() => {
                    let mut all = vec![ended];
                    let gather = async {
                        while let Some(another) = running.join_next().await {
                            all.push(another);
                        }
                    };
                    // Cut off by the time or ended with the last lane; what has ended is in `all` either way.
                    let _ = tokio::time::timeout(SETTLE_TOGETHER, gather).await;
                    // Handlers' panics are caught on the bus: a lane ends badly only when its runtime is going away.
                    let Ok(ended) = all.into_iter().collect::<Result<Vec<_>, _>>() else { return };
                    for lane in self.settle(&mut lanes, ended).await {
                        self.start(lane, &permits, &mut running);
                    }
                }
                () = tokio::time::sleep(TICK), if !more => {}
                () = std::future::ready(()), if more && lanes.in_flight() < IN_FLIGHT => {}
            }
        }
    }

    /// Rows that can be delivered now, and whether there may be more.
    async fn due(
        &self,
        cursor: &mut i64,
        looked_at_timers: &mut Option<Instant>,
    ) -> Result<(Vec<outbox::Model>, bool), DbErr> {
        let now = self.db.clock().now().timestamp_micros();
        let mut rows = outbox::Entity::find()
            .filter(
                Condition::all().add(outbox::Column::DueAt.eq(outbox::AT_ONCE)).add(outbox::Column::Seq.gt(*cursor)),
            )
            .order_by_asc(outbox::Column::Seq)
            .limit(PAGE)
            .all(self.db.reader())
            .await?;
        let full = rows.len() as u64 == PAGE;
        if let Some(last) = rows.last() {
            *cursor = last.seq;
        }
        // Timers are not due to the millisecond: under load, not every look at the outbox looks at them.
        if looked_at_timers.is_some_and(|at| at.elapsed() < TIMERS_EVERY) {
            return Ok((rows, full));
        }
        *looked_at_timers = Some(Instant::now());
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

    async fn load_waiting(&self, lanes: &mut Lanes) {
        let rows = outbox::Entity::find().filter(outbox::Column::Pending.is_not_null()).all(self.db.reader()).await;
        match rows {
            Ok(rows) => {
                for row in rows {
                    let pending = consumers_of(row.pending.as_deref());
                    lanes.wait(&row.subject, row.seq, pending);
                }
            }
            Err(error) => tracing::error!(service = self.db.service(), %error, "reading the outbox failed"),
        }
    }

    fn start(&self, lane: Lane, permits: &Arc<Semaphore>, running: &mut JoinSet<(String, Vec<Settled>)>) {
        let (bus, permits) = (self.bus.clone(), Arc::clone(permits));
        running.spawn(async move {
            let _permit = permits.acquire().await.expect("the semaphore is never closed");
            let subject = lane.subject.clone();
            (subject, deliver(&bus, lane).await)
        });
    }

    /// Writes down how lanes ended, in one transaction, and gives the lanes that can go on.
    async fn settle(&self, lanes: &mut Lanes, ended: Vec<(String, Vec<Settled>)>) -> Vec<Lane> {
        let now = self.db.clock().now();
        let verdicts: Vec<Verdict> =
            ended.iter().flat_map(|(_, rows)| rows).map(|settled| Verdict::of(settled, now)).collect();
        let write = verdicts.clone();
        let mut pause = FIRST_PAUSE;
        while let Err(error) = self
            .db
            .transaction({
                let write = write.clone();
                move |tx| record(tx, write, now)
            })
            .await
        {
            // Until it is written down, the rows stay taken: delivering them again would be harmless but in vain.
            tracing::error!(service = self.db.service(), %error, "settling deliveries failed");
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LAST_PAUSE);
            if self.stop.is_cancelled() && pause == LAST_PAUSE {
                break;
            }
        }
        for verdict in &verdicts {
            match verdict.pending() {
                Some(pending) => lanes.wait(&verdict.row.subject, verdict.row.seq, pending),
                None => lanes.done(&verdict.row.subject, verdict.row.seq),
            }
        }
        ended
            .into_iter()
            .filter_map(|(subject, rows)| lanes.finish(subject, rows.iter().map(|settled| settled.row.seq)))
            .collect()
    }
}

fn consumers_of(pending: Option<&str>) -> Vec<String> {
    pending.into_iter().flat_map(|list| list.split(',')).map(str::to_owned).collect()
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
                    return Some((consumer, None));
                }
                let result = bus.deliver(&consumer, message).await;
                metrics::counter!("souk_event_deliveries_total", "type" => message.kind.clone(),
                    "consumer" => consumer.clone(), "result" => if result.is_ok() { "ok" } else { "error" })
                .increment(1);
                result.err().map(|error| {
                    tracing::warn!(event_id = %message.event_id, kind = %message.kind, %consumer, %error,
                        attempt = message.attempt, "an event was not taken");
                    (consumer, Some(error))
                })
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

/// What is to be written about one row.
#[derive(Clone)]
struct Verdict {
    row: outbox::Model,
    retry: Option<Retry>,
    dead: BTreeMap<String, String>,
}

#[derive(Clone)]
struct Retry {
    pending: Vec<String>,
    due_at: i64,
    attempts: i32,
    error: Option<String>,
}

impl Verdict {
    fn of(settled: &Settled, now: Timestamp) -> Self {
        let failed = settled.left.iter().any(|(_, error)| error.is_some());
        let attempts = settled.row.attempts + i32::from(failed);
        let given_up = failed && attempts >= ATTEMPTS;
        let (mut pending, mut dead) = (Vec::new(), BTreeMap::new());
        for (consumer, error) in &settled.left {
            match error {
                Some(error) if given_up => {
                    dead.insert(consumer.clone(), error.clone());
                }
                _ => pending.push(consumer.clone()),
            }
        }
        let exponent = u32::try_from((attempts - 1).clamp(0, 16)).unwrap_or(0);
        let pause = (FIRST_PAUSE * 2_u32.pow(exponent)).min(LAST_PAUSE);
        let due_at = now.timestamp_micros() + i64::try_from(pause.as_micros()).unwrap_or(i64::MAX);
        let error = settled.left.iter().find_map(|(_, error)| error.clone());
        let retry = (!pending.is_empty()).then_some(Retry { pending, due_at, attempts, error });
        Self { row: settled.row.clone(), retry, dead }
    }

    fn pending(&self) -> Option<Vec<String>> {
        self.retry.as_ref().map(|retry| retry.pending.clone())
    }
}

async fn record(tx: crate::db::Tx, verdicts: Vec<Verdict>, now: Timestamp) -> Result<(), DbErr> {
    let done: Vec<i64> =
        verdicts.iter().filter(|verdict| verdict.retry.is_none()).map(|verdict| verdict.row.seq).collect();
    for some in done.chunks(500) {
        outbox::Entity::delete_many().filter(outbox::Column::Seq.is_in(some.iter().copied())).exec(&tx).await?;
    }
    for verdict in &verdicts {
        if let Some(retry) = &verdict.retry {
            let change = outbox::ActiveModel {
                seq: Set(verdict.row.seq),
                pending: Set(Some(retry.pending.join(","))),
                due_at: Set(retry.due_at),
                attempts: Set(retry.attempts),
                error: Set(retry.error.clone()),
                ..Default::default()
            };
            outbox::Entity::update_many().set(change).filter(outbox::Column::Seq.eq(verdict.row.seq)).exec(&tx).await?;
        }
    }
    let dead: Vec<_> = verdicts
        .iter()
        .flat_map(|verdict| {
            let row = &verdict.row;
            verdict.dead.iter().map(move |(consumer, error)| dead_letter::ActiveModel {
                event_id: Set(row.event_id),
                consumer: Set(consumer.clone()),
                kind: Set(row.kind.clone()),
                subject: Set(row.subject.clone()),
                happened_at: Set(row.happened_at),
                request_id: Set(row.request_id.clone()),
                data: Set(row.data.clone()),
                attempts: Set(ATTEMPTS),
                error: Set(error.clone()),
                failed_at: Set(now),
            })
        })
        .collect();
    for some in dead.chunks(500) {
        dead_letter::Entity::insert_many(some.iter().cloned()).exec_without_returning(&tx).await?;
    }
    Ok(())
}
