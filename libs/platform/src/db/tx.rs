//! One running transaction.

use std::{
    collections::BTreeSet,
    sync::{
        Arc, Mutex, Weak,
        atomic::{AtomicBool, Ordering},
    },
};

use sea_orm::{
    ActiveValue::Set, ConnectionTrait, DbBackend, DbErr, EntityTrait, ExecResult, QueryResult, QueryTrait, Statement,
};
use sea_orm_migration::async_trait::async_trait;
use souk_contracts::events::Event;
use souk_kernel::{Clock, EventId, Timestamp};

#[cfg(feature = "cluster")]
use super::server;
use super::{
    conflict::Conflict,
    failure,
    held::{Answer, Held, unprepared},
    outbox,
    schema::inbox,
};
use crate::{context::Context, events::Receipt};

/// A running transaction: a connection for queries, and the outbox. Clones are the same transaction.
#[derive(Clone)]
pub struct Tx {
    connection: Weak<Open>,
    published: Arc<Mutex<Vec<outbox::Model>>>,
    /// Statements that were added and have not run yet.
    deferred: Arc<Mutex<Vec<Deferred>>>,
    /// Whether what is usually so is taken for granted until the statement runs.
    presumes: bool,
    notes: Arc<Notes>,
    context: Context,
    now: Timestamp,
}

/// Where the statements of a transaction go. It is theirs for as long as this is there.
pub(super) enum Open {
    /// To the connection that writes to a file.
    File(Arc<Held>),
    /// To a transaction of a server.
    #[cfg(feature = "cluster")]
    Server(server::Transaction),
}

impl Open {
    fn backend(&self) -> DbBackend {
        match self {
            Self::File(_) => DbBackend::Sqlite,
            #[cfg(feature = "cluster")]
            Self::Server(transaction) => transaction.backend(),
        }
    }
}

/// A statement that goes with a later one.
pub(super) struct Deferred {
    pub statement: Statement,
    /// How many rows it has to change at least.
    #[cfg_attr(not(feature = "cluster"), expect(dead_code, reason = "nothing is presumed of a file"))]
    pub changes: usize,
}

/// What a transaction has done so far.
#[derive(Default)]
struct Notes {
    /// Whether anything was taken for granted.
    presumed: AtomicBool,
    /// Whether it has changed, or tried to change, anything.
    written: AtomicBool,
    /// Whether a statement failed: on most databases nothing can be done after that but to roll back.
    failed: AtomicBool,
    /// Whether the database is to blame for that.
    #[cfg(feature = "cluster")]
    cut_off: AtomicBool,
    /// Whether it stood in the way of another, and may succeed when run again.
    conflict: Mutex<Option<Conflict>>,
}

impl Tx {
    pub(super) fn new(connection: Weak<Open>, clock: &Clock, context: Context, presumes: bool) -> Self {
        Self {
            connection,
            published: Arc::default(),
            deferred: Arc::default(),
            presumes,
            notes: Arc::default(),
            context,
            now: clock.now(),
        }
    }

    pub(super) fn take_published(&self) -> Vec<outbox::Model> {
        std::mem::take(&mut *self.published.lock().expect("nothing panics while holding the list"))
    }

    pub(super) fn has_written(&self) -> bool {
        self.notes.written.load(Ordering::Relaxed)
    }

    /// Whether it took something for granted: if it fails, that may not have been so.
    #[cfg(feature = "cluster")]
    pub(super) fn has_presumed(&self) -> bool {
        self.notes.presumed.load(Ordering::Relaxed)
    }

    /// Whether one of its statements failed.
    #[cfg(feature = "cluster")]
    pub(super) fn has_failed(&self) -> bool {
        self.notes.failed.load(Ordering::Relaxed)
    }

    /// Whether one of its statements could not be asked, or not to its end.
    #[cfg(feature = "cluster")]
    pub(super) fn was_cut_off(&self) -> bool {
        self.notes.cut_off.load(Ordering::Relaxed)
    }

    /// Why it may succeed when it is run again.
    #[cfg(feature = "cluster")]
    pub(super) fn conflict(&self) -> Option<Conflict> {
        *self.notes.conflict.lock().expect("nothing panics while holding the note")
    }

    /// Notes what `sql` does, if it may do more than read.
    fn note(&self, sql: &str) {
        if !sql.trim_start().get(..6).is_some_and(|word| word.eq_ignore_ascii_case("select")) {
            self.notes.written.store(true, Ordering::Relaxed);
        }
    }

    /// Notes how a statement ended.
    fn ended<T>(&self, result: Result<T, DbErr>) -> Result<T, DbErr> {
        if let Err(error) = &result {
            self.notes.failed.store(true, Ordering::Relaxed);
            if failure::ends_transaction(error) {
                // What stood before it in the same transaction of the file may be gone: that has to run again.
                self.notes.written.store(true, Ordering::Relaxed);
            }
            #[cfg(feature = "cluster")]
            if failure::takes_time(error) {
                self.notes.cut_off.store(true, Ordering::Relaxed);
            }
            if let Some(conflict) = Conflict::of(error) {
                *self.notes.conflict.lock().expect("nothing panics while holding the note") = Some(conflict);
            }
        }
        result
    }

    /// The moment at which the transaction began.
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// Announces `event`; it is delivered if and only if the transaction commits.
    pub fn publish<E: Event>(&self, event: E) {
        self.put(&event, outbox::AT_ONCE);
    }

    /// Announces `event` at `at` or soon after: a timer.
    pub fn publish_at<E: Event>(&self, event: E, at: Timestamp) {
        self.put(&event, at.timestamp_micros().max(outbox::AT_ONCE + 1));
    }

    /// Puts an event that another process has announced into the outbox, for the consumers that the row names.
    #[cfg(feature = "cluster")]
    pub(crate) fn forward(&self, row: outbox::Model) {
        self.published.lock().expect("nothing panics while holding the list").push(row);
    }

    fn put<E: Event>(&self, event: &E, due_at: i64) {
        let data = serde_json::to_string(event).expect("events are plain data, which always encodes");
        let row = outbox::Model {
            // Given by the database.
            seq: 0,
            event_id: EventId::new(),
            kind: E::TYPE.to_owned(),
            subject: event.key(),
            happened_at: self.now,
            request_id: self.context.request_id.to_string(),
            data,
            due_at,
            pending: None,
            attempts: 0,
            error: None,
        };
        self.published.lock().expect("nothing panics while holding the list").push(row);
    }

    /// Notes that this consumer handles this event now. True the first time; false when it did so before: then change
    /// nothing.
    pub async fn accept(&self, receipt: Receipt) -> Result<bool, DbErr> {
        let row = received(receipt.consumer, receipt.event_id);
        self.changes(&inbox::Entity::insert(row).on_conflict_do_nothing()).await
    }

    /// Notes that this consumer handles these events now; gives those that it handles for the first time.
    pub async fn accept_all(&self, consumer: &str, mut events: BTreeSet<EventId>) -> Result<BTreeSet<EventId>, DbErr> {
        if !self.presumes && !events.is_empty() {
            let known = inbox::handled(self, consumer, events.iter().copied()).await?;
            for event in known {
                events.remove(&event);
            }
        }
        if events.is_empty() {
            return Ok(events);
        }
        let insert = inbox::Entity::insert_many(events.iter().map(|event| received(consumer, *event)));
        if self.presumes {
            self.notes.presumed.store(true, Ordering::Relaxed);
            let insert = insert.on_conflict_do_nothing();
            self.put_off(Deferred { statement: insert.build(self.get_database_backend()), changes: events.len() });
        } else {
            // Who was faster in between makes it fail, and it is run again.
            self.defer(&insert);
        }
        Ok(events)
    }

    /// Runs a statement that usually changes a row: true if it did, false if somebody was faster.
    ///
    /// On PostgreSQL that it did is taken for granted until it runs, with the next statement that does answer, or at the
    /// end. If it changed nothing, or anything else goes wrong, the transaction is rolled back and its work is run again;
    /// then, and elsewhere always, the answer is waited for. For what is rarely in vain: it saves a trip to the server.
    pub async fn changes(&self, query: &impl QueryTrait) -> Result<bool, DbErr> {
        let statement = query.build(self.get_database_backend());
        if !self.presumes {
            return Ok(self.execute_raw(statement).await?.rows_affected() > 0);
        }
        self.notes.presumed.store(true, Ordering::Relaxed);
        self.put_off(Deferred { statement, changes: 1 });
        Ok(true)
    }

    /// Whether rows may be read that would otherwise be locked, because what is written afterwards fails if they have changed
    /// since: by a number of theirs that is a key, or by [`Tx::changes`]. On PostgreSQL that is so until it did fail; then, and
    /// elsewhere always, they have to be locked. For what few want at the same time: it saves two trips to the server.
    pub fn need_not_lock(&self) -> bool {
        self.notes.presumed.fetch_or(self.presumes, Ordering::Relaxed);
        self.presumes
    }

    /// Adds a statement whose result nobody asks for. All that were added run in their order, together with the next
    /// statement that does answer or at the end; if one of them can't be done, the whole transaction fails.
    ///
    /// A trip to the connection costs more than what most statements do there.
    pub fn defer(&self, query: &impl QueryTrait) {
        let statement = query.build(self.get_database_backend());
        self.put_off(Deferred { statement, changes: 0 });
    }

    /// As [`Tx::defer`], for a statement that changes a row unless one has changed that [need not be locked](Tx::need_not_lock): then
    /// the transaction fails.
    pub fn defer_checked(&self, query: &impl QueryTrait) {
        let statement = query.build(self.get_database_backend());
        self.put_off(Deferred { statement, changes: usize::from(self.need_not_lock()) });
    }

    fn put_off(&self, deferred: Deferred) {
        self.notes.written.store(true, Ordering::Relaxed);
        self.deferred.lock().expect("nothing panics while holding the list").push(deferred);
    }

    /// Sends what was deferred on its way to the file.
    pub(super) async fn finish(&self) -> Result<(), DbErr> {
        match &*self.open().await? {
            Open::File(held) => self.ended(held.part().await),
            #[cfg(feature = "cluster")]
            Open::Server(_) => Ok(()),
        }
    }

    /// What was deferred and has not gone yet.
    pub(super) fn take_deferred(&self) -> Vec<Deferred> {
        std::mem::take(&mut *self.deferred.lock().expect("nothing panics while holding the list"))
    }

    /// Waits until no other transaction that called this with the same `what` is left, and keeps others that call it waiting
    /// until this one has ended: in a [guarded](super::Database::guarded) transaction, what is read after it is as they left it,
    /// and numbers that are given after it appear in their order.
    #[cfg_attr(
        not(feature = "cluster"),
        expect(unused_variables, clippy::unused_async, reason = "a file has one writer")
    )]
    pub async fn in_turn(&self, what: &str) -> Result<(), DbErr> {
        #[cfg(feature = "cluster")]
        if let Some(turn) = server::turn(self.get_database_backend(), what) {
            self.execute_raw(turn).await?;
        }
        Ok(())
    }

    fn upgrade(&self) -> Result<Arc<Open>, DbErr> {
        self.connection.upgrade().ok_or_else(|| DbErr::Custom("the transaction is over".to_owned()))
    }

    /// Where the next statement goes; what was deferred goes before it.
    #[cfg_attr(not(feature = "cluster"), expect(clippy::unused_async, reason = "a file takes it along"))]
    async fn open(&self) -> Result<Arc<Open>, DbErr> {
        let open = self.upgrade()?;
        // A deadlock ends the whole transaction on MariaDB, and what comes after it would be committed at once.
        #[cfg(feature = "cluster")]
        if self.has_failed() && open.backend() == DbBackend::MySql {
            return Err(server::went_on());
        }
        let deferred = self.take_deferred();
        match &*open {
            Open::File(held) => deferred.into_iter().for_each(|deferred| held.ahead(deferred.statement)),
            #[cfg(feature = "cluster")]
            Open::Server(transaction) => self.ended(transaction.execute_all(deferred).await)?,
        }
        Ok(open)
    }
}

fn received(consumer: &str, event_id: EventId) -> inbox::ActiveModel {
    inbox::ActiveModel { event_id: Set(event_id), consumer: Set(consumer.to_owned()) }
}

#[async_trait]
impl ConnectionTrait for Tx {
    fn get_database_backend(&self) -> DbBackend {
        self.connection.upgrade().map_or(DbBackend::Sqlite, |open| open.backend())
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        self.note(&statement.sql);
        self.ended(match &*self.open().await? {
            Open::File(held) => held.ask(statement).await.map(Answer::executed),
            #[cfg(feature = "cluster")]
            Open::Server(transaction) => transaction.execute(statement).await,
        })
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        self.note(sql);
        self.ended(match &*self.open().await? {
            Open::File(held) => held.ask(unprepared(sql)).await.map(Answer::executed),
            #[cfg(feature = "cluster")]
            Open::Server(transaction) => transaction.execute_unprepared(sql).await,
        })
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        self.note(&statement.sql);
        self.ended(match &*self.open().await? {
            Open::File(held) => held.ask(statement).await.map(Answer::one),
            #[cfg(feature = "cluster")]
            Open::Server(transaction) => transaction.query_one(statement).await,
        })
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        self.note(&statement.sql);
        self.ended(match &*self.open().await? {
            Open::File(held) => held.ask(statement).await.map(Answer::all),
            #[cfg(feature = "cluster")]
            Open::Server(transaction) => transaction.query_all(statement).await,
        })
    }
}

#[cfg(test)]
mod tests {
    use sea_orm::PaginatorTrait;
    use sea_orm_migration::{MigrationTrait, MigratorTrait};

    use super::*;
    use crate::db::Database;

    struct NoTables;
    impl MigratorTrait for NoTables {
        fn migrations() -> Vec<Box<dyn MigrationTrait>> {
            Vec::new()
        }
    }

    async fn open(folder: &tempfile::TempDir) -> Database {
        let url = format!("sqlite:{}", folder.path().join("test.db").display());
        Database::open::<NoTables>("test", &url, Clock::system()).await.unwrap()
    }

    fn insert(event_id: EventId, consumers: &[&str]) -> impl QueryTrait {
        inbox::Entity::insert_many(
            consumers
                .iter()
                .map(|consumer| inbox::ActiveModel { event_id: Set(event_id), consumer: Set((*consumer).to_owned()) }),
        )
    }

    #[tokio::test]
    async fn what_is_deferred_is_there_for_the_next_statement_and_after_the_end() {
        let folder = tempfile::tempdir().unwrap();
        let db = open(&folder).await;
        let id = EventId::new();
        let seen = db
            .transaction(move |tx| async move {
                tx.defer(&insert(id, &["a", "b"]));
                tx.defer(&inbox::Entity::delete_by_id((id, "a".to_owned())));
                tx.defer(&insert(id, &["c"]));
                let seen = inbox::Entity::find().count(&tx).await?;
                tx.defer(&insert(id, &["d"]));
                Ok::<_, DbErr>(seen)
            })
            .await
            .unwrap();
        assert_eq!(seen, 2, "in their order: a is gone");
        let kept = inbox::Entity::find().all(db.reader()).await.unwrap();
        assert_eq!(kept.into_iter().map(|row| row.consumer).collect::<Vec<_>>(), ["b", "c", "d"]);
    }

    #[tokio::test]
    async fn a_deferred_statement_that_fails_undoes_the_whole_transaction() {
        let folder = tempfile::tempdir().unwrap();
        let db = open(&folder).await;
        let id = EventId::new();
        let result = db
            .transaction(move |tx| async move {
                tx.defer(&insert(id, &["a"]));
                tx.defer(&insert(id, &["a"]));
                Ok::<_, DbErr>(())
            })
            .await;
        assert!(matches!(result.unwrap_err().sql_err(), Some(sea_orm::SqlErr::UniqueConstraintViolation(_))));
        assert_eq!(inbox::Entity::find().count(db.reader()).await.unwrap(), 0);
    }
}
