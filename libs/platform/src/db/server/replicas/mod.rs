//! Replicas that answer for the primary.
//!
//! A replica is behind the primary: by milliseconds, or by hours when it is paused. Who reads from it what was true a moment
//! ago decides wrongly, misses what they have just written themselves, or puts into a cache what is then shown for minutes.
//! So a replica answers only if it has **everything that the primary had committed when the question came up**:
//!
//! 1. The primary is asked how far its log is. One question serves all who ask at the same time ([`primary`]).
//! 2. A replica that is known to have replayed that much answers. If none has, whoever asked waits until one has, but not for
//!    long (`replica_wait`).
//! 3. Otherwise, and when a replica fails to answer, the primary does.
//!
//! What a replica answers is therefore never older than what the primary would have answered to the same question. Whoever
//! wrote reads what they wrote, in every process, whichever client they use: no request, call or event has to carry along what
//! was written, nothing is remembered for anybody, and no two clocks are compared. The price is a short trip to the primary,
//! and the time that the log takes to the replica; so it pays for questions that read much (lists, counts, reports) and not
//! for single rows. It is [`Database::copies`](crate::db::Database::copies); `reader()` stays with the primary.
//!
//! Places in the log can be compared only within one history. A server that was promoted begins another one, in which a
//! replica of the former primary may be ahead by its numbers and all the same lack everything. So a replica is trusted for one
//! *session* with the primary only (a connection to it, which ends with the server or its role), and after it has shown
//! a row that was written in that session; and its answers come only from connections to the very server that showed it
//! ([`replica`]). What remains to whoever operates the databases is that there are never two primaries.
//!
//! It may answer with what the primary shows an instant later: a commit reaches the log before others see it. That is one
//! more reason not to decide by it.

mod primary;
mod replica;

use std::{
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures::future::{join_all, select_ok};
use sea_orm::{DbErr, SqlxError};
use sqlx::{Connection, PgConnection, postgres::PgConnectOptions};
use tokio::time::timeout;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use self::{
    primary::Primary,
    replica::{Replica, Serving},
};
use super::{
    Connections,
    postgres::{self, Pooling},
};
use crate::db::{Connect, OpenError, failure};

/// How long a server may take for what it does in no time.
const LIMIT: Duration = Duration::from_secs(1);

/// A replica that is configured.
pub(super) struct Known {
    setting: String,
    /// Its host and port.
    server: String,
    options: PgConnectOptions,
}

/// The replicas of a database. Nobody connects to them before the first question.
pub(in crate::db) struct Replicas {
    service: &'static str,
    known: Vec<Known>,
    primary: PgConnectOptions,
    pooling: Pooling,
    wait: Duration,
    begun: OnceLock<Begun>,
    tasks: TaskTracker,
    stop: CancellationToken,
}

struct Begun {
    primary: Primary,
    all: Vec<Arc<Replica>>,
    /// Whose turn it is.
    turn: AtomicUsize,
}

/// Why the primary answers instead.
type Cause = &'static str;

impl Replicas {
    pub(in crate::db::server) fn new(
        service: &'static str,
        known: Vec<Known>,
        primary: &PgConnectOptions,
        pooling: Pooling,
        wait: Duration,
    ) -> Self {
        Self {
            service,
            known,
            primary: primary.clone(),
            pooling,
            wait,
            begun: OnceLock::new(),
            tasks: TaskTracker::new(),
            stop: CancellationToken::new(),
        }
    }

    /// A replica that has everything that was committed before this was called; nothing if the primary has to answer.
    pub async fn choose(&self) -> Option<Chosen> {
        let begun = self.begun.get_or_init(|| self.begin());
        match begun.choose(self.wait).await {
            Ok((replica, serving)) => Some(Chosen { replica, serving, failed: AtomicBool::default() }),
            Err(cause) => {
                count_fallback(self.service, cause);
                None
            }
        }
    }

    /// Whether one of them follows the primary, if there are any and they were needed yet.
    pub fn ping(&self) -> Result<(), String> {
        let away = |begun: &Begun| begun.all.iter().all(|replica| replica.is_away());
        if self.begun.get().is_some_and(away) { Err("none of the replicas answers".to_owned()) } else { Ok(()) }
    }

    pub async fn close(&self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }

    fn begin(&self) -> Begun {
        let (primary, answering) = Primary::new(self.primary.clone());
        let stop = self.stop.clone();
        self.tasks.spawn(async move { stop.run_until_cancelled(answering).await });
        let follow = |known: &Known| {
            let replica = Arc::new(Replica::new(known, self.service, self.pooling, self.wait));
            let (follower, primary, stop) = (Arc::clone(&replica), primary.clone(), self.stop.clone());
            self.tasks.spawn(async move { follower.follow(primary, stop).await });
            replica
        };
        let all = self.known.iter().map(follow).collect();
        Begun { primary, all, turn: AtomicUsize::default() }
    }
}

impl Drop for Replicas {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Begun {
    async fn choose(&self, wait: Duration) -> Result<(Arc<Replica>, Serving), Cause> {
        // Whose turn it is first.
        let turn = self.turn.fetch_add(1, Ordering::Relaxed) % self.all.len();
        let (later, sooner) = self.all.split_at(turn);
        let mut fit: Vec<_> = sooner.iter().chain(later).filter(|replica| replica.is_fit()).cloned().collect();
        if fit.is_empty() {
            return Err("away");
        }
        let position = timeout(wait.max(LIMIT / 10), self.primary.position()).await.ok().flatten().ok_or("unknown")?;
        fit.retain(|replica| replica.follows(position));
        if let Some(found) = fit.iter().find_map(|replica| Some((Arc::clone(replica), replica.having(position)?))) {
            return Ok(found);
        }
        if fit.is_empty() {
            return Err("unproven");
        }
        let reaching = fit.iter().map(|replica| {
            Box::pin(async move { Ok((Arc::clone(replica), replica.reaching(position).await.ok_or("lost")?)) })
        });
        if let Ok(first) = timeout(wait, select_ok(reaching)).await {
            return first.map(|(first, _)| first);
        }
        for replica in &fit {
            replica.fall_behind();
        }
        Err("behind")
    }
}

/// A replica that was chosen to answer.
pub(in crate::db) struct Chosen {
    replica: Arc<Replica>,
    serving: Serving,
    failed: AtomicBool,
}

impl Chosen {
    pub fn connections(&self) -> &Connections {
        &self.serving.connections
    }

    /// What the replica answers; nothing if the primary has to.
    pub async fn hear<T>(&self, answer: impl Future<Output = Result<T, DbErr>>) -> Option<Result<T, DbErr>> {
        if self.failed.load(Ordering::Relaxed) {
            return None;
        }
        let answer = tokio::select! {
            biased;
            answer = answer => answer,
            () = self.replica.lost(&self.serving) => return self.fail("lost"),
        };
        let Replica { service, place, .. } = &*self.replica;
        match answer {
            // The primary would not be quicker.
            Err(error) if is_timeout(&error) => Some(Err(error)),
            Err(error) => {
                tracing::debug!(service, %place, %error, "a replica failed to answer");
                self.replica.doubt();
                self.fail("failed")
            }
            Ok(answer) => {
                let labels = [("service", (*service).to_owned()), ("replica", place.clone())];
                metrics::counter!("souk_db_replica_answers_total", &labels).increment(1);
                Some(Ok(answer))
            }
        }
    }

    fn fail<T>(&self, cause: Cause) -> Option<T> {
        self.failed.store(true, Ordering::Relaxed);
        count_fallback(self.replica.service, cause);
        None
    }
}

fn count_fallback(service: &'static str, cause: Cause) {
    metrics::counter!("souk_db_replica_fallbacks_total", "service" => service, "cause" => cause).increment(1);
}

/// Whether the statement ran for longer than any may.
fn is_timeout(error: &DbErr) -> bool {
    let Some(SqlxError::Database(error)) = failure::library(error) else { return false };
    error.code().as_deref() == Some("57014")
}

/// The replicas of the configuration. Fails when one of them can't be one; those that are away come later.
pub(super) async fn find(
    service: &'static str,
    connect: &Connect,
    first: &mut PgConnection,
    primary: &str,
) -> Result<Vec<Known>, OpenError> {
    let known = connect.replicas.iter().map(|replica| {
        let (url, setting) = (replica.url.expose(), replica.setting.clone());
        let scheme = url.split_once(':').map_or("…", |(scheme, _)| scheme);
        if !["postgres", "postgresql"].contains(&scheme) {
            return Err(OpenError::OtherEngine { service, setting, scheme: scheme.to_owned() });
        }
        let options = postgres::options(service, url, &setting)?;
        Ok(Known { setting, server: postgres::server(&options), options })
    });
    let known = known.collect::<Result<Vec<_>, _>>()?;
    if known.is_empty() {
        return Ok(known);
    }
    let system = system(first).await;
    let checks = known.iter().map(|replica| replica.check(service, system.as_deref(), primary));
    join_all(checks).await.into_iter().collect::<Result<Vec<()>, _>>()?;
    Ok(known)
}

impl Known {
    async fn check(
        &self,
        service: &'static str,
        system_of_primary: Option<&str>,
        primary: &str,
    ) -> Result<(), OpenError> {
        let Self { setting, server, options } = self;
        let asked = timeout(LIMIT, async {
            let mut connection = PgConnection::connect_with(options).await?;
            let system = system(&mut connection).await;
            let _ = connection.close().await;
            Ok(system)
        });
        let cause = match asked.await {
            Ok(Ok(system)) => {
                let is_other = system.as_deref().zip(system_of_primary).is_some_and(|(one, other)| one != other);
                return if is_other { Err(self.is_other(service, primary)) } else { Ok(()) };
            }
            // A wrong user or password stays wrong.
            Ok(Err(sqlx::Error::Database(error))) if error.code().is_some_and(|code| code.starts_with("28")) => {
                return Err(OpenError::Refused {
                    service,
                    setting: setting.clone(),
                    server: server.clone(),
                    reason: error.message().to_owned(),
                });
            }
            Ok(Err(error)) => error.to_string(),
            Err(_) => "no answer in time".to_owned(),
        };
        tracing::warn!(service, %server, setting, cause, "a replica is away; the primary answers for it");
        Ok(())
    }

    fn is_other(&self, service: &'static str, primary: &str) -> OpenError {
        let Self { setting, server, .. } = self;
        let (setting, server, primary) = (setting.clone(), server.clone(), primary.to_owned());
        OpenError::OtherServer { service, setting, server, primary }
    }
}

/// What a server has in common with its copies only; nothing where that is not told.
async fn system(connection: &mut PgConnection) -> Option<String> {
    let question = "SELECT system_identifier::text FROM pg_control_system()";
    sqlx::query_scalar(question).fetch_one(connection).await.ok()
}

#[cfg(test)]
mod tests;
