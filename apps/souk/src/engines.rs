//! What the services of a process use besides their databases, opened as configured.

use std::sync::Arc;

use souk_gateway::Probe;
use souk_platform::{
    discovery::Discovery, events::Broker, files::Files, invalidations::Invalidations, redis::Redis, rpc::Peer,
    security::EndedSessions,
};
use tokio_util::sync::CancellationToken;

use crate::{config::Config, data_dir::DataDir, marketplace::StartError, peers::Peers, roster::Roster};

/// The engines of a process.
pub struct Engines {
    broker: Option<Broker>,
    redis: Option<Redis>,
    discovery: Option<Discovery>,
    files: Option<Files>,
    /// Whether files are on another machine.
    files_elsewhere: bool,
    ended_sessions: EndedSessions,
    stop: CancellationToken,
}

impl Engines {
    /// Opens what the services of `roster` need, until `stop` is cancelled. Those of `peers` that are looked up are.
    pub async fn open(
        config: &Config,
        data: &DataDir,
        roster: &Roster,
        peers: &Peers,
        stop: CancellationToken,
    ) -> Result<Self, StartError> {
        let files =
            if roster.has("catalog") { Some(Files::connect(&config.files, &data.files_url()).await?) } else { None };
        let broker = Broker::open(&config.events).await?;
        let redis = Redis::open(&config.redis).await?;
        let looked_up: Vec<Arc<Peer>> = peers.values().filter(|peer| peer.is_in_etcd()).cloned().collect();
        let discovery = Discovery::open(&config.discovery, looked_up, stop.clone()).await?;
        let files_elsewhere = config.files.url.starts_with("s3:");
        let ended_sessions = EndedSessions::new(config.identity.access_token_ttl);
        Ok(Self { broker, redis, discovery, files, files_elsewhere, ended_sessions, stop })
    }

    /// The broker between processes, if there is one.
    pub fn broker(&self) -> Option<&Broker> {
        self.broker.as_ref()
    }

    /// What processes share, if there is anything.
    pub fn redis(&self) -> Option<&Redis> {
        self.redis.as_ref()
    }

    /// Where processes find each other, if they do so by themselves.
    pub fn discovery(&self) -> Option<&Discovery> {
        self.discovery.as_ref()
    }

    /// What instances of a service tell each other about their caches.
    pub fn invalidations(&self, service: &'static str) -> Invalidations {
        let redis = self.redis.as_ref();
        redis.map_or_else(Invalidations::alone, |redis| redis.invalidations(service, self.stop.clone()))
    }

    /// The sessions whose tokens this process refuses.
    pub fn ended_sessions(&self) -> &EndedSessions {
        &self.ended_sessions
    }

    /// Where images are.
    ///
    /// # Panics
    /// When catalog runs in another process.
    pub fn files(&self) -> &Files {
        self.files.as_ref().expect("catalog runs in this process")
    }

    /// Cancelled when the process is to stop.
    pub fn stop(&self) -> &CancellationToken {
        &self.stop
    }

    /// Whether those on other machines answer. The marketplace goes on without them.
    pub fn probes(&self) -> Vec<Probe> {
        let files = self.files.clone().filter(|_| self.files_elsewhere).map(|files| {
            Probe::helpful("files", move || {
                let files = files.clone();
                async move { files.ping().await }
            })
        });
        let broker = self.broker.clone().map(|broker| {
            Probe::helpful("events broker", move || {
                let broker = broker.clone();
                async move { broker.ping().await }
            })
        });
        let redis = self.redis.clone().map(|redis| {
            Probe::helpful("redis", move || {
                let redis = redis.clone();
                async move { redis.ping().await }
            })
        });
        let discovery = self.discovery.clone().map(|discovery| {
            Probe::helpful("discovery", move || {
                let trouble = discovery.trouble();
                async move { trouble }
            })
        });
        files.into_iter().chain(broker).chain(redis).chain(discovery).collect()
    }
}
