//! Who may deliver a database's events: one process at a time.
//!
//! The lease is a lock that belongs to a connection: when its holder ends, however it ends, the server gives it back.

use std::time::Duration;

use sqlx::{
    Connection, Executor, MySqlConnection, PgConnection, mysql::MySqlConnectOptions, postgres::PgConnectOptions,
};
use tokio::task::JoinHandle;
use tokio_util::sync::{CancellationToken, DropGuard};

/// How often the holder makes sure that it still holds.
const CHECK: Duration = Duration::from_secs(1);

/// Where leases come from.
pub(crate) enum Leases {
    Postgres { options: PgConnectOptions, key: i64 },
    MariaDb { options: MySqlConnectOptions, name: String },
}

/// A connection that locks belong to.
pub(crate) enum Holder {
    Postgres(PgConnection),
    MariaDb(MySqlConnection),
}

/// Held until it is dropped, or the connection breaks.
pub(crate) struct Lease {
    /// Ends when the lease is lost, or given back.
    holding: JoinHandle<()>,
    _give_back: DropGuard,
    stop: CancellationToken,
}

impl Leases {
    /// Takes the lease; `None` while another process holds it. The connection that asked waits in `asking` to ask again.
    pub async fn take(&self, asking: &mut Option<Holder>) -> Result<Option<Lease>, sqlx::Error> {
        let mut holder = match asking.take() {
            Some(holder) => holder,
            None => self.connect().await?,
        };
        if self.try_lock(&mut holder).await? {
            return Ok(Some(Lease::of(holder)));
        }
        *asking = Some(holder);
        Ok(None)
    }

    async fn connect(&self) -> Result<Holder, sqlx::Error> {
        match self {
            Self::Postgres { options, .. } => PgConnection::connect_with(options).await.map(Holder::Postgres),
            Self::MariaDb { options, .. } => {
                let mut connection = MySqlConnection::connect_with(options).await?;
                // Where a host ends nobody says so: the server lets go of who was silent for so many seconds.
                connection.execute("SET SESSION wait_timeout = 11").await?;
                Ok(Holder::MariaDb(connection))
            }
        }
    }

    async fn try_lock(&self, holder: &mut Holder) -> Result<bool, sqlx::Error> {
        match (self, holder) {
            (Self::Postgres { key, .. }, Holder::Postgres(connection)) => {
                sqlx::query_scalar("SELECT pg_try_advisory_lock($1)").bind(key).fetch_one(connection).await
            }
            (Self::MariaDb { name, .. }, Holder::MariaDb(connection)) => {
                let taken = sqlx::query_scalar("SELECT GET_LOCK(?, 0)").bind(name.as_str()).fetch_one(connection);
                taken.await.map(|taken: Option<i64>| taken == Some(1))
            }
            _ => Ok(false),
        }
    }
}

impl Lease {
    fn of(holder: Holder) -> Self {
        let stop = CancellationToken::new();
        // Beside the work that the lease is for: a server that hears nothing while that takes long would give it to another.
        let holding = tokio::spawn(holder.hold(stop.clone()));
        Self { holding, _give_back: stop.clone().drop_guard(), stop }
    }

    /// Ends when the lease is lost.
    pub async fn lost(&mut self) {
        // It also ends badly when its runtime is going away.
        let _ = (&mut self.holding).await;
    }

    /// Gives it back.
    pub async fn give_back(self) {
        self.stop.cancel();
        if !self.holding.is_finished() {
            let _ = self.holding.await;
        }
    }
}

impl Holder {
    /// Makes sure that the lock is still held, until that ends or is to end.
    async fn hold(mut self, stop: CancellationToken) {
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                () = tokio::time::sleep(CHECK) => {}
            }
            match tokio::time::timeout(CHECK * 5, self.ping()).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) | Err(_) => return,
            }
        }
        if let Err(error) = self.close().await {
            tracing::debug!(%error, "giving the lease back failed");
        }
    }

    async fn ping(&mut self) -> Result<(), sqlx::Error> {
        match self {
            Self::Postgres(connection) => connection.ping().await,
            Self::MariaDb(connection) => connection.ping().await,
        }
    }

    async fn close(self) -> Result<(), sqlx::Error> {
        match self {
            Self::Postgres(connection) => connection.close().await,
            Self::MariaDb(connection) => connection.close().await,
        }
    }
}
