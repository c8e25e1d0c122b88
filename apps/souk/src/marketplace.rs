//! The composition root: opens the databases, builds the services, connects them, runs them.

use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use futures::future::join_all;
use sea_orm::DbErr;
use souk_contracts::{
    catalog::catalog_client::CatalogClient, identity::identity_client::IdentityClient,
    inventory::inventory_client::InventoryClient,
};
use souk_kernel::{Clock, Problem};
use souk_platform::{
    config::SettingError,
    db::{Database, OpenError},
    discovery::{DiscoveryError, Registration},
    events::{self, Backlog, Broker, Bus, Relay, RemoteConsumer},
    files::FilesError,
    http::idempotency,
    listen::{self, Listening},
    rpc::{Address, Channel, Directory, Entrance, Policy},
    service::{Job, Service},
    tls::{Accepting, Edge, Mutual, TlsError},
};
use tokio::net::TcpListener;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    config::Config,
    data_dir::{DataDir, DataDirError},
    databases::Databases,
    engines::Engines,
    peers::{self, PeerError},
    roster::Roster,
    services, subscriptions, verify,
};

/// Why a marketplace can't start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A database can't be opened.
    #[error(transparent)]
    Database(#[from] OpenError),
    /// The broker, or Redis, can't be used as configured. That one does not answer is no such reason: it may later.
    #[error(transparent)]
    Setting(#[from] SettingError),
    /// The file store can't be opened.
    #[error(transparent)]
    Files(#[from] FilesError),
    /// The data directory can't be used.
    #[error(transparent)]
    DataDir(#[from] DataDirError),
    /// The other processes can't be reached as configured.
    #[error(transparent)]
    Peers(#[from] PeerError),
    /// The certificates can't be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// etcd can't be used as configured. That it does not answer is no such reason.
    #[error(transparent)]
    Discovery(#[from] DiscoveryError),
    /// A service refuses to start.
    #[error("{service}: {problem}")]
    Service {
        /// Which one.
        service: &'static str,
        /// What it says.
        problem: Problem,
    },
}

/// The calls that tools (imports, the sample) make.
#[derive(Clone)]
pub struct Calls {
    /// To identity.
    pub identity: IdentityClient<Channel>,
    /// To catalog.
    pub catalog: CatalogClient<Channel>,
    /// To inventory.
    pub inventory: InventoryClient<Channel>,
}

/// A marketplace in this process, or a part of it. Two can live side by side.
pub struct Marketplace {
    /// Its databases.
    pub databases: Databases,
    /// Its calls.
    pub calls: Calls,
    config: Config,
    data: DataDir,
    directory: Directory,
    bus: Bus,
    engines: Engines,
    roster: Roster,
    jobs: Vec<Job>,
    router: axum::Router,
    /// Where other processes come in.
    entrance: Option<Entrance>,
    public_tls: Option<Arc<dyn Accepting>>,
    mutual_tls: Option<Arc<dyn Accepting>>,
    /// Cancelled first: no new work.
    stop: CancellationToken,
    /// Cancelled last: what was announced has been delivered.
    drained: CancellationToken,
    tasks: TaskTracker,
}

/// The callers' own limits are lower, but a gateway passes everything on over few connections.
const CALLS_ON_ONE_CONNECTION: u32 = 10_000;

/// How long the relays may take to deliver what is due when the marketplace stops.
const DRAIN_LIMIT: Duration = Duration::from_secs(10);
/// How often what waits in the outboxes is counted.
const BACKLOG_EVERY: Duration = Duration::from_secs(20);
/// How long to wait for whoever still uses a database.
const CLOSE_LIMIT: Duration = Duration::from_secs(5);

impl Marketplace {
    /// Opens the installation in `data` and builds all services; nothing runs yet.
    pub async fn open(config: Config, data: &DataDir, clock: Clock) -> Result<Self, StartError> {
        Self::open_part(config, data, clock, Roster::everything()).await
    }

    /// Opens what belongs to the services of `roster` and builds those; the others are reached at their configured addresses.
    pub async fn open_part(config: Config, data: &DataDir, clock: Clock, roster: Roster) -> Result<Self, StartError> {
        let mutual = Mutual::open(&config.tls, certified(&config, &roster))?;
        let public = if roster.has_gateway() { Edge::open(&config.gateway.tls)? } else { None };
        let directory = Directory::new();
        let peers = peers::connect(&config, &roster, mutual.as_ref(), &directory)?;
        let databases = Databases::open_some(&config.database, data, &clock, &roster).await?;
        let stop = CancellationToken::new();
        let engines = Engines::open(&config, data, &roster, &peers, stop.clone()).await?;
        let services = services::build(&config, data, &databases, &engines, &directory, &roster).await?;
        let jobs = services.iter().flat_map(|service| service.jobs.iter().cloned());
        let own = [
            forget_keys(databases.clone()),
            show_backlogs(databases.clone()),
            services::hear_ended_sessions(&config, &engines, &directory),
        ];
        let jobs = jobs.chain(own).collect();
        let bus = bus(&services, &roster, &directory, engines.broker());
        let doors = services::doors(services, &peers, &engines, &config, &directory, &clock, &roster);
        let entrance = doors.inner.map(|inner| {
            directory.register("delivery", events::routes(bus.clone(), databases.all().into_iter().cloned()));
            Entrance::new(&directory, roster.services().chain(["delivery"]), inner)
        });
        let call = |callee, methods| directory.channel("souk", callee, Policy::default().idempotent(methods));
        let calls = Calls {
            identity: IdentityClient::new(call("identity", &["EnsureSeller"])),
            catalog: CatalogClient::new(call(
                "catalog",
                &["EnsureCategory", "ImportProducts", "FindSkus", "Categories", "Products"],
            )),
            inventory: InventoryClient::new(call("inventory", &["SetOnHand"])),
        };
        Ok(Self {
            databases,
            calls,
            config,
            data: data.clone(),
            directory,
            bus,
            engines,
            roster,
            jobs,
            router: doors.router,
            entrance,
            public_tls: public.map(|tls| Arc::new(tls) as _),
            mutual_tls: mutual.map(|tls| Arc::new(tls) as _),
            stop,
            drained: CancellationToken::new(),
            tasks: TaskTracker::new(),
        })
    }

    /// The effective configuration.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Has catalog tell all products and the search index built anew; `progress` hears how far it is. Gives their number.
    pub async fn reindex(&self, progress: &(dyn Fn(&'static str, u64, u64) + Send + Sync)) -> Result<u64, Problem> {
        let deps = souk_search::Deps {
            config: self.config.search.clone(),
            db: self.databases.search().clone(),
            folder: self.data.search(),
            catalog: self.calls.catalog.clone(),
        };
        souk_search::reindex(deps, progress).await
    }

    /// Holds the invariants against all data, which a part finds in `databases` of all services.
    pub async fn verify_all(&self, databases: &Databases) -> Result<verify::Report, DbErr> {
        verify::run(databases, &self.data, &self.config).await
    }

    /// Everything that is served.
    pub fn router(&self) -> axum::Router {
        self.router.clone()
    }

    /// Takes over from a process that may have died at its work. Only for the one that serves, before it does.
    pub async fn take_over(&self) -> Result<(), DbErr> {
        for db in self.databases.all() {
            let keys = idempotency::take_over_all(db).await?;
            if keys > 0 {
                tracing::info!(service = db.service(), keys, "requests that were broken off may be repeated at once");
            }
        }
        Ok(())
    }

    /// Starts to deliver events of these services.
    pub fn start_relays(&self, services: &[&str]) {
        for db in self.databases.all().into_iter().filter(|db| services.contains(&db.service())) {
            self.tasks.spawn(Relay::new(db.clone(), self.bus.clone(), self.drained.clone()).run());
        }
    }

    /// Starts to deliver events and to do what services do now and then.
    pub fn start(&self) {
        self.start_relays(self.roster.names());
        for job in &self.jobs {
            self.tasks.spawn(repeat(job.clone(), self.stop.clone()));
        }
        self.start_taking();
    }

    /// Starts to take what a broker keeps for the services of this process.
    fn start_taking(&self) {
        let Some(broker) = self.engines.broker() else { return };
        for db in self.databases.all() {
            if !subscriptions::of(db.service()).is_empty() {
                self.tasks.spawn(broker.clone().take(self.bus.clone(), db.clone(), self.stop.clone()));
            }
        }
    }

    /// The broker between this process and the others, if there is one.
    pub fn broker(&self) -> Option<&Broker> {
        self.engines.broker()
    }

    /// Answers requests on `listener` until `stop` is cancelled and those under way have ended, within the gateway's limit: of
    /// visitors, or of other processes where the gateway isn't here.
    pub async fn serve(&self, listener: TcpListener, stop: CancellationToken) {
        if self.roster.has_gateway() {
            let config = self.config.gateway.clone();
            souk_gateway::serve(listener, self.router(), config, self.public_tls.clone(), stop).await;
        } else {
            self.serve_calls(listener, stop).await;
        }
    }

    /// Answers other processes on `listener`, as [`Marketplace::serve`] does visitors.
    pub async fn serve_calls(&self, listener: TcpListener, stop: CancellationToken) {
        let Some(entrance) = self.entrance.clone() else { return };
        let services: Vec<_> = self.roster.services().collect();
        // A caller's patience is shorter than the first connections take on a busy machine.
        join_all(self.databases.all().into_iter().map(Database::warm_up)).await;
        entrance.announce(&services, true).await;
        let registration = self.register(&listener, &services);
        let (leaving, close) = (entrance.clone(), CancellationToken::new());
        let closing = close.clone();
        self.tasks.spawn(async move {
            stop.cancelled().await;
            leaving.announce(&services, false).await;
            // While everything is still answered: nobody is to come here from now on who could go elsewhere.
            if let Some(registration) = registration {
                registration.withdraw().await;
            }
            closing.cancel();
        });
        let config = &self.config.gateway;
        let listening = Listening {
            header_timeout: config.header_timeout,
            drain_limit: config.drain_limit,
            // HTTP/2 says itself what was heard.
            linger: Duration::ZERO,
            max_connections: config.max_connections,
            max_streams: CALLS_ON_ONE_CONNECTION,
            // Uploads of many visitors come over one connection: a slow one must not hold up the others.
            window: 1 << 30,
            http2: true,
            tls: self.mutual_tls.clone(),
        };
        listen::serve(listener, entrance, listening, close).await;
    }

    /// Tells the other processes where these services are, if they ask etcd.
    fn register(&self, listener: &TcpListener, services: &[&'static str]) -> Option<Registration> {
        let discovery = self.engines.discovery().filter(|_| !services.is_empty())?;
        let listened = listener.local_addr().map_err(|error| error.to_string());
        let advertised = |listened| self.advertised(listened).map_err(|error| error.to_string());
        match listened.and_then(advertised) {
            Ok(address) => Some(discovery.register(services, &address)),
            Err(error) => {
                tracing::error!(error, "this process can't tell the others where it is");
                None
            }
        }
    }

    /// Where the others reach this process, which answers their calls at `listened`.
    fn advertised(&self, listened: SocketAddr) -> Result<Address, SettingError> {
        self.config.discovery.advertised(listened, self.mutual_tls.is_some())
    }

    /// `https` where visitors come by TLS.
    pub fn scheme(&self) -> &'static str {
        let tls = if self.roster.has_gateway() { &self.public_tls } else { &self.mutual_tls };
        if tls.is_some() { "https" } else { "http" }
    }

    /// Waits until every event that is due has been delivered or is a dead letter.
    pub async fn settle(&self) -> Result<(), DbErr> {
        self.databases.settle().await
    }

    /// Stops jobs, delivers what is due (within a limit; the rest waits in the outbox), closes the databases.
    pub async fn stop(self) {
        self.stop.cancel();
        let began = Instant::now();
        match tokio::time::timeout(DRAIN_LIMIT, self.databases.drain()).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::error!(%error, "draining the outboxes failed"),
            Err(_) => tracing::warn!("some events were not delivered in time and wait for the next start"),
        }
        self.drained.cancel();
        self.tasks.close();
        let left = DRAIN_LIMIT.saturating_sub(began.elapsed()) + Duration::from_secs(2);
        if tokio::time::timeout(left, self.tasks.wait()).await.is_err() {
            tracing::warn!("some tasks did not end in time");
        }
        if tokio::time::timeout(CLOSE_LIMIT, self.databases.close()).await.is_err() {
            tracing::warn!("the databases did not close in time");
        }
        drop(self.directory);
    }
}

/// The names that others know this process by. A command that only works on the data has none, whatever the certificate.
fn certified<'a>(config: &Config, roster: &'a Roster) -> &'a [&'static str] {
    let alone = roster.elsewhere().next().is_none() && config.rpc.listen.is_none();
    if alone { &[] } else { roster.names() }
}

/// To the consumers of this process, and by couriers to those of others.
fn bus(services: &[Service], roster: &Roster, directory: &Directory, broker: Option<&Broker>) -> Bus {
    for service in services {
        if let Some(difference) = subscriptions::difference(service.name, service.consumers.kinds()) {
            // A mistake of ours, and one that loses events between processes.
            panic!("the table of subscriptions is wrong: {difference}");
        }
    }
    let here = Bus::new(services.iter().map(|service| service.consumers.clone()));
    roster.elsewhere().fold(here, |bus, service| {
        let courier = broker.map_or_else(|| RemoteConsumer::courier(directory, service), Broker::courier);
        bus.with(service, subscriptions::of(service), &courier)
    })
}

/// Keeps the figures of what waits in the outboxes up to date.
fn show_backlogs(databases: Databases) -> Job {
    Job::new("events.backlog", BACKLOG_EVERY, move || {
        let databases = databases.clone();
        async move {
            for db in databases.all() {
                if let Err(error) = Backlog::show(db).await {
                    tracing::error!(service = db.service(), %error, "what waits in the outbox can't be counted");
                }
            }
        }
    })
}

/// Deletes the idempotency keys that have expired.
fn forget_keys(databases: Databases) -> Job {
    Job::new("idempotency.purge", Duration::from_hours(1), move || {
        let databases = databases.clone();
        async move {
            for db in databases.all() {
                match idempotency::purge(db).await {
                    Ok(0) => {}
                    Ok(rows) => tracing::info!(service = db.service(), rows, "expired idempotency keys were deleted"),
                    Err(error) => {
                        tracing::error!(service = db.service(), %error, "expired idempotency keys can't be deleted");
                    }
                }
            }
        }
    })
}

async fn repeat(job: Job, stop: CancellationToken) {
    loop {
        (job.run)().await;
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(job.every) => {}
        }
    }
}
