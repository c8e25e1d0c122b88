//! A whole marketplace in this process: in one composition, or as one or two for each service that talk over sockets ([`Shape`]).

use std::time::Duration;

use chrono::TimeDelta;
use sea_orm::{ConnectionTrait, DbErr};
use serde_json::json;
use souk::{Config, Databases, Marketplace, verify::Report};
use souk_kernel::{Clock, text::slugify};
use souk_platform::{
    db::{Database, Tx},
    events::{Broker, broker},
    verify::Rule,
};
use tempfile::TempDir;

use crate::{
    Admin, Builder, Buyer, Client, PASSWORD, PATIENCE, Provider, Seller, Thing,
    actors::register,
    audit,
    builder::WEBHOOK_SECRET,
    eventually,
    running::{self, Installation, Running},
    shape::Shape,
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
    shape: Shape,
    data: TempDir,
    running: Option<Running>,
    /// What events go through, if there is a broker between the processes.
    broker: Option<Broker>,
    ended: bool,
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

    pub(crate) async fn new(mut config: Config, shape: Shape, clock: Clock) -> Self {
        let data = TempDir::new().expect("there is room for a folder");
        if let Some(url) = souk_platform::db::testing::server_url(data.path()).await {
            config.database.url = url;
            config.database.replicas = souk_platform::db::testing::replica_url(data.path()).await.into_iter().collect();
        }
        shape.check(&config);
        let running = Running::open(shape, Installation { config: &config, data: data.path(), clock: &clock }).await;
        let operator = souk_identity::NewUser {
            email: Admin::EMAIL.to_owned(),
            name: "The Operator".to_owned(),
            password: PASSWORD.to_owned(),
            roles: vec![souk_platform::security::Role::Admin],
        };
        souk_identity::create_user(running.databases().identity(), &config.identity, operator)
            .await
            .expect("the operator can be made");
        let client = Client::new(running.url());
        let admin = Admin::logs_in(&client).await;
        let broker = Broker::open(&config.events).await.expect("the broker takes us");
        let category = admin.client.post("/categories", &json!({"name": "Things"})).await.created();
        Self { client, admin, clock, category, config, shape, data, running: Some(running), broker, ended: false }
    }

    fn running(&self) -> &Running {
        self.running.as_ref().expect("it runs until the test ends")
    }

    /// The composition that a service is in; the first of several.
    pub fn part(&self, service: &str) -> &Marketplace {
        self.running().part(service)
    }

    /// Where the process of a service listens; the first of several.
    pub fn address(&self, service: &str) -> std::net::SocketAddr {
        self.running().address(service)
    }

    /// The databases of all services.
    pub fn databases(&self) -> &Databases {
        self.running().databases()
    }

    /// Whether events go through a broker.
    pub fn has_broker(&self) -> bool {
        self.broker.is_some()
    }

    /// Holds the invariants against all data.
    pub async fn verify(&self) -> Report {
        let report = Box::pin(self.part("search").verify_all(self.databases()));
        report.await.expect("the rules can be checked")
    }

    /// What [`Market::verify`] finds about one rule between services.
    ///
    /// # Panics
    /// When there is no such rule.
    pub async fn rule(&self, name: &str) -> Rule {
        let mut rules = self.verify().await.rules.remove("between services").expect("they are checked");
        let index = rules.iter().position(|rule| rule.name == name).expect("the rule is checked");
        rules.swap_remove(index)
    }

    /// Changes one row of a service's database behind its back.
    ///
    /// # Panics
    /// When it isn't one row.
    pub async fn tampers(&self, database: &Database, sql: impl Into<String>) {
        let sql = sql.into();
        let change = |tx: Tx| async move { tx.execute_unprepared(&sql).await.map(|done| done.rows_affected()) };
        let changed = database.transaction::<_, DbErr, _, _>(change).await;
        assert_eq!(changed.expect("the database takes it"), 1);
    }

    /// Ends the process of one service, or all that it has, as a power cut does.
    ///
    /// # Panics
    /// When all services are in one process.
    pub async fn loses(&mut self, service: &str) {
        assert_ne!(self.shape, Shape::Whole, "only a process of its own can be lost alone");
        self.running.as_mut().expect("it runs").kill(service).await;
    }

    /// Starts the process of a service that was lost again, or all that it had, at their former addresses.
    pub async fn regains(&mut self, service: &str) {
        let installation = Installation { config: &self.config, data: self.data.path(), clock: &self.clock };
        self.running.as_mut().expect("it runs").revive(service, installation).await;
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
        let settled = tokio::time::timeout(PATIENCE, self.running().settle(self.broker.as_ref())).await;
        assert!(settled.is_ok(), "events are not delivered: {:#?}", audit::undelivered(self.databases()).await);
    }

    /// After an outage: what was refused is tried again, and what was given up too, as an operator does, until all is taken.
    pub async fn recovers(&self) {
        eventually("all that was refused is taken", async || {
            self.clock.advance(TimeDelta::seconds(1));
            self.settles().await;
            let replayed = self.admin.client.post("/admin/events/replay", &json!({})).await.ok();
            let left = audit::undelivered(self.databases()).await;
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
        self.running.take().expect("it runs").crash().await;
        self.opens_again().await;
    }

    async fn opens_again(&mut self) {
        let installation = Installation { config: &self.config, data: self.data.path(), clock: &self.clock };
        let running = Running::open(self.shape, installation).await;
        self.client = self.client.moved_to(running.url());
        self.admin.client = self.admin.client.moved_to(running.url());
        self.running = Some(running);
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
        audit::passes(&self, expected).await;
        self.passes(FARTHEST_TIMER).await;
        audit::passes(&self, expected).await;
        self.ended = true;
        if let Some(running) = self.running.take() {
            running.crash().await;
        }
        if let Some(broker) = &self.broker {
            broker::testing::remove(broker, &running::CONSUMERS).await;
        }
    }
}

/// Reservations, payments and return windows are long over by then.
const FARTHEST_TIMER: Duration = Duration::from_hours(60 * 24);

impl Drop for Market {
    fn drop(&mut self) {
        if let Some(running) = self.running.take() {
            running.abandon();
        }
        assert!(self.ended || std::thread::panicking(), "a test ends with `market.ends_clean().await`");
    }
}
