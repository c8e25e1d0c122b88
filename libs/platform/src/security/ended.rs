//! Sessions that ended while access tokens of theirs were still good: who has logged out is out.
//!
//! A token can't say so, therefore every process keeps a list. Where identity runs, a session is on it before whoever ended
//! it is answered; other processes ask identity every second.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use moka::sync::Cache;
use souk_contracts::identity::{EndedSessionsRequest, identity_client::IdentityClient};
use souk_kernel::SessionId;
use tonic::Status;

use crate::rpc::Channel;

/// Sessions that are remembered, at most.
const MOST: u64 = 1_000_000;
/// How often a process asks.
pub const EVERY: Duration = Duration::from_secs(1);
/// What was being written while identity answered may be dated before its answer, by so much.
const OVERLAP_MS: i64 = 5000;

/// The list. Clones are the same.
#[derive(Clone)]
pub struct EndedSessions(Arc<Inner>);

struct Inner {
    ids: Cache<SessionId, ()>,
    /// From when on identity is asked, in milliseconds since 1970.
    since: AtomicI64,
}

impl Default for EndedSessions {
    /// For tokens that live for a quarter of an hour.
    fn default() -> Self {
        Self::new(Duration::from_mins(15))
    }
}

impl EndedSessions {
    /// Nothing has ended yet. After `tokens_live` the last token of a session is worth nothing anyway.
    #[must_use]
    pub fn new(tokens_live: Duration) -> Self {
        let ids = Cache::builder().max_capacity(MOST).time_to_live(tokens_live).build();
        Self(Arc::new(Inner { ids, since: AtomicI64::new(0) }))
    }

    /// Puts sessions on it.
    pub fn add(&self, ids: impl IntoIterator<Item = SessionId>) {
        ids.into_iter().for_each(|id| self.0.ids.insert(id, ()));
    }

    /// Whether the session is on it.
    #[must_use]
    pub fn contains(&self, id: SessionId) -> bool {
        self.0.ids.contains_key(&id)
    }

    /// Asks identity what has ended since it was asked last.
    pub async fn hear(&self, mut identity: IdentityClient<Channel>) -> Result<(), Status> {
        loop {
            let since_ms = self.0.since.load(Ordering::SeqCst);
            let reply = identity.ended_sessions(EndedSessionsRequest { since_ms }).await?.into_inner();
            self.add(reply.session_ids.iter().filter_map(|id| id.parse().ok()));
            let goes_on = reply.more && reply.until_ms > since_ms;
            let next = if goes_on { reply.until_ms } else { reply.until_ms - OVERLAP_MS };
            self.0.since.store(next, Ordering::SeqCst);
            if !goes_on {
                return Ok(());
            }
        }
    }
}
