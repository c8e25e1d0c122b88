//! What instances of one service tell each other about their caches: what has changed, so that nobody shows it as it was.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use futures::future::{BoxFuture, join_all};
use serde::{Serialize, de::DeserializeOwned};
use tokio::{
    sync::{mpsc, oneshot},
    time::timeout,
};

/// Changes that wait to be told; when there are more, everything is said to have changed.
const WAITING: usize = 1024;

/// What one instance tells the others, and hears from them. Clones are the same.
#[derive(Clone)]
pub struct Invalidations {
    shared: Arc<Shared>,
}

struct Shared {
    listeners: Mutex<Vec<Listener>>,
    /// To whoever carries it to the others; nobody when there are none.
    outgoing: Option<mpsc::Sender<Told>>,
    /// How long whoever changes something waits until the others have heard of it.
    patience: Duration,
    /// Whether the others can hear.
    carried: AtomicBool,
    /// Some changes found no room.
    overflowed: AtomicBool,
}

type Listener = Arc<dyn Fn(Option<&str>) -> BoxFuture<'static, ()> + Send + Sync>;

/// What a carrier takes to the other instances.
pub struct Outgoing {
    /// In the order in which they were told.
    pub changes: mpsc::Receiver<Told>,
}

/// A change on its way to the other instances.
pub struct Told {
    /// As they are to hear it.
    pub change: String,
    /// Ends the waiting of whoever made it, if they wait, when all have heard it or it is dropped.
    pub heard: Option<oneshot::Sender<()>>,
}

impl Default for Invalidations {
    fn default() -> Self {
        Self::alone()
    }
}

impl Invalidations {
    /// Of an instance that has no others beside it.
    pub fn alone() -> Self {
        Self::new(None, Duration::ZERO)
    }

    /// Of an instance among others, and what is to be carried to them. Nobody waits longer than `patience` for them.
    pub fn among_others(patience: Duration) -> (Self, Outgoing) {
        let (sender, changes) = mpsc::channel(WAITING);
        (Self::new(Some(sender), patience), Outgoing { changes })
    }

    fn new(outgoing: Option<mpsc::Sender<Told>>, patience: Duration) -> Self {
        let shared = Shared {
            listeners: Mutex::default(),
            outgoing,
            patience,
            carried: AtomicBool::new(false),
            overflowed: AtomicBool::new(false),
        };
        Self { shared: Arc::new(shared) }
    }

    /// Tells the others of a change that was made here and is committed, and waits until they have heard it: who is answered
    /// then sees the change wherever it asks next. Not for those that can't be reached, and not for long.
    pub async fn tell(&self, change: &impl Serialize) {
        let (heard, all_have_heard) = oneshot::channel();
        let sent = self.send(change, Some(heard));
        if sent && self.shared.carried.load(Ordering::SeqCst) {
            // Whoever has not heard it by now is late, and shows it when its entries' time is over at the latest.
            let _ = timeout(self.shared.patience, all_have_heard).await;
        }
    }

    /// Tells the others as well, without waiting: what nobody can rely on, or what nothing may hold up.
    pub fn mention(&self, change: &impl Serialize) {
        self.send(change, None);
    }

    fn send(&self, change: &impl Serialize, heard: Option<oneshot::Sender<()>>) -> bool {
        let Some(outgoing) = &self.shared.outgoing else { return false };
        let change = serde_json::to_string(change).expect("changes are plain data, which always encodes");
        let sent = outgoing.try_send(Told { change, heard }).is_ok();
        if !sent {
            self.shared.overflowed.store(true, Ordering::SeqCst);
        }
        sent
    }

    /// Says whether the others can hear at the moment.
    pub fn set_carried(&self, carried: bool) {
        self.shared.carried.store(carried, Ordering::SeqCst);
    }

    /// Calls `listener` with every change that another instance tells of; with `None` when any number of them may have been
    /// missed.
    pub fn listen<C, F, Fut>(&self, listener: F)
    where
        C: DeserializeOwned,
        F: Fn(Option<C>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        // A change that can't be read was told by another version of the program: it may be any.
        let listener: Listener = Arc::new(move |text| {
            let change = text.and_then(|text| serde_json::from_str(text).ok());
            Box::pin(listener(change))
        });
        self.shared.listeners.lock().unwrap_or_else(PoisonError::into_inner).push(listener);
    }

    /// Passes on what another instance said.
    pub async fn heard(&self, change: Option<&str>) {
        let listeners = self.shared.listeners.lock().unwrap_or_else(PoisonError::into_inner).clone();
        join_all(listeners.iter().map(|listener| listener(change))).await;
    }

    /// Whether changes found no room since this was asked last.
    pub fn has_overflowed(&self) -> bool {
        self.shared.overflowed.swap(false, Ordering::SeqCst)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_can_not_be_read_may_be_any_change() {
        let (invalidations, heard) = (Invalidations::alone(), Arc::new(Mutex::new(Vec::new())));
        let list = Arc::clone(&heard);
        invalidations.listen(move |change: Option<u8>| {
            list.lock().unwrap().push(change);
            async {}
        });
        for text in [Some("7"), Some("\"seven\""), None] {
            invalidations.heard(text).await;
        }
        assert_eq!(*heard.lock().unwrap(), [Some(7), None, None]);
        invalidations.tell(&8).await;
    }

    #[tokio::test]
    async fn what_finds_no_room_is_not_forgotten() {
        let (invalidations, _outgoing) = Invalidations::among_others(Duration::ZERO);
        for number in 0..WAITING {
            invalidations.tell(&number).await;
        }
        assert!(!invalidations.has_overflowed());
        invalidations.tell(&WAITING).await;
        assert!(invalidations.has_overflowed() && !invalidations.has_overflowed());
    }

    #[tokio::test]
    async fn who_changes_something_waits_for_those_who_can_hear() {
        let (invalidations, mut outgoing) = Invalidations::among_others(Duration::MAX);
        invalidations.tell(&1).await;
        assert_eq!(outgoing.changes.recv().await.unwrap().change, "1", "nobody could hear it");
        invalidations.set_carried(true);
        let mut telling = std::pin::pin!(invalidations.tell(&2));
        assert!(futures::poll!(&mut telling).is_pending());
        let told = outgoing.changes.recv().await.unwrap();
        assert!(futures::poll!(&mut telling).is_pending());
        drop(told);
        telling.await;
    }
}
