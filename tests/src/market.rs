//! A whole marketplace in this process.

use std::{sync::Arc, time::Duration};

use chrono::TimeDelta;
use serde_json::json;
use souk::{Config, DataDir, Marketplace};
use souk_kernel::{Clock, text::slugify};
use tempfile::TempDir;
use tokio::{net::TcpListener, runtime::Runtime, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use crate::{
    Admin, Builder, Buyer, Client, PASSWORD, PATIENCE, Provider, Seller, Thing, actors::register, audit,
    builder::WEBHOOK_SECRET, eventually,
};

/// A marketplace that listens on a free port, with an operator and one category.
///
/// It runs on threads of its own, so that it can also be killed ([`Market::crashes`]).
pub struct Market {
    /// Anybody, not logged in.
    pub client: Client,
    /// The operator.
    pub admin: Admin,
    /// Turns the time of all services.
    pub clock: Clock,
    /// The category that products are listed in when nothing else is said.
    pub category: Thing,
    config: Config,
    data: TempDir,
    running: Option<Running>,
    ended: bool,
}

struct Running {
    runtime: Runtime,
    marketplace: Arc<Marketplace>,
    stop: CancellationToken,
    serving: JoinHandle<()>,
}

impl Running {
    /// Opens the installation and gives it with the address that it listens on.
    async fn open(config: &Config, data: &TempDir, clock: &Clock) -> (Self, String) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        let runtime = runtime.expect("threads can be started");
        let (config, clock) = (config.clone(), clock.clone());
        let data = DataDir::open(data.path()).expect("the folder can be used");
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        let (marketplace, listener) = runtime
            .spawn(async move {
                let opened = Box::pin(Marketplace::open(config, &data, clock)).await;
                let marketplace = opened.expect("the marketplace opens");
                marketplace.take_over().await.expect("the databases can be written");
                marketplace.start();
                let listener = TcpListener::bind("127.0.0.1:0").await.expect("some port is free");
                (Arc::new(marketplace), listener)
            })
            .await
            .expect("opening does not panic");
        let url = format!("http://{}", listener.local_addr().expect("it is bound"));
        let served = Arc::clone(&marketplace);
        let serving = runtime.spawn(async move { served.serve(listener, stopped).await });
        (Self { runtime, marketplace, stop, serving }, url)
    }

    /// Ends it as an operator does.
    async fn stop(self) {
        let Self { runtime, marketplace, stop, serving } = self;
        stop.cancel();
        serving.await.expect("serving does not panic");
        let marketplace = Arc::into_inner(marketplace).expect("nobody serves any more");
        runtime.spawn(marketplace.stop()).await.expect("stopping does not panic");
        end(runtime).await;
    }

    /// Ends it as a power cut does: whatever runs is dropped where it stands.
    async fn kill(self) {
        end(self.runtime).await;
    }
}

async fn end(runtime: Runtime) {
    tokio::task::spawn_blocking(move || runtime.shutdown_timeout(PATIENCE)).await.expect("it ends");
}

impl Market {
    /// A marketplace as most tests want it.
    pub async fn start() -> Self {
        Builder::default().start().await
    }

    /// A marketplace that is set up in some other way.
    pub fn builder() -> Builder {
        Builder::default()
    }

    pub(crate) async fn new(mut config: Config, clock: Clock) -> Self {
        let data = TempDir::new().expect("there is room for a folder");
        if let Some(url) = souk_platform::db::testing::server_url(data.path()).await {
            config.database.url = url;
        }
        let (running, url) = Running::open(&config, &data, &clock).await;
        let operator = souk_identity::NewUser {
            email: Admin::EMAIL.to_owned(),
            name: "The Operator".to_owned(),
            password: PASSWORD.to_owned(),
            roles: vec![souk_platform::security::Role::Admin],
        };
        let identity = &running.marketplace.databases.identity;
        souk_identity::create_user(identity, &config.identity, operator).await.expect("the operator can be made");
        let client = Client::new(&url);
        let admin = Admin::logs_in(&client).await;
        let category = admin.client.post("/categories", &json!({"name": "Things"})).await.created();
        Self { client, admin, clock, category, config, data, running: Some(running), ended: false }
    }

    fn running(&self) -> &Running {
        self.running.as_ref().expect("it runs until the test ends")
    }

    /// The marketplace itself.
    pub fn marketplace(&self) -> &Marketplace {
        &self.running().marketplace
    }

    /// The folder that it keeps everything in.
    pub fn folder(&self) -> &std::path::Path {
        self.data.path()
    }

    /// Somebody with an account who buys.
    pub async fn buyer(&self, name: &str) -> Buyer {
        let session = register(&self.client, name).await;
        Buyer::with_account(&self.client, &session)
    }

    /// Somebody without an account.
    pub fn guest(&self) -> Buyer {
        Buyer::guest(&self.client, "guest@example.com")
    }

    /// A seller with a shop of this name, who may sell at once unless the market is configured otherwise.
    pub async fn seller(&self, shop: &str) -> Seller {
        let session = register(&self.client, &format!("Owner of {shop}")).await;
        Seller::applies(&self.client, &session, shop, self.category.id()).await
    }

    /// A category of this name with this attribute schema.
    pub async fn category(&self, name: &str, attributes: serde_json::Value) -> Thing {
        let category = json!({"name": name, "slug": slugify(name), "attributes": attributes});
        self.admin.client.post("/categories", &category).await.created()
    }

    /// The payment provider.
    pub fn provider(&self) -> Provider {
        Provider { client: self.client.clone(), clock: self.clock.clone(), secret: WEBHOOK_SECRET.to_owned() }
    }

    /// The mail that was sent to this address, newest first, once everything that is due has been sent.
    pub async fn mail_to(&self, email: &str) -> Vec<Thing> {
        self.settles().await;
        self.admin.mail_to(email).await
    }

    /// Lets time pass, then waits until what fell due has been done.
    pub async fn passes(&self, time: Duration) {
        self.clock.advance(TimeDelta::from_std(time).expect("a time"));
        self.settles().await;
    }

    /// Waits until every event that is due has been delivered.
    pub async fn settles(&self) {
        let marketplace = &self.running().marketplace;
        let settled = tokio::time::timeout(PATIENCE, marketplace.settle()).await;
        assert!(settled.is_ok(), "events are not delivered: {:#?}", audit::undelivered(&marketplace.databases).await);
    }

    /// After an outage: what was refused is tried again, and what was given up too, as an operator does, until all is taken.
    pub async fn recovers(&self) {
        eventually("all that was refused is taken", async || {
            self.clock.advance(TimeDelta::seconds(1));
            self.settles().await;
            let replayed = self.admin.client.post("/admin/events/replay", &json!({})).await.ok();
            let left = audit::undelivered(&self.running().marketplace.databases).await;
            (replayed.number("deliveries") == 0 && left.is_empty()).then_some(())
        })
        .await;
    }

    /// Stops the marketplace in good order and starts it again on the same data. Actors made before have its old
    /// address: take them along with [`Market::moved`].
    pub async fn restarts(&mut self) {
        self.running.take().expect("it runs").stop().await;
        self.opens_again().await;
    }

    /// Kills the marketplace where it stands and starts it again on the same data.
    pub async fn crashes(&mut self) {
        self.running.take().expect("it runs").kill().await;
        self.opens_again().await;
    }

    async fn opens_again(&mut self) {
        let (running, url) = Running::open(&self.config, &self.data, &self.clock).await;
        self.running = Some(running);
        self.client = self.client.moved_to(&url);
        self.admin.client = self.admin.client.moved_to(&url);
    }

    /// A caller from before a restart, at the address of now.
    #[must_use]
    pub fn moved(&self, client: &Client) -> Client {
        client.moved_to(self.client.url())
    }

    /// Ends the test: everything that is due has been done, nothing was given up, and the books are right; then the
    /// farthest timer fires, and that is still so.
    pub async fn ends_clean(self) {
        self.ends_with_dead_letters(0).await;
    }

    /// As [`Market::ends_clean`], for a test that had so many deliveries given up.
    pub async fn ends_with_dead_letters(mut self, expected: usize) {
        self.settles().await;
        audit::passes(&self.running().marketplace, expected).await;
        self.passes(FARTHEST_TIMER).await;
        audit::passes(&self.running().marketplace, expected).await;
        self.ended = true;
        if let Some(running) = self.running.take() {
            running.kill().await;
        }
    }
}

/// Reservations, payments and return windows are long over by then.
const FARTHEST_TIMER: Duration = Duration::from_hours(60 * 24);

impl Drop for Market {
    fn drop(&mut self) {
        if let Some(running) = self.running.take() {
            running.runtime.shutdown_background();
        }
        assert!(self.ended || std::thread::panicking(), "a test ends with `market.ends_clean().await`");
    }
}
