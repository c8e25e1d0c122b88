//! Writing down how deliveries ended: done, to be tried again, or given up.

use std::{collections::BTreeMap, time::Duration};

use sea_orm::{ActiveValue::Set, ColumnTrait, DbErr, EntityTrait, QueryFilter};
use souk_kernel::Timestamp;
use tokio_util::sync::CancellationToken;

use super::{
    Refusal,
    lanes::{Lane, Lanes},
};
use crate::db::{Database, dead_letter, outbox};

/// Deliveries of one event to one consumer before it becomes a dead letter. With the pauses below: about three minutes.
const ATTEMPTS: i32 = 12;
/// Outages count up to here: they make the pauses longer (13 s), but leave a few tries for what the consumer itself says.
const OUTAGES: i32 = 8;
/// The first pause after a failure; it doubles up to [`LAST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LAST_PAUSE: Duration = Duration::from_mins(1);

/// How the deliveries of one row ended.
pub(super) struct Settled {
    pub row: outbox::Model,
    /// Consumers that did not take it.
    pub left: Vec<(String, Left)>,
}

/// Why a consumer did not take an event.
pub(super) enum Left {
    /// An earlier event of the key goes first.
    Waits,
    /// It can't be reached; asking again makes sense after the pause. That is no try.
    Unreachable(Duration),
    /// It said why.
    Refused(Refusal),
}

/// A lane that ended.
pub(super) struct Ended {
    pub subject: String,
    pub rows: Vec<Settled>,
}

impl Ended {
    /// Whether everybody took everything: then nothing that is to be written down holds back what comes after it.
    pub fn is_clean(&self) -> bool {
        self.rows.iter().all(|settled| settled.left.is_empty())
    }
}

/// What was written down about lanes that ended, and which rows these were.
pub(super) struct Settlement {
    verdicts: Vec<Verdict>,
    /// Keys of lanes that were not clean.
    held: Vec<String>,
    rows: Vec<i64>,
}

/// Writes down how lanes ended, in one transaction.
pub(super) async fn settle(db: Database, stop: CancellationToken, ended: Vec<Ended>) -> Settlement {
    let now = db.clock().now();
    let (mut verdicts, mut held) = (Vec::new(), Vec::new());
    for lane in ended {
        if !lane.is_clean() {
            held.push(lane.subject);
        }
        verdicts.extend(lane.rows.into_iter().map(|settled| Verdict::of(settled, now)));
    }
    let rows = verdicts.iter().map(|verdict| verdict.row.seq).collect();
    let mut pause = FIRST_PAUSE;
    while let Err(error) = db
        .guarded({
            let write = verdicts.clone();
            move |tx| record(tx, write, now)
        })
        .await
    {
        // Until it is written down, the rows stay taken: delivering them again would be harmless but in vain.
        tracing::error!(service = db.service(), %error, "settling deliveries failed");
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LAST_PAUSE);
        if stop.is_cancelled() && pause == LAST_PAUSE {
            break;
        }
    }
    Settlement { verdicts, held, rows }
}

/// A clean lane has ended: what comes after it can go on, before that is written down. Should the process die in between,
/// both are delivered once more, in their order, to consumers that know them.
pub(super) fn go_on(lanes: &mut Lanes, lane: &Ended) -> Option<Lane> {
    for settled in &lane.rows {
        lanes.done(&lane.subject, settled.row.seq);
    }
    lanes.end(lane.subject.clone())
}

/// The lanes that can go on now that others are settled.
pub(super) fn free(lanes: &mut Lanes, settled: Settlement) -> Vec<Lane> {
    for verdict in &settled.verdicts {
        match verdict.pending() {
            Some(pending) => lanes.wait(&verdict.row.subject, verdict.row.seq, pending),
            None => lanes.done(&verdict.row.subject, verdict.row.seq),
        }
    }
    lanes.settled(&settled.rows);
    settled.held.into_iter().filter_map(|subject| lanes.end(subject)).collect()
}

/// Consumers, as an outbox row lists them.
pub(super) fn consumers_of(pending: Option<&str>) -> Vec<String> {
    pending.into_iter().flat_map(|list| list.split(',')).map(str::to_owned).collect()
}

/// What is to be written about one row.
#[derive(Clone)]
struct Verdict {
    row: outbox::Model,
    retry: Option<Retry>,
    dead: BTreeMap<String, String>,
}

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Retry {
    pending: Vec<String>,
    due_at: i64,
    attempts: i32,
    error: Option<String>,
}

/// What a row's deliveries have come to.
struct Tries {
    count: i32,
    refused: bool,
    failed: bool,
    /// The longest pause that a consumer asks for that can't be reached.
    unreachable: Option<Duration>,
}

impl Tries {
    fn of(settled: &Settled) -> Self {
        let mut tries = Self { count: settled.row.attempts, refused: false, failed: false, unreachable: None };
        for (_, left) in &settled.left {
            match left {
                Left::Refused(refusal) => {
                    tries.refused = true;
                    tries.failed |= !refusal.outage;
                }
                Left::Unreachable(pause) => tries.unreachable = tries.unreachable.max(Some(*pause)),
                Left::Waits => {}
            }
        }
        if tries.failed || (tries.refused && tries.count < OUTAGES) {
            tries.count += 1;
        }
        tries
    }

    fn pause(&self) -> Duration {
        let exponent = u32::try_from((self.count - 1).clamp(0, 16)).unwrap_or(0);
        (FIRST_PAUSE * 2_u32.pow(exponent)).min(LAST_PAUSE)
    }
}

impl Verdict {
    fn of(settled: Settled, now: Timestamp) -> Self {
        let mut tries = Tries::of(&settled);
        let given_up = tries.failed && tries.count >= ATTEMPTS;
        let pause = if tries.refused && !given_up { tries.pause() } else { tries.unreachable.unwrap_or(tries.pause()) };
        let (mut pending, mut dead, mut last_error) = (Vec::new(), BTreeMap::new(), None);
        for (consumer, left) in settled.left {
            match left {
                Left::Refused(Refusal { error, outage: false }) if given_up => {
                    dead.insert(consumer, error);
                }
                Left::Refused(Refusal { error, .. }) => {
                    pending.push(consumer);
                    last_error.get_or_insert(error);
                }
                Left::Waits | Left::Unreachable(_) => pending.push(consumer),
            }
        }
        if given_up {
            // Those that are left have not been asked so often.
            tries.count = 0;
        }
        let due_at = now.timestamp_micros() + i64::try_from(pause.as_micros()).unwrap_or(i64::MAX);
        let retry =
            (!pending.is_empty()).then_some(Retry { pending, due_at, attempts: tries.count, error: last_error });
        Self { row: settled.row, retry, dead }
    }

    fn pending(&self) -> Option<Vec<String>> {
        self.retry.as_ref().map(|retry| retry.pending.clone())
    }
}

async fn record(tx: crate::db::Tx, verdicts: Vec<Verdict>, now: Timestamp) -> Result<(), DbErr> {
    let done: Vec<i64> =
        verdicts.iter().filter(|verdict| verdict.retry.is_none()).map(|verdict| verdict.row.seq).collect();
    for some in done.chunks(500) {
        tx.defer(&outbox::Entity::delete_many().filter(outbox::Column::Seq.is_in(some.iter().copied())));
    }
    // Rows that wait for the same thing (a consumer that can't be reached) are written in one go.
    let mut retries: BTreeMap<&Retry, Vec<i64>> = BTreeMap::new();
    for verdict in &verdicts {
        if let Some(retry) = &verdict.retry {
            retries.entry(retry).or_default().push(verdict.row.seq);
        }
    }
    for (retry, rows) in retries {
        for some in rows.chunks(500) {
            let change = outbox::ActiveModel {
                pending: Set(Some(retry.pending.join(","))),
                due_at: Set(retry.due_at),
                attempts: Set(retry.attempts),
                error: Set(retry.error.clone()),
                ..Default::default()
            };
            let these = outbox::Column::Seq.is_in(some.iter().copied());
            outbox::Entity::update_many().set(change).filter(these).exec(&tx).await?;
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
        let insert = dead_letter::Entity::insert_many(some.iter().cloned());
        // What was taken from a broker may be there twice.
        insert.on_conflict_do_nothing().exec_without_returning(&tx).await?;
    }
    Ok(())
}
