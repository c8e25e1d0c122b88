//! Connecting external systems, and their turns: who may speak to one now, and when again.

use std::time::Duration;

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};
use souk_kernel::Timestamp;
use souk_platform::{
    db::Tx,
    events::{Event, Receipt},
    outbound::Target,
};

use super::{publish, pull};
use crate::{
    app::App,
    domain::channel::{self as rules, Direction},
    error::Error,
    store::{channel, channels, source, sources},
};

/// A turn lasts shorter than this: the delivery of its timer does.
const CLAIM: TimeDelta = TimeDelta::minutes(1);
/// What speaking to the other side takes at most, whatever is configured: the delivery of a timer is given up after 30 s.
const LONGEST: Duration = Duration::from_secs(20);
/// How soon to look again for a free permit.
const BUSY: TimeDelta = TimeDelta::seconds(1);
/// Channels that are late by so much have lost their timer.
const LOST: TimeDelta = TimeDelta::minutes(10);
/// The first publication waits until every process knows that there is somebody to tell.
const FIRST_PUBLICATION: TimeDelta = TimeDelta::seconds(2);

/// A timer: a channel's turn. Only for inventory itself.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ChannelDue {
    pub source: String,
    pub direction: Direction,
    pub number: i64,
}

impl Event for ChannelDue {
    const TYPE: &'static str = "inventory.channel_due";
    fn key(&self) -> String {
        format!("{}/{:?}", self.source, self.direction)
    }
}

/// Where a source is fetched from and told to.
#[derive(Clone, Debug, Default)]
pub struct Connection {
    pub feed: Line,
    /// As it was if absent.
    pub every: Option<Duration>,
    pub publish: Line,
}

/// What becomes of one direction.
#[derive(Clone, Debug, Default)]
pub enum Line {
    /// It stays as it is.
    #[default]
    Kept,
    /// It ends.
    Cut,
    /// It leads there from now on.
    To(Target),
}

impl Connection {
    /// Makes it so.
    pub(super) async fn store(self, tx: &Tx, source: &source::Model) -> Result<(), Error> {
        let name = source.name.as_str();
        match (self.feed, self.every) {
            (Line::To(url), every) => {
                let known = channels::lock(tx, name, Direction::Pull).await?;
                let before = known.as_ref().and_then(|known| known.every_seconds);
                let every = every.map(seconds).or(before).unwrap_or(DEFAULT_EVERY);
                let row = fresh(source, Direction::Pull, known.as_ref(), url.expose().to_owned());
                arm(tx, channel::Model { every_seconds: Some(every), ..row }, tx.now());
            }
            (Line::Cut, _) => channels::remove(tx, name, Direction::Pull),
            (Line::Kept, Some(every)) => {
                let known = channels::lock(tx, name, Direction::Pull).await?.ok_or(Error::NoFeed)?;
                let row = channel::Model { every_seconds: Some(seconds(every)), ..next(&known) };
                arm(tx, row, tx.now());
            }
            (Line::Kept, None) => {}
        }
        match self.publish {
            Line::To(url) => {
                let known = channels::lock(tx, name, Direction::Publish).await?;
                let row = fresh(source, Direction::Publish, known.as_ref(), url.expose().to_owned());
                arm(tx, row, tx.now() + FIRST_PUBLICATION);
                // Whoever begins to listen hears everything once.
                let named = sources::names_of(tx, name, None).await?;
                channels::note(tx, name, named.into_keys().map(|sku_id| (sku_id, 0)));
            }
            Line::Cut => channels::remove(tx, name, Direction::Publish),
            Line::Kept => {}
        }
        Ok(())
    }
}

const DEFAULT_EVERY: i64 = 15 * 60;

fn seconds(every: Duration) -> i64 {
    i64::try_from(every.as_secs()).unwrap_or(i64::MAX)
}

/// A channel that has not been used. Its turns are counted on, so that timers of the one before it are void.
fn fresh(source: &source::Model, direction: Direction, before: Option<&channel::Model>, url: String) -> channel::Model {
    channel::Model {
        source: source.name.clone(),
        direction,
        url,
        every_seconds: None,
        number: before.map_or(0, |before| before.number) + 1,
        claimed_until: None,
        next_at: None,
        last_at: None,
        failures: 0,
        error: None,
        etag: None,
        modified: None,
    }
}

/// The channel at its next turn.
fn next(row: &channel::Model) -> channel::Model {
    channel::Model { number: row.number + 1, claimed_until: None, ..row.clone() }
}

/// Stores the channel with its next turn, and sets the timer.
pub(super) fn arm(tx: &Tx, row: channel::Model, at: Timestamp) {
    tx.publish_at(due(&row), at);
    channels::put(tx, channel::Model { next_at: Some(at), ..row });
}

fn due(row: &channel::Model) -> ChannelDue {
    ChannelDue { source: row.source.clone(), direction: row.direction, number: row.number }
}

/// A source was switched on: its channels take up their work.
pub(super) async fn resume(tx: &Tx, source: &str) -> Result<(), Error> {
    for row in channels::of_sources(tx, &[source]).await? {
        arm(tx, next(&row), tx.now());
    }
    Ok(())
}

/// Sets the timers of channels that have lost theirs. Gives how many there were.
pub async fn rearm(app: &App) -> Result<usize, Error> {
    let late = channels::overdue(app.db.reader(), app.db.clock().now() - LOST).await?;
    let count = late.len();
    if count > 0 {
        // A second timer for one turn is harmless.
        let work = move |tx: Tx| async move {
            for row in &late {
                tx.publish(due(row));
            }
            Ok::<_, Error>(())
        };
        app.db.transaction(work).await?;
    }
    Ok(count)
}

/// A channel that is ours until its turn has ended.
#[derive(Clone, Debug)]
pub(super) struct Turn {
    pub source: source::Model,
    pub channel: channel::Model,
}

/// The timer of a channel fired: takes its turn, unless the channel is gone, changed, or somebody is at it.
pub async fn take_turn(app: &App, due: ChannelDue, receipt: Receipt) -> Result<(), Error> {
    let Ok(_permit) = app.permits.try_acquire() else {
        return later(app, due, receipt, app.db.clock().now() + BUSY).await;
    };
    let seen = due.clone();
    let work = move |tx: Tx| async move {
        let row = channels::lock(&tx, &due.source, due.direction).await?.filter(|row| row.number == due.number);
        let source = sources::find(&tx, &due.source).await?.filter(|source| source.enabled);
        let Some((source, row)) = source.zip(row) else {
            tx.accept(receipt).await?;
            return Ok::<_, Error>(Claim::Void);
        };
        Ok(match claim(&tx, source, row).await? {
            Ok(turn) => Claim::Ours(Box::new(turn)),
            Err(busy_until) => Claim::Theirs(busy_until),
        })
    };
    match app.db.transaction(work).await? {
        Claim::Void => Ok(()),
        // Perhaps a process that died at it: then it is ours when its time is over.
        Claim::Theirs(until) => later(app, seen, receipt, until).await,
        Claim::Ours(turn) => match turn.channel.direction {
            Direction::Pull => pull::take(app, *turn, Some(receipt)).await.map(drop),
            Direction::Publish => publish::take(app, *turn, receipt).await,
        },
    }
}

enum Claim {
    Ours(Box<Turn>),
    Theirs(Timestamp),
    Void,
}

/// Takes the channel for us alone, or says until when somebody else has it.
pub(super) async fn claim(
    tx: &Tx,
    source: source::Model,
    row: channel::Model,
) -> Result<Result<Turn, Timestamp>, Error> {
    let until = tx.now() + CLAIM;
    if channels::claim(tx, &row, until).await? {
        return Ok(Ok(Turn { source, channel: channel::Model { claimed_until: Some(until), ..row } }));
    }
    Ok(Err(row.claimed_until.unwrap_or(until)))
}

async fn later(app: &App, due: ChannelDue, receipt: Receipt, at: Timestamp) -> Result<(), Error> {
    let work = move |tx: Tx| async move {
        if tx.accept(receipt).await? {
            tx.publish_at(due, at);
        }
        Ok(())
    };
    app.db.transaction(work).await
}

/// How long speaking to the other side may take.
pub(super) fn time(app: &App) -> Duration {
    app.config.sources.timeout.min(LONGEST)
}

/// How a turn ended, and when the next one should be if it ended well.
pub(super) struct Ending {
    pub failure: Option<String>,
    pub next_at: Option<Timestamp>,
    pub etag: Option<String>,
    pub modified: Option<String>,
}

/// Ends a turn: the circuit learns how it went, the timer of the next one is set. Nothing when the channel was changed
/// meanwhile: whoever changed it has set its timer.
pub(super) fn end(tx: &Tx, turn: &Turn, ending: Ending) {
    let before = &turn.channel;
    let failures = if ending.failure.is_some() { before.failures + 1 } else { 0 };
    let next_at = if failures > 0 { Some(tx.now() + rules::pause(failures)) } else { ending.next_at };
    let row = channel::Model {
        failures,
        error: ending.failure,
        last_at: Some(tx.now()),
        etag: ending.etag,
        modified: ending.modified,
        next_at,
        ..next(before)
    };
    match next_at {
        Some(at) => arm(tx, row, at),
        None => channels::put(tx, row),
    }
}
