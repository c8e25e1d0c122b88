//! A service in other processes: its instances, and which of them is asked.

mod address;
mod health;
mod instance;

#[cfg(test)]
mod tests;

use std::{
    hash::{BuildHasher, RandomState},
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError, RwLock},
    time::Duration,
};

use http::{Request, Response};
use hyper::body::Incoming;
use tokio::{sync::OnceCell, time::Instant};
use tonic::body::Body;

pub use self::address::{Address, ParseAddressError};
use self::{
    health::Pairs,
    instance::{Instance, SendError, Target},
};
use crate::tls::Mutual;

/// How often names that stand for several instances are looked up again, while they are used.
const LOOK_UP_EVERY: Duration = Duration::from_secs(5);
/// The same while there is none.
const LOOK_UP_SOON: Duration = Duration::from_millis(500);
/// Instances that a request is offered to as long as nothing of it was sent.
const OFFERS: usize = 3;

/// Why no instance answered.
#[derive(Debug, thiserror::Error)]
#[error("{cause}")]
pub struct Unreachable {
    cause: String,
    /// Whether it is certain that no instance saw anything of the request.
    pub unsent: bool,
}

/// A service in other processes. Requests go to the instance with less to do of two; one that fails again and again is left
/// out for a while. Connections are HTTP/2, made when they are needed, and shared by all requests.
pub struct Peer {
    name: &'static str,
    names: Vec<Address>,
    /// Whether instances that register belong to it.
    in_etcd: bool,
    tls: Option<Mutual>,
    instances: RwLock<Arc<[Arc<Instance>]>>,
    pairs: Pairs,
    /// When to look names up again; `None` before the first time.
    look_up_at: Mutex<Option<Instant>>,
    first_look_up: OnceCell<()>,
}

impl Peer {
    /// The service `name` at `addresses`.
    ///
    /// # Errors
    /// Says which address doesn't fit a process with, or without, TLS between processes.
    pub fn new(name: &'static str, addresses: &[Address], tls: Option<Mutual>) -> Result<Arc<Self>, String> {
        for address in addresses {
            if let Some(conflict) = address.conflict(tls.is_some()) {
                return Err(format!("{address} {conflict}"));
            }
        }
        let (found, fixed): (Vec<_>, Vec<_>) = addresses.iter().cloned().partition(|address| !address.is_of_one());
        let (etcd, names): (Vec<_>, Vec<_>) = found.into_iter().partition(Address::is_etcd);
        let instances = fixed.into_iter().map(|address| Arc::new(Instance::new(Target::Named(address)))).collect();
        let seed = RandomState::new().hash_one(name);
        Ok(Arc::new(Self {
            name,
            names,
            in_etcd: !etcd.is_empty(),
            tls,
            instances: RwLock::new(instances),
            pairs: Pairs::new(seed),
            look_up_at: Mutex::default(),
            first_look_up: OnceCell::new(),
        }))
    }

    /// The service's name.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Whether instances that register belong to it.
    pub fn is_in_etcd(&self) -> bool {
        self.in_etcd
    }

    /// Takes these for all that have registered. When there are none, the last known stay in use: whoever is really gone refuses,
    /// which is no worse than nobody.
    pub fn set_registered(&self, addresses: &[Address]) {
        let fit = |address: &&Address| {
            let conflict = address.conflict(self.tls.is_some());
            if let Some(conflict) = conflict {
                tracing::warn!(callee = self.name, %address, conflict, "an instance has registered that can't be called");
            }
            conflict.is_none()
        };
        let registered: Vec<&Address> = addresses.iter().filter(fit).collect();
        if registered.is_empty() {
            if self.instances().iter().any(|one| one.is_registered()) {
                tracing::warn!(callee = self.name, "no instance is registered any more: the last known stay in use");
            }
            return;
        }
        let mut instances = self.instances.write().unwrap_or_else(PoisonError::into_inner);
        let mut fresh: Vec<_> = instances.iter().filter(|one| !one.is_registered()).cloned().collect();
        for address in registered {
            let authority = address.authority();
            // One that stands in the configuration too is one all the same.
            if fresh.iter().all(|one| one.authority() != authority) {
                let known = instances.iter().find(|one| one.is_registered() && one.authority() == authority).cloned();
                fresh.push(known.unwrap_or_else(|| Arc::new(Instance::new(Target::Registered(address.clone())))));
            }
        }
        tracing::info!(callee = self.name, instances = fresh.len(), "the instances of a service are known");
        *instances = fresh.into();
    }

    fn instances(&self) -> Arc<[Arc<Instance>]> {
        Arc::clone(&self.instances.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Sends a request, with any path of the service, and gives the head of the answer. What can't be sent to one instance is
    /// offered to another; what was sent is never repeated.
    pub async fn send(self: &Arc<Self>, mut request: Request<Body>) -> Result<Response<Incoming>, Unreachable> {
        let mut refused: Vec<Arc<Instance>> = Vec::new();
        let mut last = format!("{} has no instance", self.name);
        for _ in 0..OFFERS {
            let Some(instance) = self.choose(&refused).await else { break };
            match instance.send(self.name, request, self.tls.as_ref()).await {
                Ok(response) => return Ok(response),
                Err(SendError { cause, unsent }) => {
                    last = format!("{} at {}: {cause}", self.name, instance.authority());
                    let Some(unsent) = unsent else { return Err(Unreachable { cause: last, unsent: false }) };
                    request = unsent;
                    refused.push(instance);
                }
            }
        }
        Err(Unreachable { cause: last, unsent: true })
    }

    /// The instance to ask next; those in `refused` only had their chance.
    async fn choose(self: &Arc<Self>, refused: &[Arc<Instance>]) -> Option<Arc<Instance>> {
        self.keep_names_fresh().await;
        let instances = self.instances();
        let now = Instant::now();
        if refused.is_empty() {
            match &*instances {
                [only] => return Some(Arc::clone(only)),
                [] => return None,
                several => {
                    let (first, second) = self.pairs.next(several.len());
                    let (first, second) = (&several[first], &several[second]);
                    let better = if second.under_way() < first.under_way() { second } else { first };
                    if !better.is_out(now) {
                        return Some(Arc::clone(better));
                    }
                }
            }
        }
        let left = instances.iter().filter(|one| !refused.iter().any(|other| Arc::ptr_eq(one, other)));
        let (out, well): (Vec<_>, Vec<_>) = left.partition(|one| one.is_out(now));
        // When all are out, the one whose time ends first is as good a guess as any.
        let chosen = well.into_iter().min_by_key(|one| one.under_way());
        chosen.or_else(|| out.into_iter().min_by_key(|one| one.out_until())).cloned()
    }

    /// Looks names up again when it is time; nobody waits for it, except for the first answer.
    async fn keep_names_fresh(self: &Arc<Self>) {
        if self.names.is_empty() {
            return;
        }
        self.first_look_up.get_or_init(|| self.look_up()).await;
        let now = Instant::now();
        let mut at = self.look_up_at.lock().unwrap_or_else(PoisonError::into_inner);
        if at.is_some_and(|at| at <= now) {
            // Whoever comes meanwhile takes what is known.
            *at = Some(now + LOOK_UP_EVERY);
            let peer = Arc::clone(self);
            tokio::spawn(async move { peer.look_up().await });
        }
    }

    async fn look_up(&self) {
        let mut found: Vec<SocketAddr> = Vec::new();
        for name in &self.names {
            match name.resolve().await {
                Ok(addresses) => found.extend(addresses),
                Err(error) => {
                    tracing::warn!(callee = self.name, %name, %error, "a name can't be looked up");
                    // Those known before stay: a name server that is down takes nobody else down.
                    found.extend(self.instances().iter().filter_map(|one| one.found_at()));
                }
            }
        }
        found.sort_unstable();
        found.dedup();
        let pause = if found.is_empty() { LOOK_UP_SOON } else { LOOK_UP_EVERY };
        *self.look_up_at.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now() + pause);
        let mut instances = self.instances.write().unwrap_or_else(PoisonError::into_inner);
        let fixed = instances.iter().filter(|one| one.found_at().is_none()).cloned();
        let named = found.into_iter().map(|address| {
            let known = instances.iter().find(|one| one.found_at() == Some(address)).cloned();
            known.unwrap_or_else(|| Arc::new(Instance::new(Target::Found(address))))
        });
        let fresh = fixed.chain(named).collect();
        *instances = fresh;
    }
}
