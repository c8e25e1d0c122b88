//! What was taken from the broker and is not done with: in order for each key, to the handlers.
//!
//! An event whose handler refuses it goes to the service's own outbox, whose relay tries it again. As long as it waits there,
//! what comes after it for the same key goes there too.

use std::{
    collections::{HashMap, HashSet, VecDeque, hash_map::Entry},
    sync::Arc,
    time::{Duration, Instant},
};

use lapin::Acker;
use sea_orm::{ColumnTrait, DbErr, EntityTrait, QueryFilter, QuerySelect};
use souk_kernel::EventId;
use tokio::{sync::Semaphore, task::JoinSet};
use tokio_util::sync::CancellationToken;

use super::tray::{FIRST_PAUSE, LAST_PAUSE};
use crate::{
    context,
    db::{Database, Tx, dead_letter, inbox, outbox},
    events::{Bus, Message, Refusal},
};

/// Keys whose events are handled side by side.
const SIDE_BY_SIDE: usize = 64;
/// How often the outbox is asked which keys still wait there.
const LOOK: Duration = Duration::from_secs(1);
/// Keys that are told apart while they wait; if there are more, everything goes to the outbox.
const KEYS: u64 = 10_000;

/// An event that the broker brought.
pub(super) struct Parcel {
    pub row: outbox::Model,
    /// Whether the broker may have brought it before.
    pub again: bool,
    pub acker: Acker,
}

/// Events that are handled, or stored.
pub(super) type Done = Vec<Acker>;

/// The events of one service that were taken and are not done with.
pub(super) struct Hands {
    bus: Bus,
    db: Database,
    /// Keys of which an event is being handled, with those that come after it.
    queues: HashMap<String, VecDeque<Parcel>>,
    running: JoinSet<Handled>,
    permits: Arc<Semaphore>,
    waiting: Waiting,
    stop: CancellationToken,
}

/// An event whose handler has ended.
pub(super) struct Handled {
    parcel: Parcel,
    result: Result<(), Refusal>,
}

/// Keys of which events wait in the outbox.
#[derive(Default)]
struct Waiting {
    keys: HashSet<String>,
    /// Too many to tell them apart.
    any: bool,
    /// When the outbox was asked. Until the first event, and again after a while without any, another process may have been the
    /// one that takes; and dead letters may have been put back.
    asked: Option<Instant>,
}

impl Waiting {
    fn holds(&self, key: &str) -> bool {
        self.any || self.keys.contains(key)
    }

    fn is_old(&self) -> bool {
        self.asked.is_none_or(|at| at.elapsed() > LOOK)
    }
}

impl Hands {
    pub fn new(bus: Bus, db: Database, stop: CancellationToken) -> Self {
        Self {
            bus,
            db,
            queues: HashMap::new(),
            running: JoinSet::new(),
            permits: Arc::new(Semaphore::new(SIDE_BY_SIDE)),
            waiting: Waiting::default(),
            stop,
        }
    }

    pub fn service(&self) -> &'static str {
        self.db.service()
    }

    /// Begins with events in the order in which they came; gives those that are done with.
    pub async fn take(&mut self, parcels: Vec<Parcel>) -> Done {
        metrics::counter!("souk_broker_events_taken_total", "consumer" => self.service())
            .increment(parcels.len() as u64);
        if !parcels.is_empty() && self.waiting.is_old() && self.ask().await.is_none() {
            return Done::new();
        }
        let mut stored = Vec::new();
        for parcel in parcels {
            match self.queues.entry(parcel.row.subject.clone()) {
                Entry::Occupied(mut before) => before.get_mut().push_back(parcel),
                Entry::Vacant(free) => {
                    if goes_behind(&self.waiting, &parcel) {
                        self.waiting.keys.insert(parcel.row.subject.clone());
                        stored.push(parcel);
                    } else {
                        free.insert(VecDeque::new());
                        self.start(parcel);
                    }
                }
            }
        }
        self.store(stored).await
    }

    /// The next event whose handler has ended; `None` when nothing is in hand.
    pub async fn done(&mut self) -> Option<Result<Handled, String>> {
        let handled = self.running.join_next().await?;
        // Handlers' panics are caught on the bus: this ends badly only when the runtime is going away.
        Some(handled.map_err(|error| error.to_string()))
    }

    /// Begins with what comes after it; gives the events that are done with.
    pub async fn go_on(&mut self, handled: Handled) -> Done {
        let Handled { parcel, result } = handled;
        let key = parcel.row.subject.clone();
        let (mut done, mut stored) = (Vec::new(), Vec::new());
        match result {
            Ok(()) => done.push(parcel.acker),
            Err(refusal) => {
                let consumer = self.service();
                tracing::warn!(event_id = %parcel.row.event_id, kind = %parcel.row.kind, consumer, error = refusal.error,
                    "an event was not taken; the relay tries it again");
                self.waiting.keys.insert(key.clone());
                stored.push(parcel);
            }
        }
        let mut queue = self.queues.remove(&key).unwrap_or_default();
        while let Some(next) = queue.pop_front() {
            if goes_behind(&self.waiting, &next) {
                self.waiting.keys.insert(key.clone());
                stored.push(next);
            } else {
                self.queues.insert(key, queue);
                self.start(next);
                break;
            }
        }
        done.extend(self.store(stored).await);
        done
    }

    fn start(&mut self, parcel: Parcel) {
        let (bus, consumer, permits) = (self.bus.clone(), self.service(), Arc::clone(&self.permits));
        self.running.spawn(async move {
            let _permit = permits.acquire().await.expect("the semaphore is never closed");
            let row = &parcel.row;
            let message = Message {
                event_id: row.event_id,
                kind: row.kind.clone(),
                subject: row.subject.clone(),
                time: row.happened_at,
                data: row.data.clone(),
                attempt: 1,
            };
            let request = context::Context { request_id: row.request_id.as_str().into(), client_ip: None };
            let result = context::scope(request, bus.deliver_here(consumer, &message)).await;
            let result = result.unwrap_or_else(|| Err(Refusal::of(format!("{consumer} is not in this process"))));
            metrics::counter!("souk_event_deliveries_total", "type" => message.kind, "consumer" => consumer,
                "result" => if result.is_ok() { "ok" } else { "error" })
            .increment(1);
            Handled { parcel, result }
        });
    }

    /// Stores events in the outbox, however long the database is away; what can't be stored before the process stops, the
    /// broker keeps.
    async fn store(&self, parcels: Vec<Parcel>) -> Done {
        let (rows, ackers): (Vec<_>, Vec<_>) = parcels.into_iter().map(|parcel| (parcel.row, parcel.acker)).unzip();
        if rows.is_empty() {
            return ackers;
        }
        let service = self.service();
        let store = || {
            let rows = rows.clone();
            self.db.guarded(move |tx| store(tx, service, rows))
        };
        match self.until_done("storing events from the broker", store).await {
            Some(()) => ackers,
            None => Done::new(),
        }
    }

    /// Asks which keys have events that wait in the outbox; `None` when the process stops before there is an answer.
    async fn ask(&mut self) -> Option<()> {
        let (service, reader) = (self.service(), self.db.reader());
        let ask = || {
            outbox::Entity::find()
                .select_only()
                .column(outbox::Column::Subject)
                .distinct()
                .filter(outbox::Column::Pending.eq(service))
                .limit(KEYS)
                .into_tuple::<String>()
                .all(reader)
        };
        let keys = self.until_done("asking which events wait", ask).await?;
        self.waiting =
            Waiting { any: keys.len() as u64 == KEYS, keys: keys.into_iter().collect(), asked: Some(Instant::now()) };
        Some(())
    }

    /// Tries until it succeeds; `None` when the process stops before.
    async fn until_done<T, F: Future<Output = Result<T, DbErr>>>(
        &self,
        what: &str,
        mut work: impl FnMut() -> F,
    ) -> Option<T> {
        let mut pause = FIRST_PAUSE;
        loop {
            match work().await {
                Ok(value) => return Some(value),
                Err(error) => tracing::error!(service = self.service(), %error, "{what} failed; it is tried again"),
            }
            tokio::select! {
                () = self.stop.cancelled() => return None,
                () = tokio::time::sleep(pause) => {}
            }
            pause = (pause * 2).min(LAST_PAUSE);
        }
    }
}

impl Drop for Hands {
    fn drop(&mut self) {
        // What was begun is better ended: the broker brings it again, but then it need not be done.
        self.running.detach_all();
    }
}

/// Whether an event goes to the outbox unseen: behind another one of its key, or because it may be there already.
fn goes_behind(waiting: &Waiting, parcel: &Parcel) -> bool {
    parcel.again || waiting.holds(&parcel.row.subject)
}

/// Stores those that are new.
async fn store(tx: Tx, service: &'static str, rows: Vec<outbox::Model>) -> Result<(), DbErr> {
    // Two processes that were sent the same events see each other's.
    tx.in_turn(service).await?;
    let ids = || rows.iter().map(|row| row.event_id);
    let taken = inbox::handled(&tx, service, ids()).await?;
    let given_up: Vec<EventId> = dead_letter::Entity::find()
        .select_only()
        .column(dead_letter::Column::EventId)
        .filter(dead_letter::Column::EventId.is_in(ids()))
        .filter(dead_letter::Column::Consumer.eq(service))
        .into_tuple()
        .all(&tx)
        .await?;
    let waiting: Vec<EventId> = outbox::Entity::find()
        .select_only()
        .column(outbox::Column::EventId)
        .filter(outbox::Column::EventId.is_in(ids()))
        .filter(outbox::Column::Pending.eq(service))
        .into_tuple()
        .all(&tx)
        .await?;
    let mut known: HashSet<EventId> = taken.into_iter().chain(given_up).chain(waiting).collect();
    for row in rows {
        if known.insert(row.event_id) {
            tx.forward(row);
        }
    }
    Ok(())
}
