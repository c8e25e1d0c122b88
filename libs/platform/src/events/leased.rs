//! A relay among several processes: only the one that holds the lease delivers.

use std::time::Duration;

use tokio::time::timeout;

use super::Relay;
use crate::db::{Lease, Leases};

/// How often the others ask for the lease.
const ASK: Duration = Duration::from_millis(500);
/// How long to wait for an answer before asking on another connection.
const ANSWER_LIMIT: Duration = Duration::from_secs(5);

impl Relay {
    /// Delivers while this process holds the lease, and waits for it otherwise.
    pub(super) async fn run_leased(&self, leases: &Leases) {
        while let Some(mut lease) = self.wait_for(leases).await {
            tracing::debug!(service = self.db.service(), "this process delivers the events");
            let stopped = self.deliver(lease.lost()).await;
            lease.give_back().await;
            if stopped {
                return;
            }
            tracing::warn!(service = self.db.service(), "the lease of the relay was lost");
        }
    }

    /// The lease; `None` when there is nothing more to do.
    async fn wait_for(&self, leases: &Leases) -> Option<Lease> {
        let mut asking = None;
        while !self.stop.is_cancelled() {
            let taken = tokio::select! {
                () = self.stop.cancelled() => return None,
                taken = timeout(ANSWER_LIMIT, leases.take(&mut asking)) => taken,
            };
            match taken {
                Ok(Ok(Some(lease))) => return Some(lease),
                Ok(Ok(None)) => {}
                Ok(Err(error)) => {
                    tracing::error!(service = self.db.service(), %error, "asking for the relay's lease failed");
                }
                Err(_) => {
                    asking = None;
                    tracing::error!(service = self.db.service(), "asking for the relay's lease got no answer");
                }
            }
            tokio::select! {
                () = self.stop.cancelled() => {}
                () = tokio::time::sleep(ASK) => {}
            }
        }
        None
    }
}
