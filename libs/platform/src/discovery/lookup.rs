//! Who has registered: all of them once, and from then on what changes.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use super::{
    DiscoveryConfig, DiscoveryError,
    etcd::{Connection, Etcd, Fault},
    messages::{Event, EventType, KeyValue, WatchResponse},
};
use crate::{
    config::SettingError,
    rpc::{Address, Peer},
};

/// How long a start waits for etcd.
const START: Duration = Duration::from_secs(5);
/// The pause before etcd is tried again; doubled each time that this fails, too.
pub(super) const PAUSE: Duration = Duration::from_millis(200);
pub(super) const LONGEST_PAUSE: Duration = Duration::from_secs(3);
/// What went well for so long is no longer failing: the next pause is the first again.
pub(super) const STEADY: Duration = Duration::from_secs(5);
/// A lease can't be shorter: etcd takes as long to find another leader.
const SHORTEST_TTL: Duration = Duration::from_secs(2);
const LONGEST_TTL: Duration = Duration::from_hours(1);

/// What services of other processes have registered. Cheap to clone.
#[derive(Clone)]
pub struct Discovery {
    pub(super) shared: Arc<Shared>,
}

pub(super) struct Shared {
    pub(super) etcd: Etcd,
    /// `souk/peers/`; the service and the address of one of its processes follow.
    pub(super) prefix: String,
    pub(super) ttl: Duration,
    pub(super) heard: Trouble,
    pub(super) registered: Trouble,
}

/// What is wrong, if anything is. Says so once.
#[derive(Default)]
pub(super) struct Trouble(Mutex<Option<String>>);

impl Trouble {
    /// True when that is news.
    pub(super) fn is(&self, fault: &Fault) -> bool {
        let (setting, cause) = fault.told();
        let mut trouble = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        trouble.replace(format!("{setting}: {cause}")).is_none()
    }

    /// True when that is news.
    pub(super) fn is_over(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take().is_some()
    }

    fn current(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Discovery {
    /// The etcd of the configuration, if it names one; `peers` are told who has registered until `stop` is cancelled. Fails when etcd
    /// refuses us; one that does not answer is tried again.
    pub async fn open(
        config: &DiscoveryConfig,
        peers: Vec<Arc<Peer>>,
        stop: CancellationToken,
    ) -> Result<Option<Self>, DiscoveryError> {
        if !config.is_on() {
            return Ok(None);
        }
        let discovery = Self::new(config)?;
        if peers.is_empty() {
            return Ok(Some(discovery));
        }
        let mut lookup = Lookup::new(Arc::clone(&discovery.shared), peers);
        // Before anybody calls, if that can be.
        let begun = timeout(START, lookup.begin()).await.unwrap_or_else(|_| Err(Fault::away("no answer")));
        let begun = match begun {
            Ok(begun) => Some(begun),
            Err(Fault::Refused(error)) => return Err(error.into()),
            Err(fault) => {
                lookup.lost(&fault);
                None
            }
        };
        tokio::spawn(async move {
            tokio::select! {
                () = stop.cancelled() => {}
                () = lookup.run(begun) => {}
            }
        });
        Ok(Some(discovery))
    }

    fn new(config: &DiscoveryConfig) -> Result<Self, DiscoveryError> {
        if config.name.is_empty() || config.name.len() > 100 || config.name.ends_with('/') {
            return Err(SettingError::new("discovery.name", "must have 1 to 100 bytes, and no / at its end").into());
        }
        if !(SHORTEST_TTL..=LONGEST_TTL).contains(&config.ttl) {
            return Err(SettingError::new("discovery.ttl", "must be 2s to 1h").into());
        }
        let shared = Shared {
            etcd: Etcd::new(config)?,
            prefix: format!("{}/peers/", config.name),
            ttl: config.ttl,
            heard: Trouble::default(),
            registered: Trouble::default(),
        };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// Whether etcd is heard, and has what this process registers.
    pub fn trouble(&self) -> Result<(), String> {
        let Shared { heard, registered, .. } = &*self.shared;
        heard.current().or_else(|| registered.current()).map_or(Ok(()), Err)
    }
}

/// Keeps peers up to date.
pub(super) struct Lookup {
    shared: Arc<Shared>,
    peers: Vec<Arc<Peer>>,
    /// By key.
    known: BTreeMap<Vec<u8>, Known>,
    /// Until when those of whom nothing is heard any more are believed to be there.
    doubts_until: Option<Instant>,
    /// What each peer was told last.
    told: HashMap<&'static str, Vec<Address>>,
}

struct Known {
    service: String,
    address: Address,
    /// Known from before etcd was away, and not told again since.
    doubtful: bool,
}

/// A connection, and the revision that is known.
type Begun = (Connection, i64);

impl Lookup {
    pub(super) fn new(shared: Arc<Shared>, peers: Vec<Arc<Peer>>) -> Self {
        Self { shared, peers, known: BTreeMap::new(), doubts_until: None, told: HashMap::new() }
    }

    async fn run(mut self, mut begun: Option<Begun>) {
        let mut pause = PAUSE;
        loop {
            let since = Instant::now();
            let fault = match begun.take() {
                Some((connection, revision)) => self.hear(&connection, revision).await,
                None => match self.begin().await {
                    Ok(now) => {
                        begun = Some(now);
                        continue;
                    }
                    Err(fault) => fault,
                },
            };
            self.lost(&fault);
            pause = if since.elapsed() > STEADY { PAUSE } else { pause };
            sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    fn lost(&self, fault: &Fault) {
        if self.shared.heard.is(fault) {
            let (setting, cause) = fault.told();
            tracing::warn!(setting, cause, "etcd can't be heard; the instances known last stay in use");
        }
    }

    async fn begin(&mut self) -> Result<Begun, Fault> {
        let connection = self.shared.etcd.connect().await?;
        let revision = self.list(&connection).await?;
        Ok((connection, revision))
    }

    /// Takes all as they are now. Those that were known and are missing may be about to register again, with an etcd that has
    /// forgotten everything: they are believed to be there for as long as their lease would have lasted.
    async fn list(&mut self, connection: &Connection) -> Result<i64, Fault> {
        let (answer, revision) = connection.list(&self.shared.prefix).await?;
        for known in self.known.values_mut() {
            known.doubtful = true;
        }
        for pair in answer.kvs {
            self.registered(pair);
        }
        if self.known.values().any(|known| known.doubtful) {
            self.doubts_until = Some(Instant::now() + self.shared.ttl);
        }
        self.tell();
        Ok(revision)
    }

    /// Follows what changes, until that is over.
    pub(super) async fn hear(&mut self, connection: &Connection, mut revision: i64) -> Fault {
        loop {
            match self.hear_from(connection, revision + 1).await {
                Ended::Fault(fault) => return fault,
                Ended::Compacted => match self.list(connection).await {
                    Ok(now) => revision = now,
                    Err(fault) => return fault,
                },
            }
        }
    }

    async fn hear_from(&mut self, connection: &Connection, revision: i64) -> Ended {
        let mut changes = match connection.watch(&self.shared.prefix, revision).await {
            Ok(changes) => changes,
            Err(fault) => return Ended::Fault(fault),
        };
        loop {
            let doubts_until = self.doubts_until;
            let said = tokio::select! {
                said = changes.next() => said,
                () = passed(doubts_until) => {
                    self.doubts_until = None;
                    self.known.retain(|_, known| !known.doubtful);
                    self.tell();
                    continue;
                }
            };
            match said {
                Ok(WatchResponse { compact_revision, .. }) if compact_revision > 0 => return Ended::Compacted,
                Ok(WatchResponse { canceled: true, cancel_reason, .. }) => {
                    return Ended::Fault(Fault::away(format!("it tells no changes: {cancel_reason}")));
                }
                Ok(WatchResponse { events, .. }) => {
                    if self.shared.heard.is_over() {
                        tracing::info!("etcd is heard again");
                    }
                    for event in events {
                        self.changed(event);
                    }
                    self.tell();
                }
                Err(fault) => return Ended::Fault(fault),
            }
        }
    }

    fn changed(&mut self, event: Event) {
        let deleted = event.r#type() == EventType::Delete;
        let Some(pair) = event.kv else { return };
        if deleted {
            self.known.remove(&pair.key);
        } else {
            self.registered(pair);
        }
    }

    fn registered(&mut self, pair: KeyValue) {
        let KeyValue { key, value } = pair;
        let Some((service, address)) = self.read(&key, &value) else {
            tracing::warn!(key = %String::from_utf8_lossy(&key), "a key of etcd names no instance of a service");
            return;
        };
        self.known.insert(key, Known { service, address, doubtful: false });
    }

    fn read(&self, key: &[u8], value: &[u8]) -> Option<(String, Address)> {
        let (service, _) = std::str::from_utf8(key).ok()?.strip_prefix(&self.shared.prefix)?.split_once('/')?;
        let address: Address = std::str::from_utf8(value).ok()?.parse().ok()?;
        address.is_of_one().then(|| (service.to_owned(), address))
    }

    /// Where a service is, as far as it is known.
    pub(super) fn addresses_of(&self, service: &str) -> Vec<Address> {
        let of_it = self.known.values().filter(|known| known.service == service);
        of_it.map(|known| known.address.clone()).collect()
    }

    /// Tells those for whom something is different now.
    fn tell(&mut self) {
        for peer in &self.peers {
            let addresses = self.addresses_of(peer.name());
            let told = self.told.entry(peer.name()).or_default();
            if *told != addresses {
                peer.set_registered(&addresses);
                *told = addresses;
            }
        }
    }
}

/// Why nothing more is told.
enum Ended {
    /// What was asked for is no longer known: everything has to be listed again.
    Compacted,
    Fault(Fault),
}

async fn passed(moment: Option<Instant>) {
    match moment {
        Some(moment) => sleep_until(moment).await,
        None => std::future::pending().await,
    }
}
