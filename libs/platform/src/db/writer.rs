//! The one writer of a SQLite file: runs waiting transactions in batches, one commit for each batch.

use std::{
    panic::AssertUnwindSafe,
    sync::{Arc, PoisonError, Weak},
};

use futures::{FutureExt, future::BoxFuture};
use sea_orm::{
    ActiveValue::NotSet, ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, EntityTrait,
    QueryTrait, SqliteTransactionMode, TransactionOptions, TransactionTrait,
};
use souk_kernel::Clock;
use tokio::sync::{Mutex, mpsc, oneshot};

use super::{Fresh, Shared, Tx, outbox};

/// Transactions in one commit, at most.
const BATCH: usize = 64;
/// Events written by one statement.
const EVENTS_AT_ONCE: usize = 1000;
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
    run: Box<dyn FnMut(Weak<DatabaseTransaction>) -> BoxFuture<'static, Outcome> + Send>,
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
        let run = move |connection: Weak<DatabaseTransaction>| {
            let (work, answer) = (work.clone(), Arc::clone(&answer));
            let tx = Tx::new(connection, &clock, context.clone());
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
        Self { run: Box::new(run) }
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
    pub fn start(connection: DatabaseConnection, shared: &Weak<Shared>) -> Self {
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

async fn run(connection: DatabaseConnection, mut queue: mpsc::Receiver<Job>, shared: Weak<Shared>) {
    while let Some(first) = queue.recv().await {
        let published = batch(&connection, first, &mut queue).await;
        if let (Some(fresh), Some(shared)) = (published, shared.upgrade()) {
            shared.fresh.lock().unwrap_or_else(PoisonError::into_inner).add(fresh);
            shared.published.notify_one();
        }
    }
    if let Err(error) = connection.close().await {
        tracing::warn!(%error, "closing the writer's connection failed");
    }
}

async fn begin(connection: &DatabaseConnection) -> Result<Arc<DatabaseTransaction>, DbErr> {
    // IMMEDIATE: the write lock is taken (and waited for) at the beginning, so that no statement in between can lose it.
    let options = TransactionOptions {
        sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
        ..TransactionOptions::default()
    };
    connection.begin_with_options(options).await.map(Arc::new)
}

/// Runs up to [`BATCH`] transactions and commits them together. Gives the events that were published.
///
/// They run one after another without savepoints, which would cost two statements each. When one fails after it has
/// written while others stand before it, which is rare, all is rolled back, and these few run once more, each in a
/// savepoint of its own.
async fn batch(connection: &DatabaseConnection, first: Job, queue: &mut mpsc::Receiver<Job>) -> Option<Fresh> {
    let mut batch = Batch::new(connection);
    let mut next = Some(first);
    let mut count = 0;
    while let Some(job) = next.take() {
        count += 1;
        match batch.run(job).await {
            Ran::Done => {}
            Ran::Spoiled(jobs) => return again(connection, jobs).await,
            Ran::Broken => return None,
        }
        if count < BATCH {
            next = queue.try_recv().ok();
            if next.is_none() {
                // Whoever was about to write gets a place in this commit.
                tokio::task::yield_now().await;
                next = queue.try_recv().ok();
            }
        }
    }
    batch.commit().await
}

/// The second run of a batch in which one failed.
async fn again(connection: &DatabaseConnection, jobs: Vec<Job>) -> Option<Fresh> {
    let mut batch = Batch { guarded: true, ..Batch::new(connection) };
    for job in jobs {
        if let Ran::Broken = batch.run(job).await {
            return None;
        }
    }
    batch.commit().await
}

/// Transactions that are to be committed together.
struct Batch<'a> {
    connection: &'a DatabaseConnection,
    /// Whether each has a savepoint.
    guarded: bool,
    open: Option<Arc<DatabaseTransaction>>,
    kept: Vec<(Job, Settle)>,
    events: Vec<outbox::Model>,
}

enum Ran {
    Done,
    /// Everything was rolled back; these have to run again.
    Spoiled(Vec<Job>),
    /// The connection does not do what it is told; everybody has been told so.
    Broken,
}

impl<'a> Batch<'a> {
    fn new(connection: &'a DatabaseConnection) -> Self {
        Self { connection, guarded: false, open: None, kept: Vec::new(), events: Vec::new() }
    }

    async fn run(&mut self, mut job: Job) -> Ran {
        let transaction = match &self.open {
            Some(transaction) => Arc::clone(transaction),
            None => match begin(self.connection).await {
                Ok(transaction) => Arc::clone(self.open.insert(transaction)),
                Err(error) => {
                    // Nothing can run: an empty transaction hands the error to the caller.
                    let outcome = (job.run)(Weak::new()).await;
                    (outcome.settle)(Err(error));
                    return Ran::Broken;
                }
            },
        };
        // Only what stands before it needs protection from it.
        let guarded = self.guarded && !self.kept.is_empty();
        let savepoint = if guarded { transaction.execute_unprepared("SAVEPOINT one").await.err() } else { None };
        let outcome = (job.run)(Arc::downgrade(&transaction)).await;
        let end = match (savepoint, outcome.end) {
            (Some(error), _) => Err(error),
            (None, End::Succeeded) if guarded => transaction.execute_unprepared("RELEASE one").await.map(|_| ()),
            (None, _) if guarded => transaction.execute_unprepared("ROLLBACK TO one; RELEASE one").await.map(|_| ()),
            (None, _) => Ok(()),
        };
        drop(transaction);
        if let Err(error) = end {
            (outcome.settle)(Err(error.clone()));
            self.abandon(&error).await;
            return Ran::Broken;
        }
        match outcome.end {
            End::Succeeded => {
                self.events.extend(outcome.events);
                self.kept.push((job, outcome.settle));
            }
            End::Failed if !guarded && !self.kept.is_empty() => {
                rollback(self.open.take()).await;
                let jobs = self.kept.drain(..).map(|(job, _)| job).chain([job]).collect();
                return Ran::Spoiled(jobs);
            }
            End::Failed if !guarded => {
                rollback(self.open.take()).await;
                (outcome.settle)(Ok(()));
            }
            End::Failed | End::FailedUntouched => (outcome.settle)(Ok(())),
        }
        Ran::Done
    }

    /// Gives the events that were published.
    async fn commit(mut self) -> Option<Fresh> {
        let transaction = self.open.take()?;
        let published = match publish(&transaction, std::mem::take(&mut self.events)).await {
            Ok(published) => published,
            Err(error) => {
                self.open = Some(transaction);
                self.abandon(&error).await;
                return None;
            }
        };
        let result = match Arc::try_unwrap(transaction) {
            Ok(transaction) => transaction.commit().await,
            Err(_) => Err(DbErr::Custom("a transaction left a statement running behind".to_owned())),
        };
        if let Err(error) = &result {
            tracing::error!(%error, "a commit failed");
        }
        metrics::histogram!("souk_db_batch_size").record(u32::try_from(self.kept.len()).unwrap_or(u32::MAX));
        for (_, settle) in self.kept {
            settle(result.clone());
        }
        result.ok().and(published)
    }

    /// Gives everything back as failed.
    async fn abandon(&mut self, error: &DbErr) {
        tracing::error!(%error, "a batch of transactions was abandoned");
        rollback(self.open.take()).await;
        for (_, settle) in self.kept.drain(..) {
            settle(Err(error.clone()));
        }
    }
}

/// Writes events into the outbox.
pub(super) async fn publish(
    transaction: &DatabaseTransaction,
    mut events: Vec<outbox::Model>,
) -> Result<Option<Fresh>, DbErr> {
    let mut numbered = true;
    // Databases bind a limited number of values in one statement (SQLite 32,766).
    for some in events.chunks_mut(EVENTS_AT_ONCE) {
        let rows = some.iter().map(|row| outbox::ActiveModel { seq: NotSet, ..row.clone().into() });
        let insert = outbox::Entity::insert_many(rows).into_query();
        let inserted = transaction.execute(&insert).await?;
        match transaction.get_database_backend() {
            // It has one writer, and numbers the rows of one statement one after another.
            DbBackend::Sqlite => {
                let last = i64::try_from(inserted.last_insert_id()).unwrap_or(i64::MAX);
                some.iter_mut().rev().zip(0..).for_each(|(row, back)| row.seq = last - back);
            }
            _ => numbered = false,
        }
    }
    let published = !events.is_empty();
    let rows = if numbered { events } else { Vec::new() };
    Ok(published.then_some(Fresh { rows, incomplete: !numbered }))
}

pub(super) async fn rollback(transaction: Option<Arc<DatabaseTransaction>>) {
    if let Some(transaction) = transaction.and_then(Arc::into_inner)
        && let Err(error) = transaction.rollback().await
    {
        tracing::error!(%error, "a rollback failed");
    }
}
