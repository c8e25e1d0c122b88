//! Where the services of a marketplace find each other.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, Weak},
};

use serde::Serialize;
use tonic::service::Routes;

use super::{
    breaker::CircuitState,
    channel::{Channel, Link},
    metrics,
    peer::Peer,
    policy::Policy,
    transport::Transport,
};

/// The services by name. Services call each other in circles, so channels are given out first and find their callee
/// when they are used; until it is registered, calls are answered `<callee>_unavailable`.
///
/// The composition root keeps it as long as the marketplace runs: channels end with it. A service holds channels only.
#[derive(Clone)]
pub struct Directory {
    inner: Arc<Inner>,
}

#[derive(Default)]
struct Inner {
    slots: Mutex<HashMap<&'static str, Arc<Slot>>>,
    links: Mutex<Vec<Weak<Link>>>,
}

/// The place of one service, empty until it is registered.
#[derive(Default)]
pub(super) struct Slot {
    transport: RwLock<Option<Transport>>,
}

impl Slot {
    pub(super) fn transport(&self) -> Option<Transport> {
        self.transport.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// The circuit breaker between two services, for `/health`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct Circuit {
    /// Who calls.
    pub caller: &'static str,
    /// Who is called.
    pub callee: &'static str,
    /// Whether calls go through.
    pub state: CircuitState,
}

impl Default for Directory {
    fn default() -> Self {
        Self::new()
    }
}

impl Directory {
    /// A directory without services.
    pub fn new() -> Self {
        metrics::describe();
        Self { inner: Arc::default() }
    }

    /// Makes a service of this process reachable under its name. A second registration takes the place of the first.
    pub fn register(&self, service: &'static str, routes: Routes) {
        self.fill(service, Transport::Local(routes.prepare()));
    }

    /// Makes a service of other processes reachable under its name.
    pub fn connect(&self, peer: Arc<Peer>) {
        self.fill(peer.name(), Transport::Remote(peer));
    }

    fn fill(&self, service: &'static str, transport: Transport) {
        *self.slot(service).transport.write().unwrap_or_else(PoisonError::into_inner) = Some(transport);
    }

    /// The routes of a service of this process.
    pub(super) fn local(&self, service: &str) -> Option<Routes> {
        let slot = lock(&self.inner.slots).get(service).cloned()?;
        match slot.transport()? {
            Transport::Local(routes) => Some(routes),
            Transport::Remote(_) => None,
        }
    }

    /// A channel from one service to another, with limits and a circuit breaker of its own.
    pub fn channel(&self, from: &'static str, to: &'static str, policy: Policy) -> Channel {
        let link = Arc::new(Link::new(from, to, policy, Arc::downgrade(&self.slot(to))));
        lock(&self.inner.links).push(Arc::downgrade(&link));
        Channel::new(link)
    }

    /// The circuit breakers of all channels in use.
    pub fn circuits(&self) -> Vec<Circuit> {
        let mut circuits = Vec::new();
        lock(&self.inner.links).retain(|link| {
            let link = link.upgrade();
            circuits.extend(link.as_ref().map(|link| link.circuit()));
            link.is_some()
        });
        circuits
    }

    fn slot(&self, service: &'static str) -> Arc<Slot> {
        Arc::clone(lock(&self.inner.slots).entry(service).or_default())
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
