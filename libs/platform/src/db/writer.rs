//! The one writer of a SQLite file: runs waiting transactions in batches, one commit for each batch.

use std::{
    panic::AssertUnwindSafe,
    sync::{Arc, PoisonError, Weak},
    time::Duration,
};

use futures::{FutureExt, future::BoxFuture};
use sea_orm::{DatabaseConnection, DbBackend, DbErr};
use souk_kernel::Clock;
use tokio::{
    sync::{Mutex, mpsc, oneshot},
    time::{Instant, timeout_at},
};

use super::{
    Fresh, Shared, Tx,
    held::{Held, Meter, left_running, unprepared},
    hurry::is_unhurried,
    outbox,
    tx::Open,
};

/// Transactions in one commit, at most.
const BATCH: usize = 64;
/// How long a commit that nobody waits for waits for others to share it.
const UNHURRIED: Duration = Duration::from_millis(20);
/// So many share it without waiting for more, which would save little: where much is to be done there are always more.
const ENOUGH: usize = 8;
/// Transactions that may wait before callers have to wait to queue up.
const QUEUE: usize = 4096;

/// Tells the caller how its transaction ended. `Err` when the commit itself failed.
type Settle = Box<dyn FnOnce(Result<(), DbErr>) + Send>;

/// What became of one transaction before the commit.
struct Outcome {
    end: End,
    events: Vec<outbox::Model>,
    settle: Settle,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Succeeded,
    /// Failed, and nothing has to be undone.
    FailedUntouched,
    Failed,
}

/// One transaction, its types erased. It may be run again when what it did was rolled back.
pub(super) struct Job {
    run: Box<dyn FnMut(Weak<Open>) -> BoxFuture<'static, Outcome> + Send>,
    /// Tells the caller that it can't be run.
    fail: Box<dyn FnOnce(DbErr) + Send>,
    unhurried: bool,
}

impl Job {
    pub fn new<T, E, F, Fut>(clock: Clock, work: F, answer: oneshot::Sender<Result<T, E>>) -> Self
    where
        F: FnOnce(Tx) -> Fut + Clone + Send + 'static,
        Fut: Future<Output = Result<T, E>> + Send + 'static,
        T: Send + 'static,
        E: From<DbErr> + Send + 'static,
    {
        let context = crate::context::current();
        let answer = Arc::new(Answer(std::sync::Mutex::new(Some(answer))));
        let failed = Arc::clone(&answer);
        let run = move |connection: Weak<Open>| {
            let (work, answer) = (work.clone(), Arc::clone(&answer));
            // Statements that go together are one text to the connection, which has to be read anew unless it knows it: more
            // of them together would save trips, and cost as much.
            let tx = Tx::new(connection, &clock, context.clone(), false);
            async move {
                let result = AssertUnwindSafe(work(tx.clone())).catch_unwind().await.unwrap_or_else(|_| {
                    tracing::error!("a transaction panicked");
                    Err(DbErr::Custom("the transaction panicked".to_owned()).into())
                });
                let result = match result {
                    Ok(value) => tx.finish().await.map(|()| value).map_err(E::from),
                    Err(error) => Err(error),
                };
                match result {
                    Ok(value) => Outcome {
                        end: End::Succeeded,
                        events: tx.take_published(),
                        settle: Box::new(move |commit| answer.send(commit.map(|()| value).map_err(E::from))),
                    },
                    Err(error) => Outcome {
                        end: if tx.has_written() { End::Failed } else { End::FailedUntouched },
                        events: Vec::new(),
                        settle: Box::new(move |_| answer.send(Err(error))),
                    },
                }
            }
            .boxed()
        };
        let fail = Box::new(move |error| failed.send(Err(E::from(error))));
        Self { run: Box::new(run), fail, unhurried: is_unhurried() }
    }
}

/// Where the caller waits; shared by the runs of its job, of which one counts.
struct Answer<T>(std::sync::Mutex<Option<oneshot::Sender<T>>>);

impl<T> Answer<T> {
    fn send(&self, value: T) {
        if let Some(sender) = self.0.lock().unwrap_or_else(PoisonError::into_inner).take() {
            // A caller that went away does not want the answer.
            let _ = sender.send(value);
        }
    }
}

/// The queue in front of the writer's task.
pub(super) struct Writer {
    queue: Mutex<Option<mpsc::Sender<Job>>>,
    /// The same sender without the lock, for the hot path; weak, so that closing ends the task.
    fast: mpsc::WeakSender<Job>,
    task: Mutex<Option<tokio::task::JoinHandle<()>>>,
}

impl Writer {
    pub fn start(pool: DatabaseConnection, shared: &Weak<Shared>, service: &'static str) -> Self {
        let connection = Connection { pool, held: None, meter: Meter { service, pool: "writer" } };
        let (sender, receiver) = mpsc::channel(QUEUE);
        let fast = sender.downgrade();
        let task = tokio::spawn(run(connection, receiver, shared.clone()));
        Self { queue: Mutex::new(Some(sender)), fast, task: Mutex::new(Some(task)) }
    }

    pub async fn submit(&self, job: Job) -> Result<(), DbErr> {
        let closed = || DbErr::Custom("the database is closed".to_owned());
        self.fast.upgrade().ok_or_else(closed)?.send(job).await.map_err(|_| closed())
    }

    pub fn depth(&self) -> usize {
        self.fast.upgrade().map_or(0, |sender| sender.max_capacity() - sender.capacity())
    }

    /// Lets the waiting transactions end, then the writer.
    pub async fn close(&self) {
        self.queue.lock().await.take();
        if let Some(task) = self.task.lock().await.take()
            && let Err(error) = task.await
        {
            tracing::error!(%error, "the writer ended badly");
        }
    }
}

async fn run(mut connection: Connection, mut queue: mpsc::Receiver<Job>, shared: Weak<Shared>) {
    while let Some(first) = queue.recv().await {
        let published = batch(&mut connection, first, &mut queue).await;
        if let (Some(fresh), Some(shared)) = (published, shared.upgrade()) {
            shared.fresh.lock().unwrap_or_else(PoisonError::into_inner).add(fresh);
            shared.published.notify_one();
        }
    }
    connection.close().await;
}

/// The connection that writes.
struct Connection {
    pool: DatabaseConnection,
    held: Option<Arc<Held>>,
    meter: Meter,
}

impl Connection {
    async fn begin(&mut self, guarded: bool) -> Result<Arc<Held>, DbErr> {
        let held = match &self.held {
            Some(held) => Arc::clone(held),
            None => Arc::clone(self.held.insert(Arc::new(Held::take(&self.pool, self.meter).await?))),
        };
        held.begin(guarded);
        if guarded && let Err(error) = held.flush().await {
            drop(held);
            self.let_go().await;
            return Err(error);
        }
        Ok(held)
    }

    /// Closes a connection that may not be good any more.
    async fn let_go(&mut self) {
        if let Some(held) = self.held.take().and_then(Arc::into_inner) {
            held.close().await;
        }
    }

    async fn close(mut self) {
        self.let_go().await;
        if let Err(error) = self.pool.close().await {
            tracing::warn!(%error, "closing the writer's connection failed");
        }
    }
}

/// Runs up to [`BATCH`] transactions and commits them together. Gives the events that were published.
///
/// They run one after another without savepoints, which would cost two statements each, and what one leaves behind that
/// nobody waits for goes to the connection with the next one's first question. When one fails after it has written while
/// others stand before it, which is rare, all is rolled back, and these few run once more, each in a savepoint of its own.
async fn batch(connection: &mut Connection, first: Job, queue: &mut mpsc::Receiver<Job>) -> Option<Fresh> {
    let mut batch = Batch::new(connection);
    let mut next = Some(first);
    let mut count = 0;
    let mut unhurried = true;
    let mut commit_at = None;
    while let Some(job) = next.take() {
        count += 1;
        unhurried &= job.unhurried;
        match batch.run(job).await {
            Ran::Done => {}
            Ran::Spoiled(jobs) => return again(batch.connection, jobs).await,
            Ran::Broken(_) => return None,
        }
        if count < BATCH {
            next = queue.try_recv().ok();
            if next.is_none() && unhurried && count < ENOUGH {
                let at = *commit_at.get_or_insert_with(|| Instant::now() + UNHURRIED);
                next = timeout_at(at, queue.recv()).await.unwrap_or_default();
            } else if next.is_none() {
                // Whoever was about to write gets a place in this commit.
                tokio::task::yield_now().await;
                next = queue.try_recv().ok();
            }
        }
    }
    match batch.commit().await {
        Ok(published) => published,
        Err(jobs) => again(connection, jobs).await,
    }
}

/// The second run of a batch in which one failed.
async fn again(connection: &mut Connection, jobs: Vec<Job>) -> Option<Fresh> {
    let mut batch = Batch { guarded: true, ..Batch::new(connection) };
    let mut jobs = jobs.into_iter();
    while let Some(job) = jobs.next() {
        if let Ran::Broken(error) = batch.run(job).await {
            jobs.for_each(|job| (job.fail)(error.clone()));
            return None;
        }
    }
    // Nothing is left that could spoil a guarded batch at its end.
    batch.commit().await.unwrap_or_default()
}

/// Transactions that are to be committed together.
struct Batch<'a> {
    connection: &'a mut Connection,
    /// Whether each has a savepoint.
    guarded: bool,
    /// What transactions write to, and the connection behind it.
    open: Option<(Arc<Open>, Arc<Held>)>,
    kept: Vec<(Job, Settle)>,
    events: Vec<outbox::Model>,
}

enum Ran {
    Done,
    /// Everything was rolled back; these have to run again.
    Spoiled(Vec<Job>),
    /// The connection does not do what it is told; everybody so far has been told so.
    Broken(DbErr),
}

impl<'a> Batch<'a> {
    fn new(connection: &'a mut Connection) -> Self {
        Self { connection, guarded: false, open: None, kept: Vec::new(), events: Vec::new() }
    }

    async fn run(&mut self, mut job: Job) -> Ran {
        let (open, held) = match &self.open {
            Some(both) => both.clone(),
            None => match self.connection.begin(self.guarded).await {
                Ok(held) => self.open.insert((Arc::new(Open::File(Arc::clone(&held))), held)).clone(),
                Err(error) => {
                    tracing::error!(%error, "a batch of transactions could not begin");
                    (job.fail)(error.clone());
                    return Ran::Broken(error);
                }
            },
        };
        // Only what stands before it needs protection from it.
        let guarded = self.guarded && !self.kept.is_empty();
        let savepoint = if guarded { held.ask(unprepared("SAVEPOINT one")).await.err() } else { None };
        let outcome = (job.run)(Arc::downgrade(&open)).await;
        let end = match (savepoint, outcome.end) {
            (Some(error), _) => Err(error),
            (None, End::Succeeded) if guarded => held.ask(unprepared("RELEASE one")).await.map(drop),
            (None, _) if guarded => held.ask(unprepared("ROLLBACK TO one; RELEASE one")).await.map(drop),
            (None, _) => Ok(()),
        };
        let (spoiled, begun) = (held.spoiled(), held.has_begun());
        drop((open, held));
        if let Some(error) = spoiled.as_ref().filter(|_| !begun) {
            // Also where it made nothing of its statement's failure.
            (outcome.settle)(Err(error.clone()));
            self.abandon(error).await;
            self.connection.let_go().await;
            return Ran::Broken(error.clone());
        }
        if let Err(error) = end {
            (outcome.settle)(Err(error.clone()));
            self.abandon(&error).await;
            return Ran::Broken(error);
        }
        match outcome.end {
            _ if spoiled.is_some() && !self.guarded => return Ran::Spoiled(self.give_up(Some(job)).await),
            End::Succeeded => {
                self.events.extend(outcome.events);
                self.kept.push((job, outcome.settle));
            }
            End::Failed if !guarded && !self.kept.is_empty() => return Ran::Spoiled(self.give_up(Some(job)).await),
            End::Failed if !guarded => {
                self.roll_back().await;
                (outcome.settle)(Ok(()));
            }
            End::Failed | End::FailedUntouched => (outcome.settle)(Ok(())),
        }
        Ran::Done
    }

    /// Gives the events that were published, or the transactions that have to run again.
    async fn commit(mut self) -> Result<Option<Fresh>, Vec<Job>> {
        let Some((open, held)) = self.open.take() else { return Ok(None) };
        let mut events = std::mem::take(&mut self.events);
        let committed = match Arc::into_inner(open) {
            Some(_) => commit(&held, &mut events).await,
            // Whatever still has it could write into the next transaction.
            None => Err(left_running()),
        };
        let spoiled = held.has_begun() && held.spoiled().is_some();
        drop(held);
        match committed {
            Ok(()) => {
                metrics::histogram!("souk_db_batch_size").record(u32::try_from(self.kept.len()).unwrap_or(u32::MAX));
                for (_, settle) in self.kept {
                    settle(Ok(()));
                }
                Ok((!events.is_empty()).then_some(Fresh { rows: events, incomplete: false }))
            }
            Err(_) if spoiled && !self.guarded => Err(self.give_up(None).await),
            Err(error) => {
                self.abandon(&error).await;
                Ok(None)
            }
        }
    }

    /// Rolls back, for everything to run again.
    async fn give_up(&mut self, last: Option<Job>) -> Vec<Job> {
        self.roll_back().await;
        self.kept.drain(..).map(|(job, _)| job).chain(last).collect()
    }

    /// Gives everything back as failed.
    async fn abandon(&mut self, error: &DbErr) {
        tracing::error!(%error, "a batch of transactions was abandoned");
        self.roll_back().await;
        for (_, settle) in self.kept.drain(..) {
            settle(Err(error.clone()));
        }
    }

    async fn roll_back(&mut self) {
        self.open = None;
        let Some(held) = &self.connection.held else { return };
        let begun = held.has_begun();
        held.forget();
        if begun && let Err(error) = held.ask(unprepared("ROLLBACK")).await {
            // After some failures SQLite has done so by itself.
            tracing::warn!(%error, "a rollback failed");
            self.connection.let_go().await;
        }
    }
}

/// Writes `events` into the outbox, and commits. Numbers them.
async fn commit(held: &Held, events: &mut [outbox::Model]) -> Result<(), DbErr> {
    if events.is_empty() && held.is_untouched() {
        held.forget();
        return Ok(());
    }
    // It has one writer, and numbers the rows of one statement one after another.
    let number = |rows: &mut [outbox::Model], last: i64| {
        rows.iter_mut().rev().zip(0..).for_each(|(row, back)| row.seq = last - back);
    };
    let mut rest = events;
    while rest.len() > outbox::WRITTEN_TOGETHER {
        let (some, others) = rest.split_at_mut(outbox::WRITTEN_TOGETHER);
        let inserted = held.ask(outbox::insertion(DbBackend::Sqlite, some)).await?;
        number(some, inserted.last_row());
        rest = others;
    }
    if !rest.is_empty() {
        held.ahead(outbox::insertion(DbBackend::Sqlite, rest));
    }
    let committed = held.ask(unprepared("COMMIT")).await?;
    number(rest, committed.last_row());
    Ok(())
}
