//! Carries what instances of a service tell each other, over a channel of Redis.
//!
//! Who is not connected hears nothing: when a connection is lost, and every second until it is there again, all that is
//! cached is forgotten. A connection counts as lost when an instance does not hear itself any more.

use std::time::{Duration, Instant};

use futures::StreamExt;
use redis::{AsyncCommands, RedisResult};
use serde::{Deserialize, Serialize};
use tokio::time::{MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{
    Redis,
    connection::{CONNECT_TIMEOUT, RETRY},
};
use crate::invalidations::{Invalidations, Outgoing};

/// How often an instance says something for itself to hear.
const BEAT: Duration = Duration::from_secs(2);
/// What is not heard for so long is lost.
const SILENCE: Duration = Duration::from_secs(7);

#[derive(Serialize, Deserialize)]
struct Said {
    from: Uuid,
    what: What,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum What {
    /// That it is there.
    Beat,
    /// One thing has changed.
    Change(String),
    /// Any number of things may have.
    Anything,
}

impl Redis {
    /// What the instances of `service` tell each other; carried until `stop` is cancelled.
    pub fn invalidations(&self, service: &'static str, stop: CancellationToken) -> Invalidations {
        let (invalidations, outgoing) = Invalidations::among_others();
        let carrier = Carrier {
            redis: self.clone(),
            channel: format!("{}.changes.{service}", self.shared.name),
            me: Uuid::now_v7(),
            invalidations: invalidations.clone(),
            outgoing,
        };
        tokio::spawn(async move {
            tokio::select! {
                () = stop.cancelled() => {}
                () = carrier.run(service) => {}
            }
        });
        invalidations
    }
}

struct Carrier {
    redis: Redis,
    channel: String,
    me: Uuid,
    invalidations: Invalidations,
    outgoing: Outgoing,
}

impl Carrier {
    async fn run(mut self, service: &'static str) {
        let mut told = false;
        loop {
            let began = Instant::now();
            let cause = match self.carry().await {
                Ok(()) => "nothing is heard any more".to_owned(),
                Err(error) => error.to_string(),
            };
            if began.elapsed() > SILENCE {
                told = false;
            }
            if !told {
                tracing::warn!(
                    service,
                    cause,
                    "what other instances change is not heard; caches are emptied until it is"
                );
                told = true;
            }
            self.invalidations.heard(None).await;
            tokio::time::sleep(RETRY).await;
            // They will hear that anything may have changed.
            while self.outgoing.changes.try_recv().is_ok() {}
        }
    }

    /// Ends when the connection is lost.
    async fn carry(&mut self) -> RedisResult<()> {
        let connect = async {
            let mut heard = self.redis.shared.client.get_async_pubsub().await?;
            heard.subscribe(&self.channel).await?;
            Ok::<_, redis::RedisError>((heard, self.redis.fresh_connection(CONNECT_TIMEOUT).await?))
        };
        let (mut heard, mut said) = timeout(CONNECT_TIMEOUT, connect).await.map_err(|_| no_answer())??;
        let mut messages = heard.on_message();
        let mut last = Instant::now();
        let mut beat = interval(BEAT);
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // Nobody has heard of what changed while there was no connection, on either side.
        self.invalidations.heard(None).await;
        self.say(&mut said, What::Anything).await?;
        loop {
            tokio::select! {
                message = messages.next() => {
                    let Some(message) = message else { return Ok(()) };
                    if self.hear(message.get_payload_bytes()).await {
                        last = Instant::now();
                    }
                }
                change = self.outgoing.changes.recv() => {
                    let Some(change) = change else { return Ok(()) };
                    self.say(&mut said, What::Change(change)).await?;
                }
                _ = beat.tick() => {
                    if last.elapsed() > SILENCE {
                        return Ok(());
                    }
                    let overflowed = self.invalidations.has_overflowed();
                    self.say(&mut said, if overflowed { What::Anything } else { What::Beat }).await?;
                }
            }
        }
    }

    async fn say(&self, connection: &mut redis::aio::MultiplexedConnection, what: What) -> RedisResult<()> {
        let said = serde_json::to_vec(&Said { from: self.me, what }).expect("it is plain data, which always encodes");
        connection.publish(&self.channel, said).await
    }

    /// Whether it was said by this process: then what this process says is heard by all.
    async fn hear(&self, said: &[u8]) -> bool {
        match serde_json::from_slice::<Said>(said) {
            Ok(said) if said.from == self.me => return true,
            Ok(Said { what: What::Beat, .. }) => {}
            Ok(Said { what: What::Change(change), .. }) => self.invalidations.heard(Some(&change)).await,
            // Of another version of the program, it may be.
            Ok(Said { what: What::Anything, .. }) | Err(_) => self.invalidations.heard(None).await,
        }
        false
    }
}

fn no_answer() -> redis::RedisError {
    std::io::Error::from(std::io::ErrorKind::TimedOut).into()
}
