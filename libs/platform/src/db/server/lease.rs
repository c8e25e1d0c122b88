//! Who may deliver a database's events: one process at a time.
//!
//! The lease is a lock that belongs to a connection: when its holder ends, however it ends, the server gives it back.

use std::time::Duration;

use sqlx::{Connection, PgConnection, postgres::PgConnectOptions};

/// How often the holder makes sure that it still holds.
const CHECK: Duration = Duration::from_secs(1);

/// Where leases come from.
pub(crate) struct Leases {
    pub options: PgConnectOptions,
    pub key: i64,
}

/// Held until it is dropped, or the connection breaks.
pub(crate) struct Lease {
    connection: PgConnection,
}

impl Leases {
    /// Takes the lease; `None` while another process holds it. The connection that asked waits in `asking` to ask again.
    pub async fn take(&self, asking: &mut Option<PgConnection>) -> Result<Option<Lease>, sqlx::Error> {
        let mut connection = match asking.take() {
            Some(connection) => connection,
            None => PgConnection::connect_with(&self.options).await?,
        };
        let query = sqlx::query_scalar("SELECT pg_try_advisory_lock($1)").bind(self.key);
        let taken: bool = query.fetch_one(&mut connection).await?;
        if taken {
            return Ok(Some(Lease { connection }));
        }
        *asking = Some(connection);
        Ok(None)
    }
}

impl Lease {
    /// Ends when the lease is lost.
    pub async fn lost(&mut self) {
        loop {
            tokio::time::sleep(CHECK).await;
            match tokio::time::timeout(CHECK * 5, self.connection.ping()).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) | Err(_) => return,
            }
        }
    }

    /// Gives it back.
    pub async fn give_back(self) {
        if let Err(error) = self.connection.close().await {
            tracing::debug!(%error, "giving the lease back failed");
        }
    }
}
