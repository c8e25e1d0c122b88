//! The processes of a marketplace, each on threads of its own so that it can be killed: one for everything, or one or two for
//! each service, which then talk over sockets.

use std::{
    collections::BTreeMap,
    net::{SocketAddr, TcpListener as Bound},
    path::{Path, PathBuf},
    sync::Arc,
};

use futures::future::join_all;
use sea_orm::DbErr;
use souk::{
    Config, DataDir, Databases, Marketplace, Roster, certs,
    per_service::PerService,
    roster::{GATEWAY, SERVICES},
};
use souk_kernel::Clock;
use souk_platform::{events::Broker, rpc::Address, tls::MutualConfig};
use tokio::{
    net::{TcpListener, TcpSocket},
    runtime::Runtime,
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;

use crate::{PATIENCE, shape::Shape};

/// The services that take events.
pub(crate) const CONSUMERS: [&str; 8] =
    ["identity", "catalog", "inventory", "cart", "orders", "payments", "notifications", "search"];

/// A marketplace that runs.
pub(crate) struct Running {
    shape: Shape,
    /// By service, the first process of each first.
    parts: BTreeMap<&'static str, Vec<Part>>,
    /// Where the processes of each service listen, also while they are down.
    addresses: BTreeMap<&'static str, Vec<SocketAddr>>,
    /// The addresses of those that were killed, so that nobody else is given them; whoever connects is refused.
    held: BTreeMap<&'static str, Vec<TcpSocket>>,
    databases: Databases,
    url: String,
}

struct Part {
    runtime: Runtime,
    marketplace: Arc<Marketplace>,
    stop: CancellationToken,
    serving: JoinHandle<()>,
}

/// What all processes are started with.
#[derive(Clone, Copy)]
pub(crate) struct Installation<'a> {
    pub(crate) config: &'a Config,
    pub(crate) data: &'a Path,
    pub(crate) clock: &'a Clock,
}

impl Running {
    /// Opens the installation and listens.
    pub(crate) async fn open(shape: Shape, installation: Installation<'_>) -> Self {
        let names: &[&'static str] = if shape == Shape::Whole { &[GATEWAY] } else { &SERVICES };
        let listen = |name| {
            let count = shape.instances(name, installation.config);
            (name, (0..count).map(|_| bind()).collect::<Vec<_>>())
        };
        let bound: BTreeMap<_, _> = names.iter().copied().map(listen).collect();
        let address = |listener: &Bound| listener.local_addr().expect("it is bound");
        let addresses: BTreeMap<_, Vec<_>> =
            bound.iter().map(|(name, listeners)| (*name, listeners.iter().map(address).collect())).collect();
        let url = format!("http://{}", addresses[GATEWAY][0]);
        let (parts, held) = (BTreeMap::new(), BTreeMap::new());
        let mut running = Self { shape, parts, addresses, held, databases: Databases::default(), url };
        if shape == Shape::Cluster {
            certify(installation.data);
        }
        for (name, listeners) in bound {
            running.start(name, listeners, installation).await;
        }
        running.gather();
        running
    }

    /// Starts the processes of a service, one after the other: the first one brings the tables up to date.
    async fn start(&mut self, name: &'static str, listeners: Vec<Bound>, installation: Installation<'_>) {
        let roster = if self.shape == Shape::Whole {
            Roster::everything()
        } else {
            Roster::of(&[name]).expect("it is a service")
        };
        let config = self.configured(name, installation);
        let mut parts = Vec::new();
        for (number, listener) in listeners.into_iter().enumerate() {
            let folder = folder(installation.data, name, number);
            let part = Part::open(roster.clone(), config.clone(), &folder, installation.clock.clone(), listener);
            parts.push(part.await);
        }
        self.parts.insert(name, parts);
    }

    /// The configuration of the processes of a service.
    fn configured(&self, name: &str, installation: Installation<'_>) -> Config {
        let mut config = installation.config.clone();
        if self.shape == Shape::Whole {
            return config;
        }
        let address = |address: &SocketAddr| address.to_string().parse::<Address>().expect("an address");
        let at = |name: &str| self.addresses[name].iter().map(address).collect();
        config.peers = PerService {
            identity: at("identity"),
            catalog: at("catalog"),
            inventory: at("inventory"),
            cart: at("cart"),
            orders: at("orders"),
            payments: at("payments"),
            notifications: at("notifications"),
            search: at("search"),
        };
        // A test may have brought certificates of its own.
        if self.shape == Shape::Cluster && config.tls == MutualConfig::default() {
            let file = |name: String| Some(certificates(installation.data).join(name));
            let (ca, cert, key) = (file("ca.pem".into()), file(format!("{name}.pem")), file(format!("{name}.key")));
            config.tls = MutualConfig { ca, cert, key };
        }
        config
    }

    fn gather(&mut self) {
        let parts = self.parts.values().flatten().map(|part| part.marketplace.databases.clone());
        self.databases = parts.fold(Databases::default(), Databases::together);
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    pub(crate) fn databases(&self) -> &Databases {
        &self.databases
    }

    /// Where the first process of a service listens.
    pub(crate) fn address(&self, service: &str) -> SocketAddr {
        self.addresses.get(service).unwrap_or_else(|| &self.addresses[GATEWAY])[0]
    }

    /// The first process of a service.
    pub(crate) fn part(&self, service: &str) -> &Marketplace {
        &self.parts.get(service).unwrap_or_else(|| &self.parts[GATEWAY])[0].marketplace
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
        let brokers = self.parts.values().flatten().filter_map(|part| part.marketplace.broker());
        brokers.map(Broker::moves).collect()
    }

    /// Ends it as an operator does: visitors first.
    pub(crate) async fn stop(mut self) {
        for part in self.parts.remove(GATEWAY).into_iter().flatten() {
            part.stop().await;
        }
        for part in self.parts.into_values().flatten() {
            part.stop().await;
        }
    }

    /// Ends it as a power cut does: whatever runs is dropped where it stands.
    pub(crate) async fn crash(self) {
        join_all(self.parts.into_values().flatten().map(Part::kill)).await;
    }

    /// Ends all processes of a service so.
    pub(crate) async fn kill(&mut self, service: &str) {
        let (name, parts) = self.parts.remove_entry(service).expect("it runs");
        join_all(parts.into_iter().map(Part::kill)).await;
        self.held.insert(name, self.addresses[name].iter().copied().map(hold).collect());
        self.gather();
    }

    /// Starts them again.
    pub(crate) async fn revive(&mut self, service: &str, installation: Installation<'_>) {
        let (name, held) = self.held.remove_entry(service).expect("it was killed");
        self.start(name, held.into_iter().map(listen).collect(), installation).await;
        self.gather();
    }

    /// For a test that has failed.
    pub(crate) fn abandon(self) {
        for part in self.parts.into_values().flatten() {
            part.runtime.shutdown_background();
        }
    }
}

fn bind() -> Bound {
    let bound = Bound::bind("127.0.0.1:0").expect("a port is free");
    bound.set_nonblocking(true).expect("a socket can be");
    bound
}

fn hold(address: SocketAddr) -> TcpSocket {
    let bound = || -> std::io::Result<TcpSocket> {
        let socket = TcpSocket::new_v4()?;
        socket.set_reuseaddr(true)?;
        socket.bind(address).map(|()| socket)
    };
    bound().expect("nobody has it yet")
}

fn listen(held: TcpSocket) -> Bound {
    held.listen(1024).and_then(TcpListener::into_std).expect("nobody else listens there")
}

/// The data directory of a process. Further ones of a service are given the secrets of the first and nothing else, as on another
/// machine.
fn folder(data: &Path, name: &str, number: usize) -> PathBuf {
    if number == 0 {
        return data.to_owned();
    }
    let folder = data.join("processes").join(format!("{name}-{number}"));
    let (keys, given) = (data.join("keys"), folder.join("keys"));
    std::fs::create_dir_all(&given).expect("the folder can be written");
    for key in std::fs::read_dir(keys).into_iter().flatten() {
        let key = key.expect("the folder can be read");
        std::fs::copy(key.path(), given.join(key.file_name())).expect("the folder can be written");
    }
    folder
}

fn certificates(data: &Path) -> PathBuf {
    data.join("certs")
}

/// An authority and a certificate for each service, unless an earlier start has made them.
fn certify(data: &Path) {
    let folder = certificates(data);
    if !folder.exists() {
        let (processes, now) = (SERVICES.map(str::to_owned), Clock::system().now());
        let order = certs::Order { folder: &folder, processes: &processes, hosts: &[], now, days: 7 };
        certs::make(&order).expect("certificates can be made");
    }
}

impl Part {
    async fn open(roster: Roster, config: Config, data: &Path, clock: Clock, listener: Bound) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        let runtime = runtime.expect("threads can be started");
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
