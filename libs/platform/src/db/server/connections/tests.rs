//! Without a server (`SOUK_TEST_DATABASE_URL`) these tests say nothing.

use std::time::Duration;

use futures::future::join_all;
use sea_orm_migration::{MigrationTrait, MigratorTrait};
use souk_kernel::Clock;
use tokio::time::timeout;

use super::*;
use crate::db::{Connect, Writing, testing};

struct NoTables;
impl MigratorTrait for NoTables {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        Vec::new()
    }
}

/// A database with so many connections that write, and a table.
async fn open(writers: u32) -> Option<crate::db::Database> {
    let folder = tempfile::tempdir().unwrap();
    let mut connect = Connect::to(testing::server_url(folder.path()).await?.expose());
    connect.server.writers = writers;
    let db = crate::db::Database::connect::<NoTables>("test", &connect, Clock::system()).await.unwrap();
    connections(&db).execute_unprepared("CREATE TABLE numbers (n BIGINT PRIMARY KEY)").await.unwrap();
    Some(db)
}

fn connections(db: &crate::db::Database) -> &Connections {
    match &db.shared.writing {
        Writing::Server(server) => &server.writers,
        Writing::File(_) => panic!("the tests run on a server"),
    }
}

async fn number(connection: &impl ConnectionTrait, sql: &str) -> i64 {
    try_number(connection, sql).await.unwrap()
}

async fn try_number(connection: &impl ConnectionTrait, sql: &str) -> Result<i64, DbErr> {
    let statement = Statement::from_string(connection.get_database_backend(), sql);
    connection.query_one_raw(statement).await?.unwrap().try_get_by_index(0)
}

/// What the server calls the connection that answers.
async fn name(connection: &impl ConnectionTrait) -> i64 {
    try_name(connection).await.unwrap()
}

async fn try_name(connection: &impl ConnectionTrait) -> Result<i64, DbErr> {
    let postgres = connection.get_database_backend() == DbBackend::Postgres;
    let sql = if postgres { "SELECT pg_backend_pid()::bigint" } else { "SELECT CAST(CONNECTION_ID() AS SIGNED)" };
    try_number(connection, sql).await
}

async fn count(connection: &impl ConnectionTrait) -> i64 {
    number(connection, "SELECT COUNT(*) FROM numbers").await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_used_is_lent_first() {
    let Some(db) = open(4).await else { return };
    let all = connections(&db);
    let (one, other) = (all.begin(Sees::Committed).await.unwrap(), all.begin(Sees::Committed).await.unwrap());
    let (first, second) = (name(&one).await, name(&other).await);
    assert_ne!(first, second);
    other.commit().await.unwrap();
    assert_eq!(name(all).await, second);
    one.commit().await.unwrap();
    for _ in 0..5 {
        assert_eq!(name(all).await, first);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_dropped_transaction_wrote_is_gone_before_its_connection_is_used_again() {
    let Some(db) = open(1).await else { return };
    let all = connections(&db);
    let only = name(all).await;
    for sees in [Sees::Committed, Sees::Moment, Sees::Serial] {
        let begun = all.begin(sees).await.unwrap();
        begun.execute_unprepared("INSERT INTO numbers VALUES (1)").await.unwrap();
        assert_eq!(count(&begun).await, 1);
        drop(begun);
        assert_eq!((count(all).await, name(all).await), (0, only), "{sees:?}");
    }
    let begun = all.begin(Sees::Committed).await.unwrap();
    begun.execute_unprepared("INSERT INTO numbers VALUES (1)").await.unwrap();
    begun.roll_back().await;
    assert_eq!(count(all).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_failed_statement_a_transaction_can_only_end() {
    let Some(db) = open(1).await else { return };
    let all = connections(&db);
    all.execute_unprepared("INSERT INTO numbers VALUES (1)").await.unwrap();
    let begun = all.begin(Sees::Committed).await.unwrap();
    begun.execute_unprepared("INSERT INTO numbers VALUES (2)").await.unwrap();
    begun.execute_unprepared("INSERT INTO numbers VALUES (1)").await.unwrap_err();
    begun.roll_back().await;
    assert_eq!(count(all).await, 1);
    // Outside of one, what failed is between others that have not.
    all.execute_unprepared("INSERT INTO numbers VALUES (1)").await.unwrap_err();
    all.execute_unprepared("INSERT INTO numbers VALUES (2)").await.unwrap();
    assert_eq!(count(all).await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_nobody_waited_for_is_not_the_next_ones() {
    let Some(db) = open(1).await else { return };
    let all = connections(&db);
    let slow = if all.get_database_backend() == DbBackend::Postgres {
        "SELECT 7::bigint FROM pg_sleep(0.2)"
    } else {
        "SELECT CAST(7 + SLEEP(0.2) AS SIGNED)"
    };
    timeout(Duration::from_millis(50), number(all, slow)).await.unwrap_err();
    assert_eq!(number(all, "SELECT COUNT(*) FROM numbers").await, 0);
    let begun = all.begin(Sees::Committed).await.unwrap();
    timeout(Duration::from_millis(50), number(&begun, slow)).await.unwrap_err();
    assert_eq!(count(&begun).await, 0);
    begun.execute_unprepared("INSERT INTO numbers VALUES (1)").await.unwrap();
    begun.commit().await.unwrap();
    assert_eq!(count(all).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_server_has_cut_off_is_replaced() {
    let Some(db) = open(1).await else { return };
    let all = connections(&db);
    let only = name(all).await;
    let kill = if all.get_database_backend() == DbBackend::Postgres {
        format!("SELECT COUNT(pg_terminate_backend({only}))")
    } else {
        format!("KILL {only}")
    };
    // As the one who reads, who may do this to his own connections.
    db.reader().execute_unprepared(&kill).await.unwrap();
    // Until the server has done so, it answers; then one may find out, and nobody after that.
    while try_name(all).await.is_ok_and(|name| name == only) {}
    assert_ne!(name(all).await, only);
    all.execute_unprepared("INSERT INTO numbers VALUES (1)").await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn who_waits_gets_what_others_give_back_while_one_is_at_something_long() {
    let Some(db) = open(2).await else { return };
    let all = connections(&db);
    let long = if all.get_database_backend() == DbBackend::Postgres {
        "SELECT 7::bigint FROM pg_sleep(9)"
    } else {
        "SELECT CAST(7 + SLEEP(9) AS SIGNED)"
    };
    timeout(Duration::from_millis(50), number(all, long)).await.unwrap_err();
    let other = all.begin(Sees::Committed).await.unwrap();
    // It waits for the other one, however long the first is at it.
    let mut waits = Box::pin(name(all));
    timeout(Duration::from_millis(50), &mut waits).await.unwrap_err();
    let given_back = name(&other).await;
    other.commit().await.unwrap();
    assert_eq!(timeout(Duration::from_secs(3), waits).await.expect("at once"), given_back);
    // The first is not waited for: when it is given up another can take its place, beside one that is in use.
    let other = all.begin(Sees::Committed).await.unwrap();
    let began = Instant::now();
    let third = all.begin(Sees::Committed).await;
    let third = match third {
        Ok(third) => third,
        // It waited for longer than anybody waits for a connection.
        Err(_) => all.begin(Sees::Committed).await.unwrap(),
    };
    assert_ne!(name(&other).await, name(&third).await);
    assert!(began.elapsed() < Duration::from_secs(9), "{:?}", began.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn everybody_gets_a_connection_in_turn() {
    let Some(db) = open(2).await else { return };
    let all = connections(&db);
    let one = |n: i64| async move {
        let begun = all.begin(Sees::Committed).await.unwrap();
        begun.execute_unprepared(&format!("INSERT INTO numbers VALUES ({n})")).await.unwrap();
        match n % 4 {
            0 => begun.roll_back().await,
            1 => drop(begun),
            _ => begun.commit().await.unwrap(),
        }
        // One that fails in between.
        all.execute_unprepared("INSERT INTO nowhere VALUES (1)").await.unwrap_err();
        name(all).await
    };
    join_all((0..40).map(one)).await;
    assert_eq!(count(all).await, 20);
    assert_eq!(all.waiting(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_comes_after_the_end_gets_none_and_who_was_there_ends() {
    let Some(db) = open(2).await else { return };
    let all = connections(&db).clone();
    let begun = all.begin(Sees::Committed).await.unwrap();
    begun.execute_unprepared("INSERT INTO numbers VALUES (1)").await.unwrap();
    let closing = tokio::spawn({
        let all = all.clone();
        async move { all.close().await }
    });
    while all.execute_unprepared("SELECT 1").await.is_ok() {}
    begun.commit().await.unwrap();
    timeout(Duration::from_secs(10), closing).await.expect("it closes").unwrap();
    let error = all.begin(Sees::Committed).await.map(drop).unwrap_err();
    assert!(matches!(error, DbErr::ConnectionAcquire(_)), "{error}");
}
