//! The connection, made again in the background when it is lost.

use std::{
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use redis::{
    AsyncConnectionConfig, Client, ErrorKind, RedisResult, Script, TlsCertificates, aio::MultiplexedConnection,
};
use tokio::time::timeout;

use super::RedisConfig;
use crate::config::SettingError;

/// How long making a connection may take.
pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// The pause before a lost connection is tried again.
pub(super) const RETRY: Duration = Duration::from_secs(1);

/// A Redis. Cheap to clone.
#[derive(Clone)]
pub struct Redis {
    pub(super) shared: Arc<Shared>,
}

pub(super) struct Shared {
    pub client: Client,
    pub name: String,
    pub patience: Duration,
    pub take: Script,
    connection: RwLock<Option<MultiplexedConnection>>,
    /// Whether somebody is at work to connect again.
    connecting: AtomicBool,
}

impl Redis {
    /// The Redis of the configuration, if it names one. Fails when it refuses us; one that does not answer is tried again
    /// every second.
    pub async fn open(config: &RedisConfig) -> Result<Option<Self>, SettingError> {
        if config.url.is_empty() {
            return Ok(None);
        }
        let redis = Self::new(config)?;
        match timeout(CONNECT_TIMEOUT, redis.connect()).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => match refusal(&error) {
                Some(why) => return Err(SettingError::new("redis.url", why)),
                None => redis.lost(&error.to_string()),
            },
            Err(_) => redis.lost("no answer"),
        }
        Ok(Some(redis))
    }

    fn new(config: &RedisConfig) -> Result<Self, SettingError> {
        // What is wrong is told without the URL, which holds a password.
        let wrong = |message: String| SettingError::new("redis.url", message);
        let form = "write redis://USER:PASSWORD@HOST:6379/0";
        let url =
            url::Url::parse(config.url.expose()).map_err(|error| wrong(format!("is no URL ({error}); {form}")))?;
        if !["redis", "rediss"].contains(&url.scheme()) {
            return Err(wrong(format!("there is no shared memory engine `{}`; {form}", url.scheme())));
        }
        if config.name.is_empty() || config.name.len() > 100 {
            return Err(SettingError::new("redis.name", "must have 1 to 100 bytes"));
        }
        let client = match &config.root_certificate {
            Some(path) => {
                let setting = "redis.root_certificate";
                let unusable = |error: String| SettingError::new(setting, format!("{}: {error}", path.display()));
                let pem = std::fs::read(path).map_err(|error| unusable(error.to_string()))?;
                let certificates = TlsCertificates { client_tls: None, root_cert: Some(pem) };
                Client::build_with_tls(config.url.expose(), certificates)
                    .map_err(|error| unusable(error.to_string()))?
            }
            None => Client::open(config.url.expose())
                .map_err(|error| wrong(format!("can't be used ({:?}); {form}", error.kind())))?,
        };
        if url.scheme() == "rediss" {
            // This client takes the process's default; all other TLS of ours names the same one. It may be set already.
            drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
        }
        let shared = Shared {
            client,
            name: config.name.clone(),
            patience: config.timeout,
            take: Script::new(super::rates::TAKE),
            connection: RwLock::default(),
            connecting: AtomicBool::new(false),
        };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// Whether it answers. In a process that asks it for nothing else this is what notices that the connection is lost.
    pub async fn ping(&self) -> Result<(), String> {
        let Some(mut connection) = self.connection() else { return Err("there is no connection".to_owned()) };
        let answer: RedisResult<String> = redis::cmd("PING").query_async(&mut connection).await;
        answer.map(drop).map_err(|error| {
            self.lost(&error.to_string());
            error.to_string()
        })
    }

    pub(super) fn connection(&self) -> Option<MultiplexedConnection> {
        self.shared.connection.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn connect(&self) -> RedisResult<()> {
        let mut connection = self.fresh_connection(self.shared.patience).await?;
        // Without a password a connection is made all the same.
        let _: String = redis::cmd("PING").query_async(&mut connection).await?;
        *self.shared.connection.write().unwrap_or_else(PoisonError::into_inner) = Some(connection);
        Ok(())
    }

    /// A connection that nobody else uses.
    pub(super) async fn fresh_connection(&self, patience: Duration) -> RedisResult<MultiplexedConnection> {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(CONNECT_TIMEOUT))
            .set_response_timeout(Some(patience));
        self.shared.client.get_multiplexed_async_connection_with_config(&config).await
    }

    /// Goes on without it until it is back. Says so once.
    pub(super) fn lost(&self, cause: &str) {
        if self.shared.connecting.swap(true, Ordering::SeqCst) {
            return;
        }
        tracing::warn!(setting = "redis.url", cause, "Redis can't be reached; this process goes on by itself");
        *self.shared.connection.write().unwrap_or_else(PoisonError::into_inner) = None;
        let shared = Arc::downgrade(&self.shared);
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(RETRY).await;
                let Some(shared) = shared.upgrade() else { return };
                let redis = Self { shared };
                if let Ok(Ok(())) = timeout(CONNECT_TIMEOUT, redis.connect()).await {
                    redis.shared.connecting.store(false, Ordering::SeqCst);
                    tracing::info!(setting = "redis.url", "Redis can be reached again");
                    return;
                }
            }
        });
    }
}

/// What a refusal means that waiting doesn't cure.
fn refusal(error: &redis::RedisError) -> Option<String> {
    let code = error.code().unwrap_or_default();
    if error.kind() == ErrorKind::AuthenticationFailed || ["WRONGPASS", "NOAUTH", "NOPERM"].contains(&code) {
        return Some("Redis refuses this user and password".to_owned());
    }
    // A database number that it does not have, say.
    matches!(error.kind(), ErrorKind::Server(_) if code == "ERR").then(|| format!("Redis refuses: {error}"))
}
