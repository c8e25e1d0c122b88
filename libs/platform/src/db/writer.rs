//! The one writer of a SQLite file: runs waiting transactions in batches, one commit for each batch.

use std::{
    panic::AssertUnwindSafe,
    sync::{Arc, Weak},
};

use futures::{FutureExt, future::BoxFuture};
use sea_orm::{
    ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbErr, EntityTrait, SqliteTransactionMode,
    TransactionOptions, TransactionTrait,
};
use souk_kernel::Clock;
use tokio::sync::{Mutex, mpsc, oneshot};

use super::{Shared, Tx, outbox};

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
    wrote: bool,
    events: Vec<outbox::ActiveModel>,
    settle: Settle,
}

/// One transaction, its types erased.
pub(super) struct Job {
    run: Box<dyn FnOnce(Weak<DatabaseTransaction>) -> BoxFuture<'static, Outcome> + Send>,
}

impl Job {
    pub fn new<T, E, F, Fut>(clock: Clock, work: F, answer: oneshot::Sender<Result<T, E>>) -> Self
    where
        F: FnOnce(Tx) -> Fut + Send + 'static,
        Fut: Future<Output = Result<T, E>> + Send + 'static,
        T: Send + 'static,
        E: From<DbErr> + Send + 'static,
    {
        let context = crate::context::current();
        let run = move |connection: Weak<DatabaseTransaction>| {
            async move {
                let tx = Tx::new(connection, &clock, context);
                let result = AssertUnwindSafe(work(tx.clone())).catch_unwind().await.unwrap_or_else(|_| {
                    tracing::error!("a transaction panicked");
                    Err(DbErr::Custom("the transaction panicked".to_owned()).into())
                });
                match result {
                    Ok(value) => Outcome {
                        wrote: true,
                        events: tx.take_published(),
                        settle: Box::new(move |commit| {
                            // A caller that went away does not want the answer.
                            let _ = answer.send(commit.map(|()| value).map_err(E::from));
                        }),
                    },
                    Err(error) => Outcome {
                        wrote: false,
                        events: Vec::new(),
                        settle: Box::new(move |_| {
                            let _ = answer.send(Err(error));
                        }),
                    },
                }
            }
            .boxed()
        };
        Self { run: Box::new(run) }
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
        let committed = batch(&connection, first, &mut queue).await;
        if committed && let Some(shared) = shared.upgrade() {
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

/// Runs up to [`BATCH`] transactions and commits them together. True when events were published.
async fn batch(connection: &DatabaseConnection, first: Job, queue: &mut mpsc::Receiver<Job>) -> bool {
    let mut kept: Vec<Settle> = Vec::new();
    let mut events: Vec<outbox::ActiveModel> = Vec::new();
    let mut open: Option<Arc<DatabaseTransaction>> = None;
    let mut next = Some(first);
    let mut count = 0;
    while let Some(job) = next.take() {
        count += 1;
        let transaction = match &open {
            Some(transaction) => Arc::clone(transaction),
            None => match begin(connection).await {
                Ok(transaction) => Arc::clone(open.insert(transaction)),
                Err(error) => {
                    // Nothing ran: an empty transaction hands the error to the caller.
                    let outcome = (job.run)(Weak::new()).await;
                    (outcome.settle)(Err(error));
                    break;
                }
            },
        };
        // Only what stands before it needs protection from it.
        let guarded = !kept.is_empty();
        let savepoint = if guarded { transaction.execute_unprepared("SAVEPOINT one").await.err() } else { None };
        let outcome = (job.run)(Arc::downgrade(&transaction)).await;
        let end = match (savepoint, guarded, outcome.wrote) {
            (Some(error), _, _) => Err(error),
            (None, true, true) => transaction.execute_unprepared("RELEASE one").await.map(|_| ()),
            (None, true, false) => transaction.execute_unprepared("ROLLBACK TO one; RELEASE one").await.map(|_| ()),
            (None, false, _) => Ok(()),
        };
        drop(transaction);
        match end {
            Err(error) => {
                // The connection no longer does what it is told: give everything in this batch back as failed.
                (outcome.settle)(Err(error.clone()));
                abandon(open.take(), kept, &error).await;
                return false;
            }
            Ok(()) if outcome.wrote => {
                events.extend(outcome.events);
                kept.push(outcome.settle);
            }
            Ok(()) => {
                (outcome.settle)(Ok(()));
                if !guarded && let Some(transaction) = open.take() {
                    rollback(transaction).await;
                }
            }
        }
        if count < BATCH {
            next = queue.try_recv().ok();
        }
    }
    let Some(transaction) = open else { return false };
    let published = !events.is_empty();
    // Databases bind a limited number of values in one statement (SQLite 32,766).
    let mut rows = events.into_iter().peekable();
    while rows.peek().is_some() {
        let some: Vec<_> = rows.by_ref().take(EVENTS_AT_ONCE).collect();
        if let Err(error) = outbox::Entity::insert_many(some).exec_without_returning(&*transaction).await {
            abandon(Some(transaction), kept, &error).await;
            return false;
        }
    }
    let result = match Arc::try_unwrap(transaction) {
        Ok(transaction) => transaction.commit().await,
        Err(_) => Err(DbErr::Custom("a transaction left a statement running behind".to_owned())),
    };
    if let Err(error) = &result {
        tracing::error!(%error, "a commit failed");
    }
    metrics::histogram!("souk_db_batch_size").record(u32::try_from(kept.len()).unwrap_or(u32::MAX));
    for settle in kept {
        settle(result.clone());
    }
    published && result.is_ok()
}

async fn rollback(transaction: Arc<DatabaseTransaction>) {
    if let Some(transaction) = Arc::into_inner(transaction)
        && let Err(error) = transaction.rollback().await
    {
        tracing::error!(%error, "a rollback failed");
    }
}

async fn abandon(open: Option<Arc<DatabaseTransaction>>, kept: Vec<Settle>, error: &DbErr) {
    tracing::error!(%error, "a batch of transactions was abandoned");
    if let Some(transaction) = open {
        rollback(transaction).await;
    }
    for settle in kept {
        settle(Err(error.clone()));
    }
}
