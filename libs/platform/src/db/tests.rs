use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use futures::FutureExt;
use sea_orm::{ConnectionTrait, DbErr, EntityTrait, PaginatorTrait};
use sea_orm_migration::{MigrationTrait, MigratorTrait};
use serde::{Deserialize, Serialize};
use souk_kernel::{Clock, ErrorKind, EventId, Problem};
use tokio_util::sync::CancellationToken;

use super::{Database, Tx, outbox};
use crate::events::{Backlog, Bus, Consumers, DeadLetters, Delivery, Event, Relay};

mod events;

struct NoTables;
impl MigratorTrait for NoTables {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        Vec::new()
    }
}

#[derive(Clone, Serialize, Deserialize)]
struct Counted {
    key: String,
    number: usize,
}
impl Event for Counted {
    const TYPE: &'static str = "test.counted";
    fn key(&self) -> String {
        self.key.clone()
    }
}

async fn open(folder: &tempfile::TempDir, clock: Clock) -> Database {
    let url = super::testing::url(folder.path(), "test").await;
    let db = Database::open::<NoTables>("test", &url, clock).await.unwrap();
    db.transaction(|tx| async move {
        tx.execute_unprepared("CREATE TABLE IF NOT EXISTS numbers (n INTEGER PRIMARY KEY)").await.map(|_| ())
    })
    .await
    .unwrap();
    db
}

async fn numbers(db: &Database) -> i64 {
    let statement =
        sea_orm::Statement::from_string(db.reader().get_database_backend(), "SELECT COUNT(*) AS c FROM numbers");
    db.reader().query_one_raw(statement).await.unwrap().unwrap().try_get("", "c").unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn several_events_are_accepted_at_once_each_for_the_first_time() {
    let folder = tempfile::tempdir().unwrap();
    let db = open(&folder, Clock::system()).await;
    let [one, two, three] = std::array::from_fn(|_| EventId::new());
    let accept = async |consumer: &'static str, events: Vec<EventId>, number: i32| {
        let accept = move |tx: Tx| async move {
            let first = tx.accept_all(consumer, events.into_iter().collect()).await?;
            tx.execute_unprepared(&format!("INSERT INTO numbers VALUES ({number})")).await?;
            Ok::<_, DbErr>(first)
        };
        db.guarded(accept).await.unwrap()
    };
    assert_eq!(accept("a", vec![one, two], 1).await, BTreeSet::from([one, two]));
    assert_eq!(accept("a", vec![one, two, three], 2).await, BTreeSet::from([three]), "two of them were there");
    assert_eq!(accept("a", vec![one, three], 3).await, BTreeSet::new());
    assert_eq!(accept("a", Vec::new(), 4).await, BTreeSet::new());
    assert_eq!(
        accept("b", vec![one, three], 5).await,
        BTreeSet::from([one, three]),
        "to another consumer they are new"
    );
    assert_eq!(numbers(&db).await, 5);
    // Several at once, of which each event is new to one.
    let all: Vec<BTreeSet<EventId>> =
        futures::future::join_all((6..14).map(|number| accept("c", vec![one, two, three], number))).await;
    let first: Vec<EventId> = all.into_iter().flatten().collect();
    assert_eq!(first.len(), 3, "{first:?}");
    assert_eq!(numbers(&db).await, 13);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_transaction_rolls_back_alone() {
    let folder = tempfile::tempdir().unwrap();
    let db = open(&folder, Clock::system()).await;
    let tasks: Vec<_> = (0..200)
        .map(|n| {
            let db = db.clone();
            tokio::spawn(async move {
                db.transaction(move |tx| async move {
                    tx.execute_unprepared(&format!("INSERT INTO numbers VALUES ({n})")).await?;
                    tx.publish(Counted { key: n.to_string(), number: n });
                    if n % 3 == 0 { Err(DbErr::Custom("no".to_owned())) } else { Ok(n) }
                })
                .await
            })
        })
        .collect();
    let mut kept = 0;
    for (n, task) in tasks.into_iter().enumerate() {
        let result = task.await.unwrap();
        assert_eq!(result.is_ok(), n % 3 != 0);
        kept += i64::from(result.is_ok());
    }
    assert_eq!(numbers(&db).await, kept);
    assert_eq!(outbox::Entity::find().count(db.reader()).await.unwrap(), u64::try_from(kept).unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_stands_before_a_failure_is_run_again_and_kept_once() {
    let folder = tempfile::tempdir().unwrap();
    let db = open(&folder, Clock::system()).await;
    if db.is_shared() {
        // Nothing stands before anything on a server.
        return;
    }
    let runs = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&runs);
    let ended = together(&db, move |tx, n| {
        counted.fetch_add(1, Ordering::SeqCst);
        async move {
            if n == 8 {
                // Nothing was written: there is nothing to undo.
                return Err(DbErr::Custom("at once".to_owned()));
            }
            tx.execute_unprepared(&format!("INSERT INTO numbers VALUES ({n})")).await?;
            if n == 5 { Err(DbErr::Custom("too late".to_owned())) } else { Ok(()) }
        }
    })
    .await;
    for (n, result) in ended.iter().enumerate() {
        assert_eq!(result.is_ok(), n != 5 && n != 8, "{n}");
    }
    assert_eq!(numbers(&db).await, 8);
    // All ten, and once more the sixth and the five before it.
    assert_eq!(runs.load(Ordering::SeqCst), 16);
}

/// Adds a number unless it is there: true when it was new.
async fn add(tx: &super::Tx, n: i64) -> Result<bool, DbErr> {
    use sea_orm::sea_query::{Alias, OnConflict, Query};
    let column = || Alias::new("n");
    let row = Query::insert().into_table(Alias::new("numbers")).columns([column()]).values_panic([n.into()]).to_owned();
    let nothing = OnConflict::column(column()).do_nothing_on([column()]).to_owned();
    let row = row.clone().on_conflict(nothing).to_owned();
    tx.changes(&Plain(row)).await
}

/// A statement that belongs to no entity.
struct Plain(sea_orm::sea_query::InsertStatement);

impl sea_orm::QueryTrait for Plain {
    type QueryStatement = sea_orm::sea_query::InsertStatement;
    fn query(&mut self) -> &mut Self::QueryStatement {
        &mut self.0
    }
    fn as_query(&self) -> &Self::QueryStatement {
        &self.0
    }
    fn into_query(self) -> Self::QueryStatement {
        self.0
    }
}

#[tokio::test]
async fn what_was_taken_for_granted_and_is_not_so_is_asked_again() {
    let folder = tempfile::tempdir().unwrap();
    let db = open(&folder, Clock::system()).await;
    let runs = Arc::new(AtomicUsize::new(0));
    let work = |n| {
        let runs = Arc::clone(&runs);
        move |tx: super::Tx| async move {
            runs.fetch_add(1, Ordering::SeqCst);
            if !add(&tx, n).await? {
                return Ok("known");
            }
            tx.publish(Counted { key: n.to_string(), number: 0 });
            // In vain where the number was there: so was this one.
            tx.execute_unprepared(&format!("INSERT INTO numbers VALUES ({})", -n)).await?;
            Ok::<_, DbErr>("new")
        }
    };
    assert_eq!(db.guarded(work(1)).await.unwrap(), "new");
    assert_eq!(runs.load(Ordering::SeqCst), 1, "it was so");
    assert_eq!(db.guarded(work(1)).await.unwrap(), "known");
    assert_eq!(db.transaction(work(1)).await.unwrap(), "known");
    assert_eq!(db.transaction(work(2)).await.unwrap(), "new");
    assert_eq!(numbers(&db).await, 4);
    assert_eq!(outbox::Entity::find().count(db.reader()).await.unwrap(), 2);
    let alone = |n| move |tx: super::Tx| async move { add(&tx, n).await };
    assert!(db.guarded(alone(3)).await.unwrap());
    assert!(!db.guarded(alone(3)).await.unwrap());
    let refused = |tx: super::Tx| async move {
        // A decision that rests on it is made again.
        if add(&tx, 3).await? { Err(DbErr::Custom("it is new".to_owned())) } else { Ok(()) }
    };
    assert_eq!(db.guarded(refused).await, Ok(()));
}

/// Transactions that share one commit: `work(0)` to `work(9)`, with what became of each.
async fn together<F, Fut>(db: &Database, work: F) -> Vec<Result<(), DbErr>>
where
    F: Fn(super::Tx, i64) -> Fut + Clone + Send + 'static,
    Fut: Future<Output = Result<(), DbErr>> + Send + 'static,
{
    let gate = Arc::new(tokio::sync::Barrier::new(2));
    let first = {
        let (gate, waited) = (Arc::clone(&gate), Arc::new(AtomicBool::new(false)));
        let (db, work) = (db.clone(), work.clone());
        let once = move |tx: super::Tx| async move {
            if !waited.swap(true, Ordering::SeqCst) {
                gate.wait().await;
                gate.wait().await;
            }
            work(tx, 0).await
        };
        tokio::spawn(async move { db.transaction(once).await })
    };
    gate.wait().await;
    let mut tasks = vec![first];
    for n in 1..10 {
        let (own, work) = (db.clone(), work.clone());
        tasks.push(tokio::spawn(async move { own.transaction(move |tx| work(tx, n)).await }));
        while db.queue_depth() < usize::try_from(n).unwrap() {
            tokio::task::yield_now().await;
        }
    }
    gate.wait().await;
    let mut ended = Vec::new();
    for task in tasks {
        ended.push(task.await.unwrap());
    }
    ended
}

fn receipt(consumer: impl ToString) -> impl sea_orm::QueryTrait {
    use super::schema::inbox::{ActiveModel, Entity};
    let event_id = souk_kernel::EventId::derived("test");
    let consumer = sea_orm::ActiveValue::Set(consumer.to_string());
    Entity::insert(ActiveModel { event_id: sea_orm::ActiveValue::Set(event_id), consumer })
}

async fn receipts(db: &Database) -> Vec<String> {
    let rows = super::schema::inbox::Entity::find().all(db.reader()).await.unwrap();
    let mut consumers: Vec<_> = rows.into_iter().map(|row| row.consumer).collect();
    consumers.sort();
    consumers
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_left_behind_and_fails_takes_down_nobody_else() {
    let folder = tempfile::tempdir().unwrap();
    let db = open(&folder, Clock::system()).await;
    if db.is_shared() {
        return;
    }
    for with_question in [false, true] {
        let ended = together(&db, move |tx, n| async move {
            if with_question && n % 2 == 0 {
                tx.query_one_raw(sea_orm::Statement::from_string(sea_orm::DbBackend::Sqlite, "SELECT 1")).await?;
            }
            // The fifth writes what the second has written, and nobody waits for either.
            tx.defer(&receipt(format!("{with_question} {}", if n == 5 { 2 } else { n })));
            tx.publish(Counted { key: n.to_string(), number: 0 });
            Ok(())
        })
        .await;
        for (n, result) in ended.iter().enumerate() {
            assert_eq!(result.is_ok(), n != 5, "{n}: {result:?}");
        }
        let error = ended[5].as_ref().unwrap_err().sql_err();
        assert!(matches!(error, Some(sea_orm::SqlErr::UniqueConstraintViolation(_))), "{error:?}");
    }
    assert_eq!(receipts(&db).await.len(), 18);
    assert_eq!(outbox::Entity::find().count(db.reader()).await.unwrap(), 18);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_goes_away_from_a_statement_loses_nobody_elses_without_telling() {
    let folder = tempfile::tempdir().unwrap();
    let db = open(&folder, Clock::system()).await;
    if db.is_shared() {
        return;
    }
    let long = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n LIMIT 200000) SELECT COUNT(*) FROM n";
    let ended = together(&db, move |tx, n| async move {
        tx.defer(&receipt(n));
        if n == 4 {
            let question = tx.query_one_raw(sea_orm::Statement::from_string(sea_orm::DbBackend::Sqlite, long));
            assert!(question.now_or_never().is_none(), "it takes longer");
        }
        Ok(())
    })
    .await;
    let told: Vec<_> = (0..10).filter(|n| ended[*n].is_ok()).map(|n| n.to_string()).collect();
    assert_eq!(receipts(&db).await, told);
    assert!(ended[4].is_err());
    db.transaction(|tx| async move { tx.execute_unprepared("INSERT INTO numbers VALUES (1)").await }).await.unwrap();
    assert_eq!(numbers(&db).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_rolls_back_and_the_writer_lives_on() {
    let folder = tempfile::tempdir().unwrap();
    let db = open(&folder, Clock::system()).await;
    let panicked: Result<(), DbErr> = db
        .transaction(|tx| async move {
            tx.execute_unprepared("INSERT INTO numbers VALUES (1)").await?;
            panic!("on purpose")
        })
        .await;
    assert!(panicked.is_err());
    assert_eq!(numbers(&db).await, 0);
    db.transaction(|tx| async move { tx.execute_unprepared("INSERT INTO numbers VALUES (1)").await }).await.unwrap();
    assert_eq!(numbers(&db).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_begin_is_an_outage_and_what_comes_after_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("test.db");
    let db = Database::open::<NoTables>("test", &format!("sqlite:{}", path.display()), Clock::system()).await.unwrap();
    // Somebody else writes for longer than anybody waits, and never ends.
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(&path);
    let mut other = sqlx::ConnectOptions::connect(&options).await.unwrap();
    sqlx::query("BEGIN IMMEDIATE").execute(&mut other).await.unwrap();
    for listens in [true, false] {
        let write = db.transaction(move |tx| async move {
            let written = tx.execute_unprepared("CREATE TABLE one (n INTEGER)").await;
            if listens { written.map(drop) } else { Ok(()) }
        });
        let error: DbErr = write.await.unwrap_err();
        assert_eq!(super::problem("test", &error).kind, ErrorKind::Unavailable, "{error}");
    }
    sqlx::query("ROLLBACK").execute(&mut other).await.unwrap();
    db.transaction(|tx| async move { tx.execute_unprepared("CREATE TABLE one (n INTEGER)").await }).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_survives_its_caller() {
    let folder = tempfile::tempdir().unwrap();
    let db = open(&folder, Clock::system()).await;
    let (started, wait) = tokio::sync::oneshot::channel();
    let started = Arc::new(std::sync::Mutex::new(Some(started)));
    let caller = tokio::spawn({
        let db = db.clone();
        async move {
            db.transaction(move |tx| async move {
                if let Some(started) = started.lock().unwrap().take() {
                    let _ = started.send(());
                }
                for n in 0..100 {
                    tx.execute_unprepared(&format!("INSERT INTO numbers VALUES ({n})")).await?;
                }
                Ok::<_, DbErr>(())
            })
            .await
        }
    });
    wait.await.unwrap();
    caller.abort();
    // The next transaction comes after it on the same writer.
    db.transaction(|tx| async move { tx.execute_unprepared("INSERT INTO numbers VALUES (1000)").await }).await.unwrap();
    // On a server they run side by side.
    while db.is_shared() && numbers(&db).await < 101 {
        tokio::task::yield_now().await;
    }
    assert_eq!(numbers(&db).await, 101);
}

#[cfg(not(feature = "cluster"))]
#[tokio::test]
async fn an_engine_that_was_not_compiled_in_is_refused_with_the_setting_that_asks_for_it() {
    let connect = super::Connect {
        setting: "database.services.orders".to_owned(),
        ..super::Connect::to("postgres://souk:hunter2@db/souk")
    };
    let error = Database::connect::<NoTables>("orders", &connect, Clock::system()).await.err().unwrap().to_string();
    assert!(error.contains("database.services.orders") && error.contains("without the feature `cluster`"), "{error}");
    assert!(!error.contains("hunter2"), "{error}");
}
