//! The processes of a marketplace, each on threads of its own so that it can be killed: one for everything, or one for each
//! service, which then talk over sockets.

use std::{
    collections::BTreeMap,
    net::{SocketAddr, TcpListener as Bound},
    path::Path,
    sync::Arc,
};

use sea_orm::DbErr;
use souk::{
    Config, DataDir, Databases, Marketplace, Roster,
    roster::{GATEWAY, SERVICES},
};
use souk_kernel::Clock;
use souk_platform::events::Broker;
use tokio::{net::TcpListener, runtime::Runtime, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use crate::PATIENCE;

/// How the services are spread over processes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Shape {
    /// All in one.
    Whole,
    /// Each in its own.
    Split,
}

impl Shape {
    /// As `SOUK_TEST_SHAPE` says: `split`, or whole.
    ///
    /// # Panics
    /// When it says something else.
    pub fn of_the_run() -> Self {
        match std::env::var("SOUK_TEST_SHAPE").as_deref() {
            Ok("split") => Self::Split,
            Ok("whole" | "") | Err(_) => Self::Whole,
            Ok(other) => panic!("SOUK_TEST_SHAPE is `{other}`; there are `whole` and `split`"),
        }
    }
}

/// The services that take events.
pub(crate) const CONSUMERS: [&str; 8] =
    ["identity", "catalog", "inventory", "cart", "orders", "payments", "notifications", "search"];

/// A marketplace that runs.
pub(crate) struct Running {
    parts: BTreeMap<&'static str, Part>,
    /// Where each part listens, also while it is down.
    addresses: BTreeMap<&'static str, SocketAddr>,
    databases: Databases,
    url: String,
}

struct Part {
    runtime: Runtime,
    marketplace: Arc<Marketplace>,
    stop: CancellationToken,
    serving: JoinHandle<()>,
}

impl Running {
    /// Opens the installation and listens.
    pub(crate) async fn open(shape: Shape, config: &Config, data: &Path, clock: &Clock) -> Self {
        let names: &[&'static str] = if shape == Shape::Whole { &[GATEWAY] } else { &SERVICES };
        let bound: BTreeMap<_, _> = names.iter().map(|name| (*name, bind("127.0.0.1:0"))).collect();
        let address = |listener: &Bound| listener.local_addr().expect("it is bound");
        let addresses: BTreeMap<_, _> = bound.iter().map(|(name, listener)| (*name, address(listener))).collect();
        let url = format!("http://{}", addresses[GATEWAY]);
        let mut running = Self { parts: BTreeMap::new(), addresses, databases: Databases::default(), url };
        let config = running.with_peers(config, shape);
        for (name, listener) in bound {
            let roster = running.roster(name);
            let part = Part::open(roster, &config, data, clock, listener).await;
            running.parts.insert(name, part);
        }
        running.gather();
        running
    }

    fn roster(&self, name: &str) -> Roster {
        if self.addresses.len() == 1 { Roster::everything() } else { Roster::of(&[name]).expect("it is a service") }
    }

    fn with_peers(&self, config: &Config, shape: Shape) -> Config {
        let mut config = config.clone();
        if shape == Shape::Split {
            let at = |name: &str| vec![self.addresses[name].to_string().parse().expect("an address")];
            config.peers = souk::per_service::PerService {
                identity: at("identity"),
                catalog: at("catalog"),
                inventory: at("inventory"),
                cart: at("cart"),
                orders: at("orders"),
                payments: at("payments"),
                notifications: at("notifications"),
                search: at("search"),
            };
        }
        config
    }

    fn gather(&mut self) {
        let parts = self.parts.values().map(|part| part.marketplace.databases.clone());
        self.databases = parts.fold(Databases::default(), Databases::together);
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    pub(crate) fn databases(&self) -> &Databases {
        &self.databases
    }

    pub(crate) fn address(&self, service: &str) -> SocketAddr {
        *self.addresses.get(service).unwrap_or_else(|| &self.addresses[GATEWAY])
    }

    pub(crate) fn part(&self, service: &str) -> &Marketplace {
        &self.parts.get(service).unwrap_or_else(|| &self.parts[GATEWAY]).marketplace
    }

    /// Waits until every event that is due has been delivered, also what the broker has of consumers that are there.
    pub(crate) async fn settle(&self, broker: Option<&Broker>) -> Result<(), DbErr> {
        loop {
            let before = self.moves();
            self.databases.settle().await?;
            let Some(broker) = broker else { return Ok(()) };
            let flushed = broker.flush(&CONSUMERS).await;
            self.databases.settle().await?;
            if flushed.is_ok() && self.moves() == before {
                return Ok(());
            }
        }
    }

    /// Changes with every event that goes through the broker.
    fn moves(&self) -> Vec<u64> {
        let brokers = self.parts.values().filter_map(|part| part.marketplace.broker());
        brokers.map(Broker::moves).collect()
    }

    /// Ends it as an operator does: visitors first.
    pub(crate) async fn stop(mut self) {
        if let Some(gateway) = self.parts.remove(GATEWAY) {
            gateway.stop().await;
        }
        for part in self.parts.into_values() {
            part.stop().await;
        }
    }

    /// Ends it as a power cut does: whatever runs is dropped where it stands.
    pub(crate) async fn crash(self) {
        for part in self.parts.into_values() {
            part.kill().await;
        }
    }

    /// Ends one process so.
    pub(crate) async fn kill(&mut self, service: &str) {
        self.parts.remove(service).expect("it runs").kill().await;
        self.gather();
    }

    /// Starts it again.
    pub(crate) async fn revive(&mut self, service: &str, config: &Config, data: &Path, clock: &Clock) {
        let (name, address) = self.addresses.get_key_value(service).expect("it ran before");
        let (name, listener) = (*name, bind(&address.to_string()));
        let config = self.with_peers(config, Shape::Split);
        let part = Part::open(self.roster(name), &config, data, clock, listener).await;
        self.parts.insert(name, part);
        self.gather();
    }

    /// For a test that has failed.
    pub(crate) fn abandon(self) {
        for part in self.parts.into_values() {
            part.runtime.shutdown_background();
        }
    }
}

fn bind(address: &str) -> Bound {
    let bound = Bound::bind(address).expect("the port is free");
    bound.set_nonblocking(true).expect("a socket can be");
    bound
}

impl Part {
    async fn open(roster: Roster, config: &Config, data: &Path, clock: &Clock, listener: Bound) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        let runtime = runtime.expect("threads can be started");
        let (config, clock) = (config.clone(), clock.clone());
        let data = DataDir::open(data).expect("the folder can be used");
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        let (marketplace, listener) = runtime
            .spawn(async move {
                let opened = Box::pin(Marketplace::open_part(config, &data, clock, roster)).await;
                let marketplace = opened.expect("the marketplace opens");
                marketplace.take_over().await.expect("the databases can be written");
                marketplace.start();
                (Arc::new(marketplace), TcpListener::from_std(listener).expect("it is bound"))
            })
            .await
            .expect("opening does not panic");
        let served = Arc::clone(&marketplace);
        let serving = runtime.spawn(async move { served.serve(listener, stopped).await });
        Self { runtime, marketplace, stop, serving }
    }

    async fn stop(self) {
        let Self { runtime, marketplace, stop, serving } = self;
        stop.cancel();
        serving.await.expect("serving does not panic");
        let marketplace = Arc::into_inner(marketplace).expect("nobody serves any more");
        runtime.spawn(marketplace.stop()).await.expect("stopping does not panic");
        end(runtime).await;
    }

    async fn kill(self) {
        end(self.runtime).await;
    }
}

async fn end(runtime: Runtime) {
    tokio::task::spawn_blocking(move || runtime.shutdown_timeout(PATIENCE)).await.expect("it ends");
}
