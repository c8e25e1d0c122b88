//! What instances of one service tell each other about their caches: what has changed, so that nobody shows it as it was.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use futures::future::{BoxFuture, join_all};
use serde::{Serialize, de::DeserializeOwned};
use tokio::sync::mpsc;

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
    outgoing: Option<mpsc::Sender<String>>,
    /// Some changes found no room.
    overflowed: AtomicBool,
}

type Listener = Arc<dyn Fn(Option<&str>) -> BoxFuture<'static, ()> + Send + Sync>;

/// What a carrier takes to the other instances.
pub struct Outgoing {
    /// In the order in which they were told.
    pub changes: mpsc::Receiver<String>,
}

impl Default for Invalidations {
    fn default() -> Self {
        Self::alone()
    }
}

impl Invalidations {
    /// Of an instance that has no others beside it.
    pub fn alone() -> Self {
        Self::new(None)
    }

    /// Of an instance among others, and what is to be carried to them.
    pub fn among_others() -> (Self, Outgoing) {
        let (sender, changes) = mpsc::channel(WAITING);
        (Self::new(Some(sender)), Outgoing { changes })
    }

    fn new(outgoing: Option<mpsc::Sender<String>>) -> Self {
        let shared = Shared { listeners: Mutex::default(), outgoing, overflowed: AtomicBool::new(false) };
        Self { shared: Arc::new(shared) }
    }

    /// Tells the others of a change that was made here and is committed. Does not wait.
    pub fn tell(&self, change: &impl Serialize) {
        let Some(outgoing) = &self.shared.outgoing else { return };
        let text = serde_json::to_string(change).expect("changes are plain data, which always encodes");
        if outgoing.try_send(text).is_err() {
            self.shared.overflowed.store(true, Ordering::SeqCst);
        }
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
        invalidations.tell(&8);
    }

    #[tokio::test]
    async fn what_finds_no_room_is_not_forgotten() {
        let (invalidations, _outgoing) = Invalidations::among_others();
        (0..WAITING).for_each(|number| invalidations.tell(&number));
        assert!(!invalidations.has_overflowed());
        invalidations.tell(&WAITING);
        assert!(invalidations.has_overflowed() && !invalidations.has_overflowed());
    }
}
