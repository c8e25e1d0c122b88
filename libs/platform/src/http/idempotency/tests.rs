use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::SeqCst},
};

use chrono::TimeDelta;
use sea_orm_migration::{MigrationTrait, MigratorTrait};
use serde_json::json;
use souk_kernel::Clock;

use super::*;
use crate::http::{Reply, testing::parts};

struct NoTables;
impl MigratorTrait for NoTables {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        Vec::new()
    }
}

/// A database, and a request that counts how often it is really run.
struct Shop {
    db: Database,
    clock: Clock,
    runs: Arc<AtomicUsize>,
    folder: tempfile::TempDir,
}

impl Shop {
    async fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = crate::db::testing::url(folder.path(), "test").await;
        let clock = Clock::adjustable();
        let db = Database::open::<NoTables>("test", &url, clock.clone()).await.unwrap();
        Self { db, clock, runs: Arc::default(), folder }
    }

    async fn send(&self, owner: &str, key: &str, hash: u8, answer: fn(usize) -> Response) -> Response {
        let runs = Arc::clone(&self.runs);
        let run = async move {
            sleep(Duration::from_millis(30)).await;
            answer(runs.fetch_add(1, SeqCst))
        };
        idempotent(&self.db, owner, &IdempotencyKey(Some(key.to_owned())), [hash; 32], run).await
    }

    /// A request that knows by itself that it is done once: what comes of it later is another thing each time.
    async fn ask(&self, key: &str, hash: u8, first: fn(usize) -> Response) -> Response {
        let runs = Arc::clone(&self.runs);
        let run = async move {
            sleep(Duration::from_millis(30)).await;
            match runs.fetch_add(1, SeqCst) {
                0 => Served::First(first(0)),
                run => Served::Before(async move { created(run) }),
            }
        };
        idempotent_by_itself(&self.db, "a", &IdempotencyKey(Some(key.to_owned())), [hash; 32], run).await
    }
}

fn created(run: usize) -> Response {
    Reply::created(json!({"run": run})).etag(1).into_response()
}

fn is_replayed(response: &Response) -> bool {
    response.headers().get(REPLAYED_HEADER).is_some_and(|value| value == "true")
}

async fn bytes(response: Response) -> Bytes {
    to_bytes(response.into_body(), usize::MAX).await.unwrap()
}

async fn data(response: Response) -> serde_json::Value {
    serde_json::from_slice::<serde_json::Value>(&bytes(response).await).unwrap()["data"].take()
}

#[tokio::test]
async fn while_keys_cannot_be_written_the_client_is_asked_to_come_back() {
    let shop = Shop::open().await;
    if shop.db.is_shared() {
        return;
    }
    let file = shop.folder.path().join("test.db");
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(file);
    let mut other = sqlx::ConnectOptions::connect(&options).await.unwrap();
    sqlx::query("BEGIN IMMEDIATE").execute(&mut other).await.unwrap();
    let refused = shop.send("a", "k", 1, created).await;
    assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
    sqlx::query("ROLLBACK").execute(&mut other).await.unwrap();
    assert_eq!(shop.send("a", "k", 1, created).await.status(), StatusCode::CREATED);
    assert_eq!(shop.runs.load(SeqCst), 1);
}

#[tokio::test]
async fn the_first_answer_is_given_again() {
    let shop = Shop::open().await;
    let first = shop.send("a", "k", 1, created).await;
    let again = shop.send("a", "k", 1, created).await;
    assert_eq!((first.status(), again.status()), (StatusCode::CREATED, StatusCode::CREATED));
    assert_eq!(again.headers()[header::ETAG], "\"1\"");
    assert_eq!(again.headers()[REPLAYED_HEADER], "true");
    assert_eq!(bytes(first).await, bytes(again).await);
    let _other_owner = shop.send("b", "k", 2, created).await;
    assert_eq!(shop.runs.load(SeqCst), 2);
}

#[tokio::test]
async fn another_request_under_the_key_is_refused() {
    let shop = Shop::open().await;
    shop.send("a", "k", 1, created).await;
    assert_eq!(shop.send("a", "k", 2, created).await.status(), StatusCode::UNPROCESSABLE_ENTITY);
    shop.clock.advance(TimeDelta::hours(25));
    assert_eq!(shop.send("a", "k", 2, created).await.status(), StatusCode::CREATED);
    assert_eq!(shop.runs.load(SeqCst), 2);
}

#[tokio::test]
async fn requests_at_the_same_time_run_once() {
    let shop = Shop::open().await;
    let answers = futures::future::join_all((0..8).map(|_| shop.send("a", "k", 1, created))).await;
    let bodies = futures::future::join_all(answers.into_iter().map(bytes)).await;
    assert!(bodies.iter().all(|body| *body == bodies[0]));
    assert_eq!(shop.runs.load(SeqCst), 1);
}

#[tokio::test]
async fn an_answer_that_changed_nothing_is_not_kept() {
    let shop = Shop::open().await;
    let refuse = |_| Failure(Problem::invalid("x", "is wrong")).into_response();
    assert_eq!(shop.send("a", "k", 1, refuse).await.status(), StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(shop.send("a", "k", 2, |_| panic!("on purpose")).await.status(), StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(shop.send("a", "k", 2, created).await.status(), StatusCode::CREATED);
}

#[tokio::test]
async fn a_holder_that_died_is_taken_over() {
    let shop = Shop::open().await;
    let slot = Slot::new("a", "k");
    assert!(matches!(table::claim(&shop.db, slot, [1; 32]).await.unwrap(), Claim::Mine(_)));
    assert!(matches!(table::claim(&shop.db, slot, [1; 32]).await.unwrap(), Claim::Busy));
    shop.clock.advance(TimeDelta::seconds(31));
    assert_eq!(shop.send("a", "k", 1, created).await.status(), StatusCode::CREATED);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_holder_that_takes_its_time_keeps_the_key() {
    let shop = Shop::open().await;
    let slot = Slot::new("a", "k");
    let end = Arc::new(tokio::sync::Notify::new());
    let long = {
        let (db, end) = (shop.db.clone(), Arc::clone(&end));
        let run = async move {
            end.notified().await;
            created(0)
        };
        tokio::spawn(async move { idempotent(&db, "a", &IdempotencyKey(Some("k".to_owned())), [1; 32], run).await })
    };
    // Until when it is kept, as soon as that is later than `moment`.
    let kept_past = async |moment: i64| {
        let kept = async {
            loop {
                match table::locked_until(&shop.db, slot).await.unwrap() {
                    Some(until) if until > moment => break until,
                    _ => sleep(POLL).await,
                }
            }
        };
        tokio::time::timeout(PATIENCE, kept).await.expect("it says that it is still at it")
    };
    let claimed = kept_past(0).await;
    shop.clock.advance(TimeDelta::seconds(7));
    let now = shop.clock.now().timestamp_micros();
    assert!(claimed < now, "longer than a key is kept for somebody who is not heard of");
    kept_past(now).await;
    end.notify_one();
    assert_eq!(long.await.unwrap().status(), StatusCode::CREATED);
    assert_eq!(shop.send("a", "k", 1, created).await.headers()[REPLAYED_HEADER], "true");
}

#[tokio::test]
async fn a_process_that_starts_frees_what_the_one_before_it_held() {
    let shop = Shop::open().await;
    if shop.db.is_shared() {
        // Others may be at work on a server: what a process held there is free six seconds later.
        return;
    }
    shop.send("a", "answered", 1, created).await;
    let slot = Slot::new("a", "k");
    assert!(matches!(table::claim(&shop.db, slot, [1; 32]).await.unwrap(), Claim::Mine(_)));
    assert_eq!(take_over_all(&shop.db).await.unwrap(), 1);
    assert_eq!(take_over_all(&shop.db).await.unwrap(), 0);
    assert_eq!(shop.send("a", "k", 1, created).await.status(), StatusCode::CREATED);
    let again = shop.send("a", "answered", 1, created).await;
    assert_eq!(again.headers()[REPLAYED_HEADER], "true", "an answer stays");
}

#[tokio::test]
async fn the_work_goes_on_when_the_client_hangs_up() {
    let shop = Shop::open().await;
    let hung_up = tokio::time::timeout(Duration::from_millis(10), shop.send("a", "k", 1, created)).await;
    assert!(hung_up.is_err());
    let again = shop.send("a", "k", 1, created).await;
    assert_eq!((again.status(), shop.runs.load(SeqCst)), (StatusCode::CREATED, 1));
}

#[tokio::test]
async fn a_client_that_hangs_up_at_once_leaves_no_key_without_a_runner() {
    let shop = Shop::open().await;
    assert!(shop.send("a", "k", 1, created).now_or_never().is_none());
    let again = tokio::time::timeout(Duration::from_secs(5), shop.send("a", "k", 1, created)).await.unwrap();
    assert_eq!((again.status(), shop.runs.load(SeqCst)), (StatusCode::CREATED, 1));
}

#[tokio::test]
async fn a_first_answer_that_claimed_nothing_is_given_again_although_the_world_moved_on() {
    let shop = Shop::open().await;
    let first = shop.ask("k", 1, created).await;
    let again = shop.ask("k", 1, created).await;
    assert_eq!((first.status(), again.status()), (StatusCode::CREATED, StatusCode::CREATED));
    assert_eq!(again.headers()[header::ETAG], "\"1\"");
    assert!(!is_replayed(&first) && is_replayed(&again));
    assert_eq!(bytes(first).await, bytes(again).await);
    assert_eq!(shop.ask("k", 2, created).await.status(), StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test]
async fn where_no_first_answer_was_kept_what_became_of_it_is_given_from_then_on() {
    let shop = Shop::open().await;
    let busy = |_| Failure(Problem::new(ErrorKind::Unavailable, "busy", "is busy")).into_response();
    assert_eq!(shop.ask("k", 1, busy).await.status(), StatusCode::SERVICE_UNAVAILABLE);
    let then = shop.ask("k", 1, created).await;
    assert!(then.status() == StatusCode::CREATED && !is_replayed(&then));
    let again = shop.ask("k", 1, created).await;
    assert!(is_replayed(&again));
    let then = data(then).await;
    assert_eq!((&then, data(again).await), (&json!({"run": 1}), then.clone()));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_at_once_what_became_of_it_is_given_the_same() {
    let shop = Shop::open().await;
    shop.runs.store(1, SeqCst);
    let answers = futures::future::join_all((0..8).map(|_| shop.ask("k", 1, created))).await;
    let bodies = futures::future::join_all(answers.into_iter().map(bytes)).await;
    assert!(bodies.iter().all(|body| *body == bodies[0]));
}

#[tokio::test]
async fn an_answer_of_yesterday_is_neither_given_nor_in_the_way() {
    let shop = Shop::open().await;
    shop.ask("k", 1, created).await;
    shop.clock.advance(TimeDelta::hours(25));
    assert_eq!(data(shop.ask("k", 2, created).await).await, json!({"run": 1}), "the other is not kept any more");
    assert_eq!(data(shop.ask("k", 2, created).await).await, json!({"run": 1}));
    assert_eq!(purge(&shop.db).await.unwrap(), 0);
}

#[tokio::test]
async fn an_answer_that_nobody_waited_for_is_kept() {
    let shop = Shop::open().await;
    assert!(shop.ask("k", 1, created).now_or_never().is_none());
    let given = async {
        while shop.runs.load(SeqCst) == 0 {
            sleep(POLL).await;
        }
        shop.ask("k", 1, created).await
    };
    let again = tokio::time::timeout(PATIENCE, given).await.unwrap();
    assert!(is_replayed(&again));
    assert_eq!(data(again).await, json!({"run": 0}));
}

#[tokio::test]
async fn expired_keys_are_deleted() {
    let shop = Shop::open().await;
    shop.send("a", "k", 1, created).await;
    assert_eq!(purge(&shop.db).await.unwrap(), 0);
    shop.clock.advance(TimeDelta::hours(25));
    assert_eq!(purge(&shop.db).await.unwrap(), 1);
}

#[tokio::test]
async fn a_key_is_visible_ascii() {
    let key = async |value: &str| {
        IdempotencyKey::from_request_parts(&mut parts("/", &[("idempotency-key", value)]), &()).await
    };
    assert_eq!(key("order-1").await.unwrap().0.as_deref(), Some("order-1"));
    for bad in ["", "a b", &"x".repeat(256)] {
        assert_eq!(key(bad).await.unwrap_err().0.kind, ErrorKind::Malformed);
    }
    for bad in ["", "é"] {
        assert_eq!(key(bad).await.unwrap_err().0.details[0].field, "Idempotency-Key", "{bad}");
    }
}
