//! Carries what instances of a service tell each other, over a channel of Redis.
//!
//! Who hears of a change says so, on a channel of the one that told it. Redis says how many there are.
//!
//! Who is not connected hears nothing: when a connection is lost, and every second until it is there again, all that is
//! cached is forgotten. A connection counts as lost when an instance does not hear itself any more.

use std::{
    collections::{HashMap, hash_map::Entry},
    time::{Duration, Instant},
};

use futures::StreamExt;
use redis::{AsyncCommands, RedisResult, aio::MultiplexedConnection};
use serde::{Deserialize, Serialize};
use tokio::{
    sync::oneshot,
    time::{MissedTickBehavior, interval, timeout, timeout_at},
};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{
    Redis,
    connection::{CONNECT_TIMEOUT, RETRY},
};
use crate::invalidations::{Invalidations, Outgoing, Told};

/// How often an instance says something for itself to hear.
const BEAT: Duration = Duration::from_secs(2);
/// What is not heard for so long is lost.
const SILENCE: Duration = Duration::from_secs(7);

#[derive(Serialize, Deserialize)]
struct Said {
    from: Uuid,
    what: What,
    /// Of a change that its teller waits for to be heard.
    #[serde(default)]
    number: Option<u64>,
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
        let (invalidations, outgoing) = Invalidations::among_others(self.shared.patience);
        let carrier = Carrier {
            redis: self.clone(),
            channel: format!("{}.changes.{service}", self.shared.name),
            me: Uuid::now_v7(),
            invalidations: invalidations.clone(),
            outgoing,
            told: 0,
            unheard: HashMap::new(),
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
    /// Changes so far that were to be confirmed.
    told: u64,
    /// Changes that not all have heard of yet, by number.
    unheard: HashMap<u64, Unheard>,
}

struct Unheard {
    /// How many.
    by: usize,
    /// Dropped to end the waiting.
    waits: oneshot::Sender<()>,
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
            self.invalidations.set_carried(false);
            self.unheard.clear();
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
            // They will hear that anything may have changed.
            let again_at = tokio::time::Instant::now() + RETRY;
            while let Ok(Some(_)) = timeout_at(again_at, self.outgoing.changes.recv()).await {}
        }
    }

    /// Ends when the connection is lost.
    async fn carry(&mut self) -> RedisResult<()> {
        let connect = async {
            let mut heard = self.redis.shared.client.get_async_pubsub().await?;
            heard.subscribe(&[self.channel.clone(), self.channel_of(self.me)]).await?;
            Ok::<_, redis::RedisError>((heard, self.redis.fresh_connection(CONNECT_TIMEOUT).await?))
        };
        let (mut heard, mut said) = timeout(CONNECT_TIMEOUT, connect).await.map_err(|_| no_answer())??;
        let mut messages = heard.on_message();
        let mut last = Instant::now();
        let mut beat = interval(BEAT);
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // Nobody has heard of what changed while there was no connection, on either side.
        self.invalidations.heard(None).await;
        self.say(&mut said, What::Anything, None).await?;
        self.invalidations.set_carried(true);
        loop {
            tokio::select! {
                message = messages.next() => {
                    let Some(message) = message else { return Ok(()) };
                    if message.get_channel_name() != self.channel {
                        self.note_heard(message.get_payload_bytes());
                        continue;
                    }
                    match serde_json::from_slice::<Said>(message.get_payload_bytes()) {
                        // What this process says is heard by all.
                        Ok(own) if own.from == self.me => last = Instant::now(),
                        other => self.hear(&mut said, other.ok()).await?,
                    }
                }
                told = self.outgoing.changes.recv() => {
                    let Some(told) = told else { return Ok(()) };
                    self.tell(&mut said, told).await?;
                }
                _ = beat.tick() => {
                    if last.elapsed() > SILENCE {
                        return Ok(());
                    }
                    // Those that nobody waits for any more.
                    self.unheard.retain(|_, unheard| !unheard.waits.is_closed());
                    let overflowed = self.invalidations.has_overflowed();
                    self.say(&mut said, if overflowed { What::Anything } else { What::Beat }, None).await?;
                }
            }
        }
    }

    /// Tells the others of a change.
    async fn tell(&mut self, connection: &mut MultiplexedConnection, told: Told) -> RedisResult<()> {
        let change = What::Change(told.change);
        let Some(waits) = told.heard else { return self.say(connection, change, None).await.map(drop) };
        self.told += 1;
        let listening = self.say(connection, change, Some(self.told)).await?;
        // This process is one of them.
        if listening > 1 {
            self.unheard.insert(self.told, Unheard { by: listening - 1, waits });
        }
        Ok(())
    }

    /// One of the others has heard of a change.
    fn note_heard(&mut self, number: &[u8]) {
        let number = std::str::from_utf8(number).ok().and_then(|number| number.parse().ok());
        if let Some(number) = number
            && let Entry::Occupied(mut unheard) = self.unheard.entry(number)
        {
            unheard.get_mut().by -= 1;
            if unheard.get().by == 0 {
                unheard.remove();
            }
        }
    }

    /// Gives how many hear it.
    async fn say(&self, connection: &mut MultiplexedConnection, what: What, number: Option<u64>) -> RedisResult<usize> {
        let said = Said { from: self.me, what, number };
        let said = serde_json::to_vec(&said).expect("it is plain data, which always encodes");
        connection.publish(&self.channel, said).await
    }

    /// Passes on what another instance said; nothing that can be read when it is of another version of the program.
    async fn hear(&self, connection: &mut MultiplexedConnection, said: Option<Said>) -> RedisResult<()> {
        match said.as_ref().map(|said| &said.what) {
            Some(What::Beat) => {}
            Some(What::Change(change)) => self.invalidations.heard(Some(change)).await,
            Some(What::Anything) | None => self.invalidations.heard(None).await,
        }
        match said {
            Some(Said { from, number: Some(number), .. }) => connection.publish(self.channel_of(from), number).await,
            _ => Ok(()),
        }
    }

    /// On which an instance hears that it was heard.
    fn channel_of(&self, instance: Uuid) -> String {
        format!("{}.{}", self.channel, instance.simple())
    }
}

fn no_answer() -> redis::RedisError {
    std::io::Error::from(std::io::ErrorKind::TimedOut).into()
}
