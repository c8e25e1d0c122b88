//! Turns of channels: one process at a time, and void timers.

use chrono::TimeDelta;
use souk_contracts::events::StockChanged;
use souk_kernel::EventId;
use souk_platform::{db::Tx, events::Receipt};

use super::{Fixture, fixture};
use crate::{
    domain::{MAIN, MOST_SOURCES, channel::Direction, source::SourceKind},
    error::Error,
    operations::{self, ChannelDue, Connection, Line, NewSource, Pulled},
    store::{channel, channels, sources},
};

/// Nobody listens there.
const NOWHERE: &str = "http://127.0.0.1:9/";

async fn connect(fixture: &Fixture, connection: Connection) -> channel::Model {
    let new = NewSource {
        name: "erp".to_owned(),
        seller_id: fixture.seller_id,
        kind: SourceKind::Csv,
        location: MAIN.to_owned(),
        connection,
    };
    operations::add_source(&fixture.app, new).await.unwrap().channels.remove(0)
}

fn to(url: &str) -> Line {
    Line::To(url.parse().unwrap())
}

fn receipt() -> Receipt {
    Receipt { consumer: "inventory", event_id: EventId::new() }
}

impl Fixture {
    async fn channel(&self, direction: Direction) -> channel::Model {
        let work = move |tx: Tx| async move { Ok::<_, Error>(channels::lock(&tx, "erp", direction).await?) };
        self.app.db.transaction(work).await.unwrap().unwrap()
    }

    /// The timers that are set.
    async fn timers(&self) -> usize {
        let backlog = souk_platform::events::Backlog::of(&self.app.db).await.unwrap();
        usize::try_from(backlog.due + backlog.later).unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_feed_is_never_pulled_twice_at_once() {
    let fixture = fixture().await;
    let row = connect(&fixture, Connection { feed: to(NOWHERE), ..Connection::default() }).await;
    let claim = async || {
        let row = row.clone();
        let work = move |tx: Tx| async move {
            let until = tx.now() + TimeDelta::minutes(1);
            Ok::<_, Error>(channels::claim(&tx, &row, until).await?)
        };
        fixture.app.db.transaction(work).await.unwrap()
    };
    assert!(claim().await);
    assert!(!claim().await, "another process is at it");
    let by_hand = operations::pull_now(&fixture.app, "erp".to_owned(), fixture.seller_id).await;
    assert!(matches!(by_hand, Err(Error::PullRunning)), "{by_hand:?}");
    let before = fixture.timers().await;
    let due = ChannelDue { source: "erp".to_owned(), direction: Direction::Pull, number: row.number };
    let receipt = receipt();
    for _ in 0..2 {
        operations::take_turn(&fixture.app, due.clone(), receipt).await.unwrap();
    }
    assert_eq!(fixture.timers().await, before + 1, "looked at again when its time is over, once");
    assert_eq!(fixture.channel(Direction::Pull).await.last_at, None);
    fixture.clock.advance(TimeDelta::minutes(2));
    assert!(claim().await, "the other one has died");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_turn_counts_and_leaves_old_timers_void() {
    let fixture = fixture().await;
    let row = connect(&fixture, Connection { feed: to(NOWHERE), ..Connection::default() }).await;
    let due = ChannelDue { source: "erp".to_owned(), direction: Direction::Pull, number: row.number };
    operations::take_turn(&fixture.app, due.clone(), receipt()).await.unwrap();
    let after = fixture.channel(Direction::Pull).await;
    assert_eq!((after.number, after.failures, after.claimed_until), (row.number + 1, 1, None));
    assert_eq!(after.error.as_deref(), Some("the host has no public address"));
    let pause = after.next_at.unwrap() - after.last_at.unwrap();
    assert_eq!(pause.num_seconds(), 10);
    operations::take_turn(&fixture.app, due, receipt()).await.unwrap();
    assert_eq!(fixture.channel(Direction::Pull).await.failures, 1, "that turn is over");
    let pulled = operations::pull_now(&fixture.app, "erp".to_owned(), fixture.seller_id).await;
    assert!(matches!(pulled, Err(Error::PulledJustNow(_))), "{pulled:?}");
    fixture.clock.advance(TimeDelta::seconds(11));
    let pulled = operations::pull_now(&fixture.app, "erp".to_owned(), fixture.seller_id).await;
    assert!(matches!(pulled, Ok(Pulled::Failed(_))), "{pulled:?}");
    let (reports, _) = sources::reports(fixture.app.db.reader(), "erp", None, 0, 10).await.unwrap();
    assert_eq!(reports.len(), 2);
    assert_eq!(reports[0].error.as_deref(), Some("the host has no public address"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_seller_connects_only_so_many_systems() {
    let fixture = fixture().await;
    let connect = async |number: u64| {
        let new = NewSource {
            name: format!("erp-{number}"),
            seller_id: fixture.seller_id,
            kind: SourceKind::Csv,
            location: MAIN.to_owned(),
            connection: Connection::default(),
        };
        operations::add_source(&fixture.app, new).await
    };
    for number in 0..MOST_SOURCES {
        connect(number).await.unwrap();
    }
    assert!(matches!(connect(MOST_SOURCES).await, Err(Error::TooManySources)));
    assert!(matches!(connect(0).await, Err(Error::NameTaken)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_timer_is_set_again() {
    let fixture = fixture().await;
    connect(&fixture, Connection { feed: to(NOWHERE), ..Connection::default() }).await;
    assert_eq!(operations::rearm(&fixture.app).await.unwrap(), 0);
    fixture.clock.advance(TimeDelta::minutes(11));
    assert_eq!(operations::rearm(&fixture.app).await.unwrap(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_is_noted_once_and_wakes_the_channel_once() {
    let fixture = fixture().await;
    let sku_id = fixture.open(1, 5).await[0];
    connect(&fixture, Connection { publish: to(NOWHERE), ..Connection::default() }).await;
    let names = vec![("A".to_owned(), Some(sku_id))];
    operations::map_skus(&fixture.app, "erp".to_owned(), fixture.seller_id, names).await.unwrap();
    let before = fixture.timers().await;
    let event =
        StockChanged { sku_id, seller_id: fixture.seller_id, on_hand: 5, reserved: 0, available: 5, version: 1 };
    let receipt = receipt();
    for _ in 0..3 {
        operations::note_change(&fixture.app, event.clone(), receipt).await.unwrap();
    }
    let noted = channels::noted(fixture.app.db.reader(), "erp", 10).await.unwrap();
    assert_eq!((noted.len(), noted[0].version), (1, 1));
    assert_eq!(fixture.timers().await, before, "it was awake already");
    let due = |number| ChannelDue { source: "erp".to_owned(), direction: Direction::Publish, number };
    let row = fixture.channel(Direction::Publish).await;
    operations::take_turn(&fixture.app, due(row.number), Receipt { event_id: EventId::new(), ..receipt })
        .await
        .unwrap();
    let row = fixture.channel(Direction::Publish).await;
    assert_eq!((row.failures, row.number), (1, 2));
    assert_eq!(channels::noted(fixture.app.db.reader(), "erp", 10).await.unwrap().len(), 1, "still to be told");
}
