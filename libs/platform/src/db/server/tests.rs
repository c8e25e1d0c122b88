//! What only a server does. Without one (`SOUK_TEST_DATABASE_URL`) these tests say nothing.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use sea_orm::{ConnectionTrait, DbErr, EntityTrait, FromQueryResult, JsonValue, PaginatorTrait, Statement};
use sea_orm_migration::{MigrationTrait, MigratorTrait, SchemaManager};
use serde::{Deserialize, Serialize};
use souk_kernel::{Clock, Problem, SellerId, TypedId};
use tokio_util::sync::CancellationToken;

use crate::{
    db::{Connect, Database, OpenError, Tx, Writing, outbox, testing},
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
    let sql = "SELECT COALESCE(SUM(units), 0)::bigint AS units FROM stock";
    let query = Statement::from_string(conn.get_database_backend(), sql);
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
async fn a_transaction_that_goes_on_after_an_error_is_not_taken_for_done() {
    let Some(url) = url().await else { return };
    let db = open(&url).await;
    let result = db
        .transaction(|tx| async move {
            tx.execute_unprepared("INSERT INTO stock VALUES (1, 1)").await?;
            let _ = tx.execute_unprepared("INSERT INTO nowhere VALUES (1)").await;
            Ok::<_, DbErr>(())
        })
        .await;
    assert!(result.is_err());
    assert_eq!(units(db.reader()).await.unwrap(), 0);
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
    let late = "INSERT INTO outbox (event_id, kind, subject, happened_at, request_id, data, due_at, attempts)
        VALUES ('01890a5d-ac96-774b-bcce-b302099a8057', 'test.counted', 'another', now(), '', '7', 0, 0)";
    let hanging = sea_orm::TransactionTrait::begin(writers(&slow)).await.unwrap();
    hanging.execute_unprepared(late).await.unwrap();
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
    let Some(url) = url().await else { return };
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

fn writers(db: &Database) -> &sea_orm::DatabaseConnection {
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
        ("oracle://souk:hunter2@db/souk".to_owned(), "no database that Souk knows"),
        ("hunter2".to_owned(), "no database that Souk knows"),
    ];
    if let Some(url) = url().await {
        let (server, _) = url.rsplit_once('/').unwrap();
        wrong.push((format!("{server}/nowhere"), "database \"nowhere\" does not exist"));
        wrong.push((server.replace("souk@", "locked:hunter2@") + "/postgres", "password authentication failed"));
    }
    for (url, complaint) in wrong {
        let connect = Connect { setting: "database.url".to_owned(), ..Connect::to(&url) };
        let error = Database::connect::<NoTables>("orders", &connect, Clock::system()).await.err().unwrap().to_string();
        assert!(error.contains(complaint) && error.contains("database.url"), "{url}: {error}");
        assert!(!error.contains("hunter2"), "{error}");
    }
}
