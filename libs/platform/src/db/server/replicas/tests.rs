//! On a real replica, which `scripts/with-postgres --replica` starts. It is one for all tests: those that have it stand still
//! take turns, and where one is killed it is the way to it that ends.

use std::{
    net::SocketAddr,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicI64, Ordering},
    },
    time::Duration,
};

use sea_orm::{ConnectionTrait, DbErr, FromQueryResult, JsonValue, Statement};
use sea_orm_migration::{MigrationTrait, MigratorTrait, SchemaManager};
use souk_kernel::{Clock, SellerId, TypedId};
use sqlx::{ConnectOptions, Connection, PgConnection, postgres::PgConnectOptions};
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    sync::watch,
    time::timeout,
};

use crate::db::{Connect, Database, OpenError, Replica, Tx, testing};

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
        let make = "CREATE TABLE stock (seller_id UUID PRIMARY KEY, units BIGINT)";
        manager.get_connection().execute_unprepared(make).await?;
        crate::db::seller::protect(manager, &["stock"]).await
    }
}

/// A replica may take its time where a test wants it to answer: the machine has other things to do.
const PATIENT: Duration = Duration::from_secs(10);
/// How long anything may take.
const LIMIT: Duration = Duration::from_mins(1);

/// The servers, for one test at a time.
struct Pair {
    primary: String,
    replica: String,
    /// On the replica, with the right to have it stand still.
    operator: PgConnection,
    /// Holds the lock.
    _turn: PgConnection,
    _folder: tempfile::TempDir,
}

impl Pair {
    async fn take() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let replica = testing::replica_url(folder.path()).await?.expose().to_owned();
        let primary = testing::server_url(folder.path()).await.unwrap().expose().to_owned();
        // Locks are those of a database: all tests meet in the one that is always there.
        let everyones = |url: &str| format!("{}/postgres", url.rsplit_once('/').unwrap().0);
        let mut turn = PgConnection::connect(&everyones(&primary)).await.unwrap();
        sqlx::query("SELECT pg_advisory_lock(5042)").execute(&mut turn).await.unwrap();
        let operator = everyones(&replica).replace("souk@", "postgres@");
        let operator = PgConnection::connect(&operator).await.unwrap();
        let mut pair = Self { primary, replica, operator, _turn: turn, _folder: folder };
        // A test that failed may have left it as it was.
        pair.resume().await;
        Some(pair)
    }

    async fn pause(&mut self) {
        sqlx::query("SELECT pg_wal_replay_pause()").execute(&mut self.operator).await.unwrap();
        let paused = async {
            loop {
                let state = sqlx::query_scalar("SELECT pg_get_wal_replay_pause_state()");
                let state: String = state.fetch_one(&mut self.operator).await.unwrap();
                if state == "paused" {
                    return;
                }
                tokio::task::yield_now().await;
            }
        };
        timeout(LIMIT, paused).await.expect("it stands still");
    }

    async fn resume(&mut self) {
        sqlx::query("SELECT pg_wal_replay_resume()").execute(&mut self.operator).await.unwrap();
    }

    fn connect(&self, replicas: &[&str], wait: Duration) -> Connect {
        let mut connect = Connect::to(&self.primary);
        let replica = |(number, url): (usize, &&str)| Replica {
            url: (*url).into(),
            setting: format!("database.replicas[{number}]"),
        };
        connect.replicas = replicas.iter().enumerate().map(replica).collect();
        connect.server.replica_wait = wait;
        connect
    }

    async fn open(&self, replicas: &[&str], wait: Duration) -> Database {
        let connect = self.connect(replicas, wait);
        Database::connect::<Shelves>("test", &connect, Clock::system()).await.unwrap()
    }
}

/// A way to a server that can be cut, stopped up, or led elsewhere.
struct Way {
    address: SocketAddr,
    state: watch::Sender<Leads>,
    connections: Arc<AtomicI64>,
}

#[derive(Clone, PartialEq, Debug)]
enum Leads {
    To(String),
    /// Connections end, and new ones do so at once.
    Nowhere,
    /// What is sent never arrives.
    Astray,
}

impl Way {
    async fn to(url: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, state) = (listener.local_addr().unwrap(), watch::Sender::new(Leads::To(host(url))));
        let connections: Arc<AtomicI64> = Arc::default();
        let (leads, count) = (state.subscribe(), Arc::clone(&connections));
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(lead(client, leads.clone()));
            }
        });
        Self { address, state, connections }
    }

    fn url(&self, url: &str) -> String {
        url.replace(&host(url), &self.address.to_string())
    }

    fn leads(&self, to: Leads) {
        self.state.send_replace(to);
    }
}

async fn lead(mut client: TcpStream, mut leads: watch::Receiver<Leads>) {
    let began = leads.borrow_and_update().clone();
    let Leads::To(host) = &began else {
        if began == Leads::Astray {
            let _ = leads.changed().await;
        }
        return;
    };
    let Ok(mut server) = TcpStream::connect(host).await else { return };
    let mut copying = pin!(copy_bidirectional(&mut client, &mut server));
    loop {
        let now = leads.borrow_and_update().clone();
        if now != began && now != Leads::Astray {
            return;
        }
        tokio::select! {
            changed = leads.changed() => if changed.is_err() { return },
            _ = &mut copying, if now == began => return,
        }
    }
}

fn host(url: &str) -> String {
    let options: PgConnectOptions = url.parse().unwrap();
    let url = options.to_url_lossy();
    format!("{}:{}", url.host_str().unwrap(), url.port().unwrap())
}

async fn put(db: &Database, seller: SellerId, units: i64) {
    let seller = seller.uuid();
    let write = move |tx: Tx| async move {
        let sql = format!(
            "INSERT INTO stock VALUES ('{seller}', {units}) ON CONFLICT (seller_id) DO UPDATE SET units = {units}"
        );
        tx.execute_unprepared(&sql).await.map(drop)
    };
    db.guarded::<_, DbErr, _, _>(write).await.unwrap();
}

/// What `conn` sees.
struct Seen {
    units: i64,
    by_replica: bool,
}

async fn see(conn: &impl ConnectionTrait, seller: Option<SellerId>) -> Result<Seen, DbErr> {
    let only = seller.map(|seller| format!("WHERE seller_id = '{}'", seller.uuid())).unwrap_or_default();
    let sql =
        format!("SELECT COALESCE(SUM(units), 0)::bigint AS units, pg_is_in_recovery() AS by_replica FROM stock {only}");
    let query = Statement::from_string(conn.get_database_backend(), sql);
    let row = JsonValue::find_by_statement(query).one(conn).await?.expect("a sum is there");
    Ok(Seen { units: row["units"].as_i64().unwrap(), by_replica: row["by_replica"].as_bool().unwrap() })
}

/// Asks until the replica answers, or no longer does.
async fn until_answered_by(db: &Database, replica: bool) {
    let answered = async {
        while see(&db.copies().await, None).await.unwrap().by_replica != replica {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(LIMIT, answered).await.expect("it answers in the end");
}

/// Asks until a replica answers, which on a busy machine the primary may do for it; whoever answers knows of so many `units`. Gives
/// whether the first answer was a replica's.
async fn a_replica_says(units: i64, ask: impl AsyncFn() -> Seen) -> bool {
    let mut answers = 0;
    let answered = async {
        loop {
            let seen = ask().await;
            assert_eq!(seen.units, units, "by a replica: {}", seen.by_replica);
            answers += 1;
            if seen.by_replica {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(LIMIT, answered).await.expect("a replica answers in the end");
    answers == 1
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_answers_with_all_that_was_committed_before() {
    let Some(pair) = Pair::take().await else { return };
    let db = pair.open(&[&pair.replica], PATIENT).await;
    let other = pair.open(&[&pair.replica], PATIENT).await;
    assert!(!see(&db.copies().await, None).await.unwrap().by_replica, "nobody has looked for it yet");
    until_answered_by(&db, true).await;
    until_answered_by(&other, true).await;
    let seller = SellerId::new();
    let mut at_once = 0;
    for units in 1..200 {
        let (writer, reader) = if units % 2 == 0 { (&db, &other) } else { (&other, &db) };
        put(writer, seller, units).await;
        // What another process wrote, too.
        let ask = async || see(&reader.copies().await, Some(seller)).await.unwrap();
        at_once += i32::from(a_replica_says(units, ask).await);
        assert!(!see(reader.reader(), Some(seller)).await.unwrap().by_replica, "single rows come from the primary");
    }
    assert!(at_once > 100, "most answers are a replica's: {at_once}");
    db.close().await;
    other.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_that_stands_still_never_hides_what_was_written() {
    let Some(mut pair) = Pair::take().await else { return };
    let db = pair.open(&[&pair.replica], Duration::from_millis(50)).await;
    let other = pair.open(&[&pair.replica], Duration::from_millis(50)).await;
    let seller = SellerId::new();
    put(&db, seller, 1).await;
    until_answered_by(&db, true).await;
    until_answered_by(&other, true).await;
    pair.pause().await;
    for units in 2..50 {
        put(&db, seller, units).await;
        for reader in [&db, &other] {
            let seen = see(&reader.copies().await, Some(seller)).await.unwrap();
            assert_eq!((seen.units, seen.by_replica), (units, false));
            let own = see(&reader.copies_for(seller).await.unwrap(), None).await.unwrap();
            assert_eq!((own.units, own.by_replica), (units, false));
        }
    }
    let late = pair.open(&[&pair.replica], Duration::from_millis(50)).await;
    assert_eq!(see(&late.copies().await, Some(seller)).await.unwrap().units, 49);
    pair.resume().await;
    until_answered_by(&db, true).await;
    until_answered_by(&late, true).await;
    assert_eq!(see(&db.copies().await, Some(seller)).await.unwrap().units, 49);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_waits_more_than_once_for_a_replica_that_stands_still() {
    let Some(mut pair) = Pair::take().await else { return };
    let wait = Duration::from_secs(2);
    let db = pair.open(&[&pair.replica], wait).await;
    let seller = SellerId::new();
    until_answered_by(&db, true).await;
    pair.pause().await;
    put(&db, seller, 1).await;
    let began = std::time::Instant::now();
    for _ in 0..20 {
        assert_eq!(see(&db.copies().await, None).await.unwrap().units, 1);
    }
    assert!(began.elapsed() < wait * 10, "{:?}", began.elapsed());
    pair.resume().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_notices_that_a_replica_is_killed_and_it_comes_back() {
    let Some(pair) = Pair::take().await else { return };
    let way = Way::to(&pair.replica).await;
    let db = pair.open(&[&way.url(&pair.replica)], PATIENT).await;
    let seller = SellerId::new();
    put(&db, seller, 7).await;
    for death in [Leads::Nowhere, Leads::Astray, Leads::Nowhere] {
        until_answered_by(&db, true).await;
        let asking: Vec<_> = (0..3)
            .map(|_| {
                let db = db.clone();
                tokio::spawn(async move {
                    let sql = "SELECT SUM(units)::bigint AS units, pg_sleep(1) IS NULL AS slept FROM stock";
                    let copies = db.copies().await;
                    let query = Statement::from_string(copies.get_database_backend(), sql);
                    JsonValue::find_by_statement(query).one(&copies).await.unwrap().unwrap()["units"].as_i64()
                })
            })
            .collect();
        tokio::time::sleep(Duration::from_millis(300)).await;
        way.leads(death);
        for asked in asking {
            assert_eq!(timeout(LIMIT, asked).await.unwrap().unwrap(), Some(7), "who was being answered is answered");
        }
        for _ in 0..20 {
            let seen = timeout(Duration::from_secs(10), async { see(&db.copies().await, None).await.unwrap() }).await;
            assert_eq!(seen.expect("the primary answers").units, 7);
            assert_eq!(see(&db.copies_for(seller).await.unwrap(), None).await.unwrap().units, 7);
        }
        until_answered_by(&db, false).await;
        let away = async {
            while db.ping_replicas().is_ok() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        timeout(LIMIT, away).await.expect("its health shows");
        db.reader().ping().await.expect("the database itself is well");
        way.leads(Leads::To(host(&pair.replica)));
    }
    until_answered_by(&db, true).await;
    db.ping_replicas().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn several_replicas_take_turns_and_one_is_enough() {
    let Some(pair) = Pair::take().await else { return };
    let ways = [Way::to(&pair.replica).await, Way::to(&pair.replica).await];
    let [one, other] = &ways;
    let urls = [one.url(&pair.replica), other.url(&pair.replica)];
    let db = pair.open(&[&urls[0], &urls[1]], PATIENT).await;
    until_answered_by(&db, true).await;
    let used = async {
        // One was to see whether it can be one, one is for looking after it, the next for questions.
        while ways.iter().any(|way| way.connections.load(Ordering::SeqCst) < 3) {
            assert!(see(&db.copies().await, None).await.unwrap().units == 0);
        }
    };
    timeout(LIMIT, used).await.expect("both are asked");
    one.leads(Leads::Nowhere);
    for _ in 0..50 {
        see(&db.copies().await, None).await.unwrap();
    }
    // The other one.
    a_replica_says(0, async || see(&db.copies().await, None).await.unwrap()).await;
    db.ping_replicas().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_may_lead_to_the_primary_for_a_while() {
    let Some(pair) = Pair::take().await else { return };
    let way = Way::to(&pair.primary).await;
    let db = pair.open(&[&way.url(&pair.replica)], PATIENT).await;
    let seller = SellerId::new();
    for units in 1..3 {
        put(&db, seller, units).await;
        let seen = see(&db.copies().await, None).await.unwrap();
        assert_eq!((seen.units, seen.by_replica), (units, false));
        way.leads(Leads::To(host(&pair.replica)));
        until_answered_by(&db, true).await;
        way.leads(Leads::To(host(&pair.primary)));
        until_answered_by(&db, false).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_is_proven_anew_for_each_session_with_the_primary() {
    let Some(mut pair) = Pair::take().await else { return };
    let way = Way::to(&pair.primary).await;
    let mut connect = pair.connect(&[&pair.replica], Duration::from_secs(1));
    connect.url = way.url(&pair.primary).into();
    // With one connection none is left over from before the primary is gone.
    connect.server.readers = 1;
    let db = Database::connect::<Shelves>("test", &connect, Clock::system()).await.unwrap();
    let seller = SellerId::new();
    put(&db, seller, 1).await;
    until_answered_by(&db, true).await;
    pair.pause().await;
    // As a primary that is exchanged for another.
    way.leads(Leads::Nowhere);
    let lost = async { while db.reader().ping().await.is_ok() {} };
    timeout(LIMIT, lost).await.expect("it is gone");
    way.leads(Leads::To(host(&pair.primary)));
    until_answered_by(&db, false).await;
    for _ in 0..100 {
        assert!(!see(&db.copies().await, None).await.unwrap().by_replica, "it has shown nothing of the new session");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    pair.resume().await;
    until_answered_by(&db, true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_reads_for_a_seller_sees_that_sellers_rows_only_on_a_replica_too() {
    let Some(pair) = Pair::take().await else { return };
    let db = pair.open(&[&pair.replica], PATIENT).await;
    let (one, other) = (SellerId::new(), SellerId::new());
    put(&db, one, 1).await;
    put(&db, other, 10).await;
    until_answered_by(&db, true).await;
    for (seller, units) in [(one, 1), (other, 10), (one, 1)] {
        a_replica_says(units, async || see(&db.copies_for(seller).await.unwrap(), None).await.unwrap()).await;
        // A connection forgets for whom it was used.
        a_replica_says(11, async || see(&db.copies().await, None).await.unwrap()).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_happens_to_replicas_who_wrote_reads_it() {
    let Some(mut pair) = Pair::take().await else { return };
    let way = Way::to(&pair.replica).await;
    let through = way.url(&pair.replica);
    let databases = [pair.open(&[&through], Duration::from_millis(20)).await, pair.open(&[&through], PATIENT).await];
    let (stop, by_replica) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicI64::new(0)));
    let writers: Vec<_> = (0..8)
        .map(|number| {
            let (one, other) = (databases[number % 2].clone(), databases[number / 2 % 2].clone());
            let (stop, by_replica) = (Arc::clone(&stop), Arc::clone(&by_replica));
            tokio::spawn(async move {
                let (seller, mut units) = (SellerId::new(), 0);
                while !stop.load(Ordering::SeqCst) {
                    units += 1;
                    put(&one, seller, units).await;
                    let seen = see(&other.copies().await, Some(seller)).await.unwrap();
                    assert_eq!(seen.units, units);
                    by_replica.fetch_add(i64::from(seen.by_replica), Ordering::SeqCst);
                }
                units
            })
        })
        .collect();
    for round in 0..30 {
        // Three will do, unless the machine is so busy that the primary had to answer everybody.
        if round >= 3 && by_replica.load(Ordering::SeqCst) > 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(700)).await;
        pair.pause().await;
        tokio::time::sleep(Duration::from_millis(300)).await;
        pair.resume().await;
        tokio::time::sleep(Duration::from_millis(700)).await;
        way.leads(Leads::Nowhere);
        tokio::time::sleep(Duration::from_millis(300)).await;
        way.leads(Leads::To(host(&pair.replica)));
    }
    stop.store(true, Ordering::SeqCst);
    for writer in writers {
        assert!(timeout(LIMIT, writer).await.unwrap().unwrap() > 0);
    }
    assert!(by_replica.load(Ordering::SeqCst) > 0, "some of the answers were a replica's");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_that_is_away_at_the_start_stops_nobody() {
    let Some(pair) = Pair::take().await else { return };
    let way = Way::to(&pair.replica).await;
    for away in [Leads::Nowhere, Leads::Astray] {
        way.leads(away);
        let db = pair.open(&[&way.url(&pair.replica), "postgres://souk@127.0.0.1:1/souk"], PATIENT).await;
        assert_eq!(see(&db.copies().await, None).await.unwrap().units, 0);
        way.leads(Leads::To(host(&pair.replica)));
        until_answered_by(&db, true).await;
        db.close().await;
    }
}

#[tokio::test]
async fn an_operator_learns_which_replica_can_be_none() {
    let folder = tempfile::tempdir().unwrap();
    let file = format!("sqlite:{}", folder.path().join("test.db").display());
    let complaint = |url: String, replica: String| async move {
        let mut connect = Connect { setting: "database.url".to_owned(), ..Connect::to(&url) };
        connect.replicas = vec![Replica { url: replica.into(), setting: "database.replicas[0]".to_owned() }];
        // One that is only slow to answer stops nobody, and is asked again.
        let refused = async {
            loop {
                match Database::connect::<Shelves>("orders", &connect, Clock::system()).await {
                    Ok(db) => db.close().await,
                    Err(error) => break error,
                }
            }
        };
        let error: OpenError = timeout(LIMIT, refused).await.expect("it can be none");
        let error = error.to_string();
        assert!(error.contains("database.replicas[0]") && !error.contains("hunter2"), "{error}");
        error
    };
    for url in [file, "mysql://db/souk".to_owned()] {
        let error = complaint(url, "postgres://souk:hunter2@db/souk".to_owned()).await;
        assert!(error.contains("only a PostgreSQL has replicas"), "{error}");
    }
    let Some(pair) = Pair::take().await else { return };
    let (server, _) = pair.replica.rsplit_once('/').unwrap();
    for (replica, why) in [
        ("sqlite:hunter2.db".to_owned(), "a replica of a PostgreSQL is a PostgreSQL"),
        ("hunter2".to_owned(), "a replica of a PostgreSQL is a PostgreSQL"),
        ("postgres://souk:hunter2@[".to_owned(), "can't be read"),
        (server.replace("souk@", "locked:hunter2@") + "/postgres", "password authentication failed"),
    ] {
        let error = complaint(pair.primary.clone(), replica).await;
        assert!(error.contains(why), "{error}");
    }
}
