//! The composition root: opens the databases, builds the services, connects them, runs them.

use std::time::{Duration, Instant};

use sea_orm::DbErr;
use souk_contracts::{
    catalog::catalog_client::CatalogClient, identity::identity_client::IdentityClient,
    inventory::inventory_client::InventoryClient,
};
use souk_kernel::{Clock, Problem};
use souk_platform::{
    db::{Database, OpenError},
    events::{Backlog, Bus, Relay},
    files::FilesError,
    http::idempotency,
    rpc::{Channel, Directory, Policy},
    service::Job,
};
use tokio::net::TcpListener;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    config::Config,
    data_dir::{DataDir, DataDirError},
    database::DatabaseConfig,
    services, verify,
};

/// Why a marketplace can't start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A database can't be opened.
    #[error(transparent)]
    Database(#[from] OpenError),
    /// The file store can't be opened.
    #[error(transparent)]
    Files(#[from] FilesError),
    /// The data directory can't be used.
    #[error(transparent)]
    DataDir(#[from] DataDirError),
    /// A service refuses to start.
    #[error("{service}: {problem}")]
    Service {
        /// Which one.
        service: &'static str,
        /// What it says.
        problem: Problem,
    },
}

/// The databases, one for each service.
#[derive(Clone)]
pub struct Databases {
    /// Of identity.
    pub identity: Database,
    /// Of catalog.
    pub catalog: Database,
    /// Of inventory.
    pub inventory: Database,
    /// Of cart.
    pub cart: Database,
    /// Of orders.
    pub orders: Database,
    /// Of payments.
    pub payments: Database,
    /// Of notifications.
    pub notifications: Database,
    /// Of search.
    pub search: Database,
}

impl Databases {
    /// Opens and migrates them all, side by side.
    pub async fn open(config: &DatabaseConfig, data: &DataDir, clock: &Clock) -> Result<Self, OpenError> {
        macro_rules! open {
            ($migrator:ty, $service:literal) => {
                async { Database::connect::<$migrator>($service, &config.of($service, data), clock.clone()).await }
            };
        }
        let (identity, catalog, inventory, cart, orders, payments, notifications, search) = tokio::try_join!(
            open!(souk_identity::Migrator, "identity"),
            open!(souk_catalog::Migrator, "catalog"),
            open!(souk_inventory::Migrator, "inventory"),
            open!(souk_cart::Migrator, "cart"),
            open!(souk_orders::Migrator, "orders"),
            open!(souk_payments::Migrator, "payments"),
            open!(souk_notifications::Migrator, "notifications"),
            open!(souk_search::Migrator, "search"),
        )?;
        Ok(Self { identity, catalog, inventory, cart, orders, payments, notifications, search })
    }

    /// All of them.
    pub fn all(&self) -> [&Database; 8] {
        let Self { identity, catalog, inventory, cart, orders, payments, notifications, search } = self;
        [identity, catalog, inventory, cart, orders, payments, notifications, search]
    }

    /// Finishes what is being written and closes the files.
    pub async fn close(&self) {
        futures::future::join_all(self.all().map(Database::close)).await;
    }
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

/// A whole marketplace in this process. Two can live side by side.
pub struct Marketplace {
    /// Its databases.
    pub databases: Databases,
    /// Its calls.
    pub calls: Calls,
    config: Config,
    data: DataDir,
    directory: Directory,
    bus: Bus,
    jobs: Vec<Job>,
    router: axum::Router,
    /// Cancelled first: no new work.
    stop: CancellationToken,
    /// Cancelled last: what was announced has been delivered.
    drained: CancellationToken,
    tasks: TaskTracker,
}

/// How long the relays may take to deliver what is due when the marketplace stops.
const DRAIN_LIMIT: Duration = Duration::from_secs(10);

impl Marketplace {
    /// Opens the installation in `data` and builds all services; nothing runs yet.
    pub async fn open(config: Config, data: &DataDir, clock: Clock) -> Result<Self, StartError> {
        let databases = Databases::open(&config.database, data, &clock).await?;
        let directory = Directory::new();
        let services = services::build(&config, data, &databases, &directory).await?;
        let jobs = services.iter().flat_map(|service| service.jobs.iter().cloned());
        let jobs = jobs.chain([forget_keys(databases.clone())]).collect();
        let bus = Bus::new(services.iter().map(|service| service.consumers.clone()));
        let stop = CancellationToken::new();
        let router = services::router(services, &config, &directory, &clock, stop.clone());
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
            jobs,
            router,
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
            db: self.databases.search.clone(),
            folder: self.data.search(),
            catalog: self.calls.catalog.clone(),
        };
        souk_search::reindex(deps, progress).await
    }

    /// Holds the invariants against all data.
    pub async fn verify(&self) -> Result<verify::Report, DbErr> {
        verify::run(&self.databases, &self.data, &self.config).await
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

    /// Starts to deliver events.
    pub fn start_relays(&self) {
        for db in self.databases.all() {
            self.tasks.spawn(Relay::new(db.clone(), self.bus.clone(), self.drained.clone()).run());
        }
    }

    /// Starts to deliver events and to do what services do now and then.
    pub fn start(&self) {
        self.start_relays();
        for job in &self.jobs {
            self.tasks.spawn(repeat(job.clone(), self.stop.clone()));
        }
    }

    /// Answers requests on `listener` until `stop` is cancelled and those under way have ended, within the gateway's limit.
    pub async fn serve(&self, listener: TcpListener, stop: CancellationToken) {
        souk_gateway::serve(listener, self.router(), self.config.gateway.clone(), stop).await;
    }

    /// Waits until every event that is due has been delivered or is a dead letter.
    pub async fn settle(&self) -> Result<(), DbErr> {
        let mut quiet = 0;
        // An event may lead to another in a database that was looked at before: two quiet rounds are needed.
        while quiet < 2 {
            let mut due = 0;
            for db in self.databases.all() {
                due += Backlog::of(db).await?.due;
            }
            quiet = if due == 0 { quiet + 1 } else { 0 };
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        Ok(())
    }

    /// Stops jobs, delivers what is due (within a limit; the rest waits in the outbox), closes the databases.
    pub async fn stop(self) {
        self.stop.cancel();
        let began = Instant::now();
        match tokio::time::timeout(DRAIN_LIMIT, self.settle()).await {
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
        self.databases.close().await;
        drop(self.directory);
    }
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
