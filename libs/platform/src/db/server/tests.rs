//! What only a server does. Without one (`SOUK_TEST_DATABASE_URL`) these tests say nothing.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use sea_orm::{
    ActiveValue::Set, ConnectionTrait, DbBackend, DbErr, EntityTrait, FromQueryResult, JsonValue, PaginatorTrait,
    Statement, TryInsertResult,
};
use sea_orm_migration::{MigrationTrait, MigratorTrait, SchemaManager};
use serde::{Deserialize, Serialize};
use souk_kernel::{Clock, EventId, Problem, SellerId, TypedId};
use tokio::sync::Barrier;
use tokio_util::sync::CancellationToken;

use crate::{
    db::{
        Connect, Database, OpenError, Tx, Writing, inbox, outbox,
        server::{Connections, Sees},
        testing,
    },
    events::{Bus, Consumers, Delivery, Event, Relay},
};

struct NoTables;
impl MigratorTrait for NoTables {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        Vec::new()
    }
}

#[derive(Clone, Serialize, Deserialize)]
struct Counted(usize);
impl Event for Counted {
    const TYPE: &'static str = "test.counted";
    fn key(&self) -> String {
        "one".to_owned()
    }
}

/// The URL of a fresh database; nothing without a server.
async fn url() -> Option<String> {
    let folder = tempfile::tempdir().unwrap();
    testing::server_url(folder.path()).await.map(|url| url.expose().to_owned())
}

async fn open(url: &str) -> Database {
    let db = Database::open::<NoTables>("test", url, Clock::system()).await.unwrap();
    let make = |tx: Tx| async move {
        tx.execute_unprepared("CREATE TABLE IF NOT EXISTS stock (id INTEGER PRIMARY KEY, units BIGINT)").await
    };
    db.transaction(make).await.unwrap();
    db
}

async fn units(conn: &impl ConnectionTrait) -> Result<i64, DbErr> {
    let backend = conn.get_database_backend();
    let integer = if backend == DbBackend::MySql { "SIGNED" } else { "BIGINT" };
    let sql = format!("SELECT CAST(COALESCE(SUM(units), 0) AS {integer}) AS units FROM stock");
    let query = Statement::from_string(backend, sql);
    let row = JsonValue::find_by_statement(query).one(conn).await?;
    Ok(row.and_then(|row| row["units"].as_i64()).unwrap_or_default())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_transaction_read_holds_until_it_is_committed() {
    let Some(url) = url().await else { return };
    let db = open(&url).await;
    let adds: Vec<_> = (0..24)
        .map(|id| {
            let db = db.clone();
            tokio::spawn(async move {
                db.transaction(move |tx| async move {
                    if units(&tx).await? >= 5 {
                        return Ok(false);
                    }
                    tx.execute_unprepared(&format!("INSERT INTO stock VALUES ({id}, 1)")).await?;
                    Ok::<_, DbErr>(true)
                })
                .await
            })
        })
        .collect();
    let mut added = 0;
    for add in adds {
        added += i64::from(add.await.unwrap().unwrap());
    }
    assert_eq!((added, units(db.reader()).await.unwrap()), (5, 5), "each saw what those before it had added");
}

#[tokio::test(flavor = "multi_thread")]
async fn guarded_work_queues_for_a_row_that_many_want() {
    let Some(url) = url().await else { return };
    let db = open(&url).await;
    db.transaction(|tx| async move { tx.execute_unprepared("INSERT INTO stock VALUES (1, 10)").await }).await.unwrap();
    let runs = Arc::new(AtomicUsize::new(0));
    let takes: Vec<_> = (0..40)
        .map(|_| {
            let (db, runs) = (db.clone(), Arc::clone(&runs));
            tokio::spawn(async move {
                db.guarded(move |tx| async move {
                    runs.fetch_add(1, Ordering::SeqCst);
                    let take = "UPDATE stock SET units = units - 1 WHERE id = 1 AND units > 0";
                    tx.execute_unprepared(take).await.map(|done| done.rows_affected())
                })
                .await
            })
        })
        .collect();
    let mut taken = 0;
    for take in takes {
        taken += take.await.unwrap().unwrap();
    }
    assert_eq!((taken, units(db.reader()).await.unwrap()), (10, 0));
    assert_eq!(runs.load(Ordering::SeqCst), 40, "nobody was sacrificed");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_read_without_a_lock_what_others_changed_is_run_again_with_one() {
    let Some(url) = url().await else { return };
    let db = open(&url).await;
    let is_postgres = db.reader().get_database_backend() == DbBackend::Postgres;
    let (meet, runs) = (Arc::new(Barrier::new(2)), Arc::new(AtomicUsize::new(0)));
    let appends: Vec<_> = (0..2)
        .map(|_| {
            let (db, meet, runs) = (db.clone(), Arc::clone(&meet), Arc::clone(&runs));
            tokio::spawn(async move {
                db.guarded(move |tx| async move {
                    runs.fetch_add(1, Ordering::SeqCst);
                    let unlocked = tx.need_not_lock();
                    if !unlocked {
                        tx.in_turn("numbers").await?;
                    }
                    let next = inbox::Entity::find().count(&tx).await? + 1;
                    if unlocked {
                        meet.wait().await;
                    }
                    // Both write the same number, whose key lets one of them through.
                    let event_id = EventId::derived(&next.to_string());
                    let row = inbox::ActiveModel { event_id: Set(event_id), consumer: Set("ledger".to_owned()) };
                    tx.defer(&inbox::Entity::insert(row));
                    Ok::<_, DbErr>(())
                })
                .await
            })
        })
        .collect();
    for append in appends {
        append.await.unwrap().unwrap();
    }
    assert_eq!(inbox::Entity::find().count(db.reader()).await.unwrap(), 2, "each has its own number");
    assert_eq!(runs.load(Ordering::SeqCst), if is_postgres { 3 } else { 2 });
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_sacrificed_to_another_is_run_again() {
    let Some(url) = url().await else { return };
    let db = open(&url).await;
    db.transaction(|tx| async move { tx.execute_unprepared("INSERT INTO stock VALUES (1, 0), (2, 0)").await })
        .await
        .unwrap();
    let (meet, runs) = (Arc::new(Barrier::new(2)), Arc::new(AtomicUsize::new(0)));
    let change = |first: usize, second: usize| {
        let (db, meet, runs) = (db.clone(), Arc::clone(&meet), Arc::clone(&runs));
        tokio::spawn(async move {
            db.guarded(move |tx| async move {
                let add = |id: usize| format!("UPDATE stock SET units = units + 1 WHERE id = {id}");
                tx.execute_unprepared(&add(first)).await?;
                if runs.fetch_add(1, Ordering::SeqCst) < 2 {
                    meet.wait().await;
                }
                tx.execute_unprepared(&add(second)).await
            })
            .await
        })
    };
    for ended in futures::future::join_all([change(1, 2), change(2, 1)]).await {
        ended.unwrap().unwrap();
    }
    assert_eq!((units(db.reader()).await.unwrap(), runs.load(Ordering::SeqCst)), (4, 3));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_waits_for_too_long_is_told_so() {
    let Some(url) = url().await else { return };
    let holder = open(&url).await;
    holder
        .transaction(|tx| async move { tx.execute_unprepared("INSERT INTO stock VALUES (1, 0)").await })
        .await
        .unwrap();
    let mut connect = Connect::to(&url);
    connect.server.statement_timeout = Duration::from_secs(2);
    let db = Database::connect::<NoTables>("test", &connect, Clock::system()).await.unwrap();
    let take = "UPDATE stock SET units = units + 1 WHERE id = 1";
    let hanging = writers(&holder).begin(Sees::Committed).await.unwrap();
    hanging.execute_unprepared(take).await.unwrap();
    let waited = db.guarded(move |tx| async move { tx.execute_unprepared(take).await });
    waited.await.expect_err("the row is locked");
    hanging.commit().await.unwrap();
    holder.guarded(move |tx| async move { tx.execute_unprepared(take).await }).await.unwrap();
    assert_eq!(units(db.reader()).await.unwrap(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_that_goes_on_after_an_error_is_not_taken_for_done() {
    let Some(url) = url().await else { return };
    let db = open(&url).await;
    let result = db
        .transaction(|tx| async move {
            tx.execute_unprepared("INSERT INTO stock VALUES (1, 1)").await?;
            let _ = tx.execute_unprepared("INSERT INTO nowhere VALUES (1)").await;
            let _ = tx.execute_unprepared("INSERT INTO stock VALUES (2, 1)").await;
            Ok::<_, DbErr>(())
        })
        .await;
    assert!(result.is_err());
    assert_eq!(units(db.reader()).await.unwrap(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_takes_turns_sees_what_those_before_left() {
    let Some(url) = url().await else { return };
    let db = open(&url).await;
    let adds: Vec<_> = (0..24)
        .map(|_| {
            let db = db.clone();
            tokio::spawn(async move {
                db.guarded(move |tx| async move {
                    tx.in_turn("numbers").await?;
                    let next = units(&tx).await? + 1;
                    tx.execute_unprepared(&format!("INSERT INTO stock VALUES ({next}, 1)")).await
                })
                .await
            })
        })
        .collect();
    for add in adds {
        add.await.unwrap().unwrap();
    }
    assert_eq!(units(db.reader()).await.unwrap(), 24, "no number was given twice");
}

#[tokio::test]
async fn what_is_stored_is_what_was_given() {
    let Some(url) = url().await else { return };
    let db = open(&url).await;
    let given = outbox::Model {
        seq: 0,
        event_id: EventId::new(),
        kind: "test.counted".to_owned(),
        subject: "Käse 🧀 ".to_owned(),
        happened_at: "2026-02-03T04:05:06.789012Z".parse().unwrap(),
        request_id: String::new(),
        data: "x".repeat(100_000),
        due_at: i64::MAX,
        pending: None,
        attempts: 0,
        error: Some("\\ ' \" % _".to_owned()),
    };
    let row = given.clone();
    let put = |tx: Tx| async move { tx.execute_raw(outbox::insertion(tx.get_database_backend(), &[row])).await };
    db.transaction(put).await.unwrap();
    let stored = outbox::Entity::find().one(db.reader()).await.unwrap().unwrap();
    assert_eq!(outbox::Model { seq: 0, ..stored }, given);
}

#[tokio::test]
async fn texts_that_differ_in_anything_are_not_the_same() {
    let Some(url) = url().await else { return };
    let db = open(&url).await;
    let event_id = EventId::new();
    let put = move |tx: Tx| async move {
        for consumer in ["a", "A", "a ", "ä"] {
            let row = inbox::ActiveModel { event_id: Set(event_id), consumer: Set(consumer.to_owned()) };
            inbox::Entity::insert(row).exec_without_returning(&tx).await?;
        }
        Ok::<_, DbErr>(())
    };
    db.transaction(put).await.unwrap();
    let found = inbox::Entity::find_by_id((event_id, "a".to_owned())).all(db.reader()).await.unwrap();
    assert_eq!(found.len(), 1);
}

#[tokio::test]
async fn a_row_that_is_there_already_is_told_from_a_new_one() {
    let Some(url) = url().await else { return };
    let db = open(&url).await;
    let event_id = EventId::new();
    let accept = |consumers: &'static [&'static str]| {
        db.transaction(move |tx| async move {
            let rows = consumers
                .iter()
                .map(|consumer| inbox::ActiveModel { event_id: Set(event_id), consumer: Set((*consumer).to_owned()) });
            let done = inbox::Entity::insert_many(rows).on_conflict_do_nothing().exec_without_returning(&tx).await?;
            // What failed for that reason has not failed the transaction.
            let row = inbox::ActiveModel { event_id: Set(event_id), consumer: Set("c".to_owned()) };
            let again = inbox::Entity::insert(row).on_conflict_do_nothing().exec_without_returning(&tx).await?;
            Ok::<_, DbErr>((done, again))
        })
    };
    let (first, new) = accept(&["a"]).await.unwrap();
    assert!(matches!((first, new), (TryInsertResult::Inserted(1), TryInsertResult::Inserted(1))));
    let (second, old) = accept(&["a"]).await.unwrap();
    assert!(matches!((second, old), (TryInsertResult::Inserted(0), TryInsertResult::Inserted(0))));
    accept(&["a", "b"]).await.unwrap();
    assert_eq!(inbox::Entity::find().count(db.reader()).await.unwrap(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn processes_that_start_together_make_the_tables_once() {
    let Some(url) = url().await else { return };
    let opens = (0..4).map(|_| Database::open::<NoTables>("test", &url, Clock::system()));
    for opened in futures::future::join_all(opens).await {
        assert_eq!(outbox::Entity::find().count(opened.unwrap().reader()).await.unwrap(), 0);
    }
    let mut connect = Connect::to(&url);
    connect.server.migrate = false;
    Database::connect::<NoTables>("test", &connect, Clock::system()).await.unwrap();
    let behind = Database::connect::<NoTables>("other", &connect, Clock::system()).await.err().unwrap();
    assert!(matches!(behind, OpenError::Behind { missing: 3, .. }), "{behind}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_that_appears_late_is_not_skipped() {
    let Some(url) = url().await else { return };
    let (slow, quick) = (open(&url).await, open(&url).await);
    let seen: Arc<Mutex<Vec<usize>>> = Arc::default();
    let (stop, task) = relay(&quick, &seen);
    let publish = |db: &Database, number: usize| {
        let db = db.clone();
        async move {
            let announce = move |tx: Tx| async move {
                tx.publish(Counted(number));
                Ok::<_, DbErr>(())
            };
            db.transaction(announce).await.unwrap();
        }
    };
    publish(&slow, 0).await;
    until(&seen, 1).await;
    // A commit that hangs after it got its number.
    let late = outbox::Model {
        seq: 0,
        event_id: EventId::new(),
        kind: "test.counted".to_owned(),
        subject: "another".to_owned(),
        happened_at: Clock::system().now(),
        request_id: String::new(),
        data: "7".to_owned(),
        due_at: outbox::AT_ONCE,
        pending: None,
        attempts: 0,
        error: None,
    };
    let hanging = writers(&slow).begin(Sees::Committed).await.unwrap();
    let late = outbox::insertion(hanging.get_database_backend(), &[late]);
    hanging.execute_raw(late).await.unwrap();
    publish(&quick, 1).await;
    until(&seen, 2).await;
    tokio::time::sleep(Duration::from_millis(700)).await;
    publish(&quick, 2).await;
    until(&seen, 3).await;
    hanging.commit().await.unwrap();
    until(&seen, 4).await;
    assert_eq!(*seen.lock().unwrap(), [0, 1, 2, 7]);
    stop.cancel();
    task.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn one_process_delivers_and_another_takes_over() {
    let Some(url) = url().await else { return };
    let (first, second) = (open(&url).await, open(&url).await);
    let by_first: Arc<Mutex<Vec<usize>>> = Arc::default();
    let by_second: Arc<Mutex<Vec<usize>>> = Arc::default();
    let (stop_first, first_task) = relay(&first, &by_first);
    let announce = |db: &Database, numbers: std::ops::Range<usize>| {
        let db = db.clone();
        async move {
            for number in numbers {
                let work = move |tx: Tx| async move {
                    tx.publish(Counted(number));
                    Ok::<_, DbErr>(())
                };
                db.transaction(work).await.unwrap();
            }
        }
    };
    announce(&second, 0..10).await;
    until(&by_first, 10).await;
    let (stop_second, second_task) = relay(&second, &by_second);
    announce(&second, 10..20).await;
    until(&by_first, 20).await;
    stop_first.cancel();
    first_task.await.unwrap();
    announce(&first, 20..30).await;
    until(&by_second, 10).await;
    stop_second.cancel();
    second_task.await.unwrap();
    assert_eq!(*by_first.lock().unwrap(), (0..20).collect::<Vec<_>>());
    assert_eq!(*by_second.lock().unwrap(), (20..30).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn who_reads_for_a_seller_sees_that_sellers_rows_only() {
    struct Shelves;
    impl MigratorTrait for Shelves {
        fn migrations() -> Vec<Box<dyn MigrationTrait>> {
            vec![Box::new(Shelf)]
        }
    }
    struct Shelf;
    impl sea_orm_migration::MigrationName for Shelf {
        fn name(&self) -> &'static str {
            "m1_shelf"
        }
    }
    #[sea_orm_migration::async_trait::async_trait]
    impl MigrationTrait for Shelf {
        async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
            let make = "CREATE TABLE stock (seller_id UUID, units BIGINT)";
            manager.get_connection().execute_unprepared(make).await?;
            crate::db::seller::protect(manager, &["stock"]).await
        }
    }
    let Some(url) = url().await.filter(|url| url.starts_with("postgres")) else { return };
    let db = Database::open::<Shelves>("test", &url, Clock::system()).await.unwrap();
    let (one, other) = (SellerId::new(), SellerId::new());
    let fill = move |tx: Tx| async move {
        let (one, other) = (one.uuid(), other.uuid());
        tx.execute_unprepared(&format!("INSERT INTO stock VALUES ('{one}', 1), ('{other}', 10)")).await
    };
    db.transaction(fill).await.unwrap();
    assert_eq!(units(&db.reader_for(one).await.unwrap()).await.unwrap(), 1);
    assert_eq!(units(&db.reader_for(other).await.unwrap()).await.unwrap(), 10);
    for _ in 0..8 {
        assert_eq!(units(db.reader()).await.unwrap(), 11, "a connection forgets for whom it was used");
    }
}

fn writers(db: &Database) -> &Connections {
    match &db.shared.writing {
        Writing::Server(server) => &server.writers,
        Writing::File(_) => panic!("the tests run on a server"),
    }
}

fn relay(db: &Database, seen: &Arc<Mutex<Vec<usize>>>) -> (CancellationToken, tokio::task::JoinHandle<()>) {
    let consumer = Consumers::new("c").on(Arc::clone(seen), |seen, delivery: Delivery<Counted>| async move {
        seen.lock().unwrap().push(delivery.event.0);
        Ok::<_, Problem>(())
    });
    let stop = CancellationToken::new();
    let relay = Relay::new(db.clone(), Bus::new([consumer]), stop.clone());
    (stop, tokio::spawn(relay.run()))
}

async fn until(seen: &Mutex<Vec<usize>>, count: usize) {
    let there = async {
        while seen.lock().unwrap().len() < count {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), there).await.expect("all events arrive");
}

#[tokio::test]
async fn an_operator_learns_what_is_wrong_with_the_url_and_nobody_the_password() {
    let mut wrong = vec![
        ("postgres://souk:hunter2@127.0.0.1:1/souk".to_owned(), "can't be reached"),
        ("postgres://souk:hunter2@[".to_owned(), "can't be read"),
        ("mysql://souk:hunter2@127.0.0.1:1/souk".to_owned(), "can't be reached"),
        ("mariadb://souk:hunter2@[".to_owned(), "can't be read"),
        ("mysql://souk:hunter2@127.0.0.1:1".to_owned(), "names no database"),
        ("oracle://souk:hunter2@db/souk".to_owned(), "no database that Souk knows"),
        ("hunter2".to_owned(), "no database that Souk knows"),
    ];
    if let Some(url) = url().await {
        let (server, _) = url.rsplit_once('/').unwrap();
        let (nowhere, locked_out) = if server.starts_with("mysql") {
            ("to database 'nowhere_orders'", "Access denied for user 'locked'")
        } else {
            ("database \"nowhere\" does not exist", "password authentication failed")
        };
        wrong.push((format!("{server}/nowhere"), nowhere));
        wrong.push((server.replace("souk@", "locked:hunter2@") + "/postgres", locked_out));
    }
    for (url, complaint) in wrong {
        let connect = Connect { setting: "database.url".to_owned(), ..Connect::to(&url) };
        let error = Database::connect::<NoTables>("orders", &connect, Clock::system()).await.err().unwrap().to_string();
        assert!(error.contains(complaint) && error.contains("database.url"), "{url}: {error}");
        assert!(!error.contains("hunter2"), "{error}");
    }
}
