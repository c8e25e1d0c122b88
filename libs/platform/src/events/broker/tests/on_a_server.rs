use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use lapin::{
    BasicProperties,
    options::{BasicAckOptions, BasicGetOptions, BasicPublishOptions},
};
use sea_orm::DbErr;
use sea_orm_migration::{MigrationTrait, MigratorTrait};
use serde::{Deserialize, Serialize};
use souk_kernel::{Clock, ErrorKind, PageQuery, Problem};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::{
    db::{Database, Tx, testing as databases},
    events::{Backlog, Bus, Consumers, DeadLetters, Delivery, Event, Relay},
};

const PATIENCE: Duration = Duration::from_mins(1);

struct NoTables;
impl MigratorTrait for NoTables {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        Vec::new()
    }
}

/// Number `number` of the thing `thing`.
#[derive(Clone, Serialize, Deserialize)]
struct Numbered {
    thing: usize,
    number: usize,
}

impl Event for Numbered {
    const TYPE: &'static str = "test.numbered";
    fn key(&self) -> String {
        format!("thing {}", self.thing)
    }
}

/// Two services in two processes: `announcer` tells, `listener` takes, each with a database of its own.
struct Pair {
    config: EventsConfig,
    clock: Clock,
    announcer: Database,
    listener: Database,
    seen: Arc<Mutex<Vec<(usize, usize)>>>,
    stops: Vec<CancellationToken>,
    /// Tell the processes that take to stop in good order.
    takers: Vec<CancellationToken>,
    _folder: TempDir,
}

impl Pair {
    /// Both run; the listener refuses events of the thing `poisoned`.
    async fn start(config: EventsConfig, poisoned: Option<usize>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Clock::adjustable();
        let open = async |service: &'static str| {
            let url = databases::url(folder.path(), service).await;
            Database::open::<NoTables>(service, &url, clock.clone()).await.unwrap()
        };
        let (announcer, listener) = (open("announcer").await, open("listener").await);
        let (seen, stops, takers) = (Arc::default(), Vec::new(), Vec::new());
        let mut pair = Self { config, clock, announcer, listener, seen, stops, takers, _folder: folder };
        pair.announces().await;
        pair.delivers(poisoned);
        pair.takes(poisoned).await;
        pair
    }

    async fn broker(&self) -> Broker {
        Broker::open(&self.config).await.unwrap().unwrap()
    }

    /// Starts the process of the one that tells.
    async fn announces(&mut self) {
        let bus = Bus::new([]).with("listener", &[Numbered::TYPE], &self.broker().await.courier());
        self.run(Relay::new(self.announcer.clone(), bus, CancellationToken::new()).run());
    }

    /// To what the one that takes does about events.
    fn handlers(&self, poisoned: Option<usize>) -> Bus {
        let (db, seen) = (self.listener.clone(), Arc::clone(&self.seen));
        let handler = move |(db, seen): (Database, Arc<Mutex<Vec<_>>>), delivery: Delivery<Numbered>| async move {
            let Numbered { thing, number } = delivery.event;
            if poisoned == Some(thing) {
                return Err(Problem::new(ErrorKind::Conflict, "poisoned", "it is poisoned"));
            }
            let first = db.transaction(move |tx: Tx| async move { tx.accept(delivery.receipt).await }).await;
            let first = first.map_err(|error| crate::db::problem("listener", &error))?;
            if first {
                seen.lock().unwrap().push((thing, number));
            }
            Ok(())
        };
        Bus::new([Consumers::new("listener").on((db, seen), handler)])
    }

    /// Starts its relay.
    fn delivers(&mut self, poisoned: Option<usize>) {
        let relay = Relay::new(self.listener.clone(), self.handlers(poisoned), CancellationToken::new());
        self.run(relay.run());
    }

    /// Starts a process that takes events for it.
    async fn takes(&mut self, poisoned: Option<usize>) {
        let (bus, db, stop) = (self.handlers(poisoned), self.listener.clone(), CancellationToken::new());
        let broker = self.broker().await;
        let take = broker.clone().take(bus, db, stop.clone());
        self.takers.push(stop);
        let end = CancellationToken::new();
        self.stops.push(end.clone());
        tokio::spawn(async move {
            tokio::pin!(take);
            tokio::select! {
                () = end.cancelled() => broker.die().await,
                () = &mut take => {}
            }
        });
    }

    fn run(&mut self, process: impl Future<Output = ()> + Send + 'static) {
        let stop = CancellationToken::new();
        self.stops.push(stop.clone());
        tokio::spawn(async move {
            tokio::select! {
                () = stop.cancelled() => {}
                () = process => {}
            }
        });
    }

    async fn tells(&self, events: impl IntoIterator<Item = Numbered>) {
        for event in events {
            let tell = move |tx: Tx| async move {
                tx.publish(event);
                Ok::<_, DbErr>(())
            };
            self.announcer.transaction(tell).await.unwrap();
        }
    }

    fn seen(&self) -> Vec<(usize, usize)> {
        self.seen.lock().unwrap().clone()
    }

    async fn eventually(&self, what: &str, mut holds: impl AsyncFnMut() -> bool) {
        let give_up = Instant::now() + PATIENCE;
        while !holds().await {
            assert!(Instant::now() < give_up, "not within {PATIENCE:?}: {what}; seen: {:?}", self.seen());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Waits for so many events, each once, and those of each thing in their order.
    async fn has_all(&self, things: usize, numbers: usize) {
        self.eventually("all are taken", async || self.seen().len() >= things * numbers).await;
        let seen = self.seen();
        assert_eq!(seen.len(), things * numbers, "each once");
        for thing in 0..things {
            let of_thing: Vec<_> = seen.iter().filter(|event| event.0 == thing).map(|event| event.1).collect();
            assert_eq!(of_thing, (0..numbers).collect::<Vec<_>>(), "in their order");
        }
    }

    async fn ends(self) {
        for stop in &self.stops {
            stop.cancel();
        }
        testing::remove(&self.broker().await, &["listener"]).await;
    }
}

fn events(things: usize, numbers: std::ops::Range<usize>) -> impl Iterator<Item = Numbered> {
    numbers.flat_map(move |number| (0..things).map(move |thing| Numbered { thing, number }))
}

#[tokio::test(flavor = "multi_thread")]
async fn every_event_comes_once_and_those_of_one_key_in_their_order() {
    let Some(config) = testing::broker() else { return };
    let pair = Pair::start(config, None).await;
    pair.tells(events(10, 0..30)).await;
    pair.has_all(10, 30).await;
    pair.eventually("the outbox is empty", async || Backlog::of(&pair.announcer).await.unwrap().due == 0).await;
    assert!(pair.broker().await.flush(&["listener"]).await.unwrap().is_empty());
    pair.ends().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_is_refused_becomes_a_dead_letter_and_can_be_replayed() {
    let Some(config) = testing::broker() else { return };
    let mut pair = Pair::start(config, Some(0)).await;
    pair.tells(events(3, 0..2)).await;
    pair.eventually("the others are taken", async || pair.seen().len() == 4).await;
    let letters = async || DeadLetters(&pair.listener).list(&PageQuery::default()).await.unwrap().items;
    pair.eventually("it is given up", async || {
        pair.clock.advance(chrono::TimeDelta::minutes(1));
        letters().await.len() == 2
    })
    .await;
    let letter = &letters().await[0];
    assert_eq!((&*letter.consumer, &*letter.kind, letter.attempts), ("listener", Numbered::TYPE, 12));
    assert!(letter.error.contains("poisoned"), "{}", letter.error);
    // The service is mended.
    pair.stops.remove(1).cancel();
    pair.delivers(None);
    assert_eq!(DeadLetters(&pair.listener).replay(None).await.unwrap(), 2);
    pair.has_all(3, 2).await;
    pair.ends().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_event_goes_to_the_dead_letter_exchange() {
    let Some(config) = testing::broker() else { return };
    let pair = Pair::start(config, None).await;
    let broker = pair.broker().await;
    let channel = broker.receiving().await.unwrap();
    broker.declare(&channel, "listener").await.unwrap();
    let (exchange, plain) = (broker.exchange(), BasicPublishOptions::default());
    let garbage = BasicProperties::default();
    channel.basic_publish(exchange, "listener".into(), plain, b"garbage", garbage).await.unwrap();
    pair.tells(events(1, 0..3)).await;
    pair.has_all(1, 3).await;
    let dead = format!("{}.dead", pair.config.name);
    pair.eventually("it is in the queue of dead letters", async || {
        let message = channel.basic_get(dead.as_str().into(), BasicGetOptions::default()).await.unwrap();
        let Some(message) = message else { return false };
        message.delivery.acker.ack(BasicAckOptions::default()).await.unwrap();
        message.delivery.data == b"garbage"
    })
    .await;
    pair.ends().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_process_goes_on_when_the_one_that_took_the_events_ends() {
    let Some(config) = testing::broker() else { return };
    let mut pair = Pair::start(config, None).await;
    pair.tells(events(5, 0..10)).await;
    pair.takes(None).await;
    pair.stops.remove(2).cancel();
    pair.tells(events(5, 10..20)).await;
    pair.has_all(5, 20).await;
    pair.ends().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn events_keep_their_order_when_processes_take_turns_in_taking_them() {
    let Some(config) = testing::broker() else { return };
    let mut pair = Pair::start(config, None).await;
    for round in 0..4 {
        pair.takes(None).await;
        // Much more than is handled at once, so that the one that stops leaves some.
        pair.tells(events(3, round * 60..round * 60 + 60)).await;
        pair.takers.remove(0).cancel();
    }
    pair.has_all(3, 240).await;
    let dead = Backlog::of(&pair.listener).await.unwrap().dead;
    assert_eq!(dead, 0);
    pair.ends().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outage_of_the_broker_is_waited_out() {
    let folder = tempfile::tempdir().unwrap();
    let Some(server) = testing::Server::start(folder.path()) else { return };
    let pair = Pair::start(server.config(), None).await;
    pair.tells(events(10, 0..5)).await;
    pair.has_all(10, 5).await;
    pair.tells(events(10, 5..10)).await;
    // While events are on their way. It is told to end: when it is killed as it writes, RabbitMQ 3.10 comes back with a queue
    // that never gets a leader, on which nobody outside has an influence. A kill without that is in the tests of processes.
    server.does("stop");
    assert!(pair.broker().await.ping().await.is_err());
    pair.tells(events(10, 10..20)).await;
    let backlog = Backlog::of(&pair.announcer).await.unwrap();
    assert!(backlog.due + backlog.later >= 100, "they wait: {backlog:?}");
    server.does("start");
    pair.eventually("waiting ends", async || {
        pair.clock.advance(chrono::TimeDelta::seconds(1));
        pair.seen().len() >= 200
    })
    .await;
    pair.has_all(10, 20).await;
    // And in good order, with nothing on its way.
    server.does("stop");
    pair.tells(events(10, 20..25)).await;
    server.does("start");
    pair.eventually("waiting ends", async || {
        pair.clock.advance(chrono::TimeDelta::seconds(1));
        pair.seen().len() >= 250
    })
    .await;
    pair.has_all(10, 25).await;
    let dead = Backlog::of(&pair.announcer).await.unwrap().dead + Backlog::of(&pair.listener).await.unwrap().dead;
    assert_eq!(dead, 0, "an outage uses up no tries");
    pair.ends().await;
}

#[tokio::test]
async fn a_broker_that_refuses_is_told_and_one_that_is_away_is_not_waited_for() {
    let away = EventsConfig { url: "amqp://u:hunter2@127.0.0.1:9".into(), ..EventsConfig::default() };
    let broker = Broker::open(&away).await.unwrap().unwrap();
    let error = broker.ping().await.unwrap_err();
    assert!(error.starts_with("the broker of events.url") && !error.contains("hunter2"), "{error}");
    let Some(right) = testing::broker() else { return };
    let url = url::Url::parse(right.url.expose()).unwrap();
    let with = |change: &dyn Fn(&mut url::Url)| {
        let mut url = url.clone();
        change(&mut url);
        EventsConfig { url: url.as_str().into(), ..right.clone() }
    };
    let error = refusal(with(&|url| url.set_password(Some("wrong")).unwrap())).await;
    assert_eq!(error, "events.url: the broker refuses this user and password");
    let error = refusal(with(&|url| url.set_path("nowhere"))).await;
    assert!(error.contains("no such virtual host"), "{error}");
}
