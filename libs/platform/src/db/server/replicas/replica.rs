//! One replica: found, proven to follow the primary, watched, lost, found again.

use std::{
    convert::Infallible,
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    time::Duration,
};

use sqlx::{Connection, PgConnection, postgres::PgConnectOptions};
use tokio::{
    sync::{Notify, watch},
    time::{Instant, sleep, timeout, timeout_at},
};
use tokio_util::sync::CancellationToken;

use super::{
    LIMIT,
    primary::{Position, Primary},
};
use crate::db::server::{Connections, postgres};

/// How often a replica is looked after that nobody asks for.
const CHECK: Duration = Duration::from_secs(1);
/// The pause before one that is away is tried again.
const PAUSE: Duration = Duration::from_secs(1);
/// The same for one that was promoted: it does not become a replica again in no time.
const PAUSE_OF_PRIMARY: Duration = Duration::from_secs(5);
/// How long a replica may take to show what was just written to the primary. One that takes longer is tried again.
const PROOF: Duration = Duration::from_secs(10);
/// The pause between two looks for that.
const PROOF_PAUSE: Duration = Duration::from_millis(20);
/// The pause between two looks at how far it is, while somebody waits.
const POLL: Duration = Duration::from_millis(1);

/// A replica that may answer for the primary.
pub(super) struct Replica {
    pub service: &'static str,
    /// Its host and port.
    pub place: String,
    pub setting: String,
    pub options: PgConnectOptions,
    pub pooling: postgres::Pooling,
    /// How far behind it may be, in time.
    pub wait: Duration,
    state: watch::Sender<State>,
    /// Rung when somebody wants to know how far it is now.
    look: Notify,
    /// How many of them there are.
    waiting: AtomicUsize,
    /// Whether it was too late when it was last waited for. Nobody waits for it again until it is found to have everything.
    behind: AtomicBool,
}

/// What is known about a replica.
#[derive(Clone)]
pub(super) enum State {
    /// Nothing yet.
    New,
    Away,
    Serving(Serving),
}

/// A replica that follows the primary.
#[derive(Clone)]
pub(super) struct Serving {
    /// The session with the primary for which it was proven.
    session: u64,
    /// It has at least so much of the log.
    replayed: u64,
    /// Tells this connection to it from others before and after.
    following: u64,
    /// Connections to that very server.
    pub connections: Connections,
}

/// Why it is not followed any more.
enum End {
    /// It is no replica now: it was promoted, or its address leads to the primary.
    Primary,
    Failed(String),
}

impl From<sqlx::Error> for End {
    fn from(error: sqlx::Error) -> Self {
        Self::Failed(error.to_string())
    }
}

/// What was last said about it, so that nothing is said twice.
#[derive(PartialEq, Eq)]
enum Said {
    Nothing,
    Follows,
    Primary,
    Away,
}

impl State {
    pub fn serving(&self) -> Option<&Serving> {
        match self {
            Self::Serving(serving) => Some(serving),
            Self::New | Self::Away => None,
        }
    }
}

impl Serving {
    fn has(&self, position: Position) -> bool {
        self.session == position.session && self.replayed >= position.log
    }
}

impl Replica {
    pub fn new(known: &super::Known, service: &'static str, pooling: postgres::Pooling, wait: Duration) -> Self {
        Self {
            service,
            place: known.server.clone(),
            setting: known.setting.clone(),
            options: known.options.clone(),
            pooling,
            wait,
            state: watch::Sender::new(State::New),
            look: Notify::new(),
            waiting: AtomicUsize::default(),
            behind: AtomicBool::default(),
        }
    }

    /// Whether it is worth asking where the primary is.
    pub fn is_fit(&self) -> bool {
        !self.behind.load(Ordering::Relaxed) && self.state.borrow().serving().is_some()
    }

    pub fn is_away(&self) -> bool {
        matches!(*self.state.borrow(), State::Away)
    }

    /// Whether it has been proven for the session with the primary that `position` is of.
    pub fn follows(&self, position: Position) -> bool {
        self.state.borrow().serving().is_some_and(|serving| serving.session == position.session)
    }

    /// The replica, if it is known to have everything up to `position`.
    pub fn having(&self, position: Position) -> Option<Serving> {
        self.state.borrow().serving().filter(|serving| serving.has(position)).cloned()
    }

    /// The replica, as soon as it has everything up to `position`; nothing if it is lost before.
    pub async fn reaching(&self, position: Position) -> Option<Serving> {
        let _waiting = Waiting::on(self);
        let mut state = self.state.subscribe();
        let decided = |state: &State| {
            state.serving().is_none_or(|serving| serving.session != position.session || serving.has(position))
        };
        let state = state.wait_for(decided).await.ok()?;
        state.serving().filter(|serving| serving.has(position)).cloned()
    }

    /// Ends when `serving` is not followed any more.
    pub async fn lost(&self, serving: &Serving) {
        let other = |state: &State| state.serving().is_none_or(|now| now.following != serving.following);
        // An error says that it is being closed.
        let _ = self.state.subscribe().wait_for(other).await;
    }

    /// It was too late.
    pub fn fall_behind(&self) {
        self.behind.store(true, Ordering::Relaxed);
    }

    /// Something went wrong with it: it is looked after at once.
    pub fn doubt(&self) {
        self.look.notify_one();
    }

    /// Follows it until `stop`.
    pub async fn follow(&self, primary: Primary, stop: CancellationToken) {
        let (mut said, mut following) = (Said::Nothing, 0);
        loop {
            following += 1;
            let Err(end) = self.find(&primary, &stop, following, &mut said).await;
            self.state.send_replace(State::Away);
            self.show(None);
            if stop.is_cancelled() {
                return;
            }
            let pause = if matches!(end, End::Primary) { PAUSE_OF_PRIMARY } else { PAUSE };
            self.say(end, &mut said);
            if stop.run_until_cancelled(sleep(pause)).await.is_none() {
                return;
            }
        }
    }

    fn say(&self, end: End, said: &mut Said) {
        let Self { service, place, setting, .. } = self;
        let now = match &end {
            End::Primary => Said::Primary,
            End::Failed(_) => Said::Away,
        };
        if *said == now {
            return;
        }
        match end {
            End::Primary => {
                tracing::info!(service, %place, setting, "this server is no replica at the moment; it is tried again");
            }
            End::Failed(cause) => {
                tracing::warn!(service, %place, setting, cause, "a replica is away; the primary answers for it");
            }
        }
        *said = now;
    }

    /// Connects and follows it until something goes wrong.
    async fn find(
        &self,
        primary: &Primary,
        stop: &CancellationToken,
        following: u64,
        said: &mut Said,
    ) -> Result<Infallible, End> {
        let closed = || End::Failed("the database is closed".to_owned());
        let (mut connection, server) = stop.run_until_cancelled(self.connect()).await.ok_or_else(closed)??;
        let connections = self.pooling.replica(&self.options, server);
        let end = stop.run_until_cancelled(self.serve(&mut connection, primary, following, &connections, said)).await;
        // Who still asks it stops now; nobody has to wait for that.
        self.state.send_replace(State::Away);
        tokio::spawn(async move { connections.close().await });
        end.ok_or_else(closed)?
    }

    /// A connection, and what the server is known by.
    async fn connect(&self) -> Result<(PgConnection, String), End> {
        let mut connection = limited(PgConnection::connect_with(&self.options)).await?;
        look(&mut connection).await?;
        let server = limited(sqlx::query_scalar(postgres::SERVER).fetch_one(&mut connection)).await?;
        Ok((connection, server))
    }

    async fn serve(
        &self,
        connection: &mut PgConnection,
        primary: &Primary,
        following: u64,
        connections: &Connections,
        said: &mut Said,
    ) -> Result<Infallible, End> {
        let mut whole = Instant::now();
        loop {
            let began = Instant::now();
            // Without the primary nobody learns what a replica would have to have.
            if let Some(position) = primary.position().await {
                if !self.follows(position) {
                    self.state.send_replace(State::Away);
                    let Some(session) = self.prove(connection, primary).await? else { continue };
                    let serving = Serving { session, replayed: 0, following, connections: connections.clone() };
                    self.state.send_replace(State::Serving(serving));
                    continue;
                }
                let has_all = self.catch_up(connection, position).await?;
                self.behind.store(!has_all, Ordering::Relaxed);
                if has_all {
                    whole = began;
                    if *said != Said::Follows {
                        let Self { service, place, .. } = self;
                        tracing::info!(service, %place, "a replica answers for the primary");
                        *said = Said::Follows;
                    }
                }
                self.show(Some(if has_all { Duration::ZERO } else { whole.elapsed() }));
            }
            self.answer(connection, began + CHECK).await?;
        }
    }

    /// The session with the primary that it is a replica of; nothing when the primary can't be asked.
    ///
    /// Positions say nothing about the copy of another server, or of this one's past: one that was ahead of a replica that was
    /// promoted is, by its numbers, ahead of the new primary too.
    async fn prove(&self, connection: &mut PgConnection, primary: &Primary) -> Result<Option<u64>, End> {
        let until = Instant::now() + PROOF;
        let Some(written) = primary.mark().await else {
            sleep(CHECK).await;
            return Ok(None);
        };
        loop {
            let find =
                sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM replica_marks WHERE mark = $1)").bind(written.mark);
            match limited(find.fetch_one(&mut *connection)).await {
                Ok(true) => return Ok(Some(written.session)),
                Ok(false) => {}
                // A schema that was just made may not be there yet.
                Err(sqlx::Error::Database(error)) if error.code().as_deref() == Some("42P01") => {}
                Err(error) => return Err(error.into()),
            }
            if Instant::now() > until {
                let cause = "it does not show what was just written to the primary; is it a replica of it?";
                return Err(End::Failed(cause.to_owned()));
            }
            sleep(PROOF_PAUSE).await;
        }
    }

    /// Whether it has everything up to `position` in time.
    async fn catch_up(&self, connection: &mut PgConnection, position: Position) -> Result<bool, End> {
        let until = Instant::now() + self.wait;
        loop {
            let replayed = self.learn(connection).await?;
            if replayed >= position.log {
                return Ok(true);
            }
            if Instant::now() > until {
                return Ok(false);
            }
            sleep(POLL).await;
        }
    }

    /// Tells those who wait how far it is, until `until`.
    async fn answer(&self, connection: &mut PgConnection, until: Instant) -> Result<(), End> {
        while timeout_at(until, self.look.notified()).await.is_ok() {
            loop {
                self.learn(connection).await?;
                if self.waiting.load(Ordering::Relaxed) == 0 || Instant::now() > until {
                    break;
                }
                sleep(POLL).await;
            }
        }
        Ok(())
    }

    /// Looks how far it is.
    async fn learn(&self, connection: &mut PgConnection) -> Result<u64, End> {
        let replayed = look(connection).await?;
        self.state.send_if_modified(|state| match state {
            State::Serving(serving) if serving.replayed < replayed => {
                serving.replayed = replayed;
                true
            }
            _ => false,
        });
        Ok(replayed)
    }

    /// Shows whether it is there, and for how long it has not had everything.
    fn show(&self, lag: Option<Duration>) {
        let labels = [("service", self.service.to_owned()), ("replica", self.place.clone())];
        metrics::gauge!("souk_db_replica_up", &labels).set(if lag.is_some() { 1.0 } else { 0.0 });
        if let Some(lag) = lag {
            metrics::gauge!("souk_db_replica_lag_seconds", &labels).set(lag.as_secs_f64());
        }
    }
}

/// How much of the primary's log the server has replayed.
async fn look(connection: &mut PgConnection) -> Result<u64, End> {
    let question = "SELECT pg_is_in_recovery(), (pg_last_wal_replay_lsn() - '0/0'::pg_lsn)::bigint";
    let (in_recovery, replayed): (bool, Option<i64>) = limited(sqlx::query_as(question).fetch_one(connection)).await?;
    if in_recovery { Ok(replayed.unwrap_or_default().cast_unsigned()) } else { Err(End::Primary) }
}

async fn limited<T>(answer: impl Future<Output = Result<T, sqlx::Error>>) -> Result<T, sqlx::Error> {
    let silent = || std::io::Error::new(std::io::ErrorKind::TimedOut, "no answer in time");
    timeout(LIMIT, answer).await.unwrap_or_else(|_| Err(silent().into()))
}

/// Somebody who waits for a replica.
struct Waiting<'a>(&'a Replica);

impl<'a> Waiting<'a> {
    fn on(replica: &'a Replica) -> Self {
        replica.waiting.fetch_add(1, Ordering::Relaxed);
        replica.look.notify_one();
        Self(replica)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}
