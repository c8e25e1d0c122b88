//! One life of the orders process, from its start to its end or crash. The database and the world outlive it.

use std::{path::Path, sync::Arc, time::Duration};

use axum::{
    Router,
    body::{Body, to_bytes},
};
use http::{Request, StatusCode};
use sea_orm_migration::{MigrationTrait, MigratorTrait};
use serde_json::{Value, json};
use souk_contracts::{
    cart::{cart_client::CartClient, cart_server::CartServer},
    catalog::{catalog_client::CatalogClient, catalog_server::CatalogServer},
    identity::{identity_client::IdentityClient, identity_server::IdentityServer},
    inventory::{inventory_client::InventoryClient, inventory_server::InventoryServer},
    orders::{NextPaymentAttemptRequest, orders_client::OrdersClient},
    payments::{payments_client::PaymentsClient, payments_server::PaymentsServer},
};
use souk_kernel::{Currency, OrderId, PaymentId, SkuId};
use souk_platform::{
    db::Database,
    events::{Bus, Relay},
    invalidations::Invalidations,
    rpc::{Directory, Policy},
};
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;
use tower::ServiceExt;

use super::world::{Hold, State, World};
use crate::{
    Config, Deps, Migrator, NAME,
    app::{App, AppState},
    verify,
};

struct NoTables;
impl MigratorTrait for NoTables {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        Vec::new()
    }
}

/// The process. Dropping it is a crash: every task ends where it waits.
pub struct Life {
    runtime: Option<Runtime>,
    pub world: World,
    pub app: AppState,
    pub db: Database,
    /// Payments' outbox.
    told: Database,
    router: Router,
    directory: Directory,
}

#[derive(Clone, Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub data: Value,
    pub error: Value,
}

impl Answer {
    pub fn id(&self) -> OrderId {
        self.data["id"].as_str().unwrap_or_else(|| panic!("no order in {self:?}")).parse().unwrap()
    }

    pub fn payment(&self) -> PaymentId {
        self.data["payment_id"].as_str().unwrap_or_else(|| panic!("no payment in {self:?}")).parse().unwrap()
    }

    pub fn token(&self) -> &str {
        self.data["access_token"].as_str().unwrap_or_else(|| panic!("no token in {self:?}"))
    }
}

impl Life {
    pub fn start(world: &World, folder: &Path) -> Self {
        Self::start_with(world, folder, Config::default())
    }

    pub fn start_with(world: &World, folder: &Path, config: Config) -> Self {
        Self::begin(world, folder, config, true)
    }

    /// One that only does what it is asked to.
    pub fn start_without_jobs(world: &World, folder: &Path) -> Self {
        Self::begin(world, folder, Config::default(), false)
    }

    fn begin(world: &World, folder: &Path, config: Config, jobs: bool) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let (app, told, router, directory) = runtime.block_on(serve(world, folder, config, jobs));
        Self { runtime: Some(runtime), world: world.clone(), db: app.db.clone(), app, told, router, directory }
    }

    pub fn run<F: Future>(&self, work: F) -> F::Output {
        self.runtime.as_ref().expect("it lives").block_on(work)
    }

    /// The body of an answer that goes on and on.
    pub async fn open(&self, path: &str, token: &str) -> Body {
        let request = Request::builder().uri(path).header("x-order-token", token).body(Body::empty()).unwrap();
        self.router.clone().oneshot(request).await.unwrap().into_body()
    }

    pub async fn call(&self, method: &str, path: &str, headers: &[(&str, &str)], body: Option<Value>) -> Answer {
        let mut request = Request::builder().method(method).uri(path).header("content-type", "application/json");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let body = body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
        let response = self.router.clone().oneshot(request.body(body).unwrap()).await.unwrap();
        let status = response.status();
        let bytes = to_bytes(response.into_body(), usize::MAX).await.unwrap();
        let mut whole: Value = serde_json::from_slice(&bytes).unwrap_or_default();
        Answer { status, data: whole["data"].take(), error: whole["error"].take() }
    }

    /// POST /orders of a guest: of the cart, or of `items`.
    pub async fn order(&self, cart: Option<&str>, key: Option<&str>, items: Option<&[(SkuId, i64)]>) -> Answer {
        let mut body = json!({"email": "guest@mail.example", "shipping_address":
            {"name": "A Guest", "line1": "1 Street", "city": "Town", "country": "DE"}});
        if let Some(items) = items {
            let items: Vec<_> = items.iter().map(|(sku, units)| json!({"sku_id": sku, "quantity": units})).collect();
            body["items"] = json!(items);
        }
        let headers = cart.map(|token| ("x-cart-token", token)).into_iter();
        let headers: Vec<_> = headers.chain(key.map(|key| ("idempotency-key", key))).collect();
        self.call("POST", "/orders", &headers, Some(body)).await
    }

    pub async fn show(&self, order: &Answer) -> Value {
        self.call("GET", &format!("/orders/{}", order.id()), &[("x-order-token", order.token())], None).await.data
    }

    pub async fn status(&self, id: OrderId) -> &'static str {
        verify::facts_about(&self.db, id).await.unwrap().expect("the order exists").status.as_str()
    }

    /// Waits until the order has this status.
    pub async fn until(&self, id: OrderId, status: &str) {
        for _ in 0..2000 {
            if self.status(id).await == status {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let calls = self.world.state().calls.clone();
        panic!("{id} is {} and does not become {status}; calls {calls:?}", self.status(id).await);
    }

    pub async fn next_attempt(&self, order: &Answer, provider: &str) -> Result<PaymentId, tonic::Status> {
        let request = NextPaymentAttemptRequest {
            order_id: order.id().to_string(),
            user_id: None,
            order_token: Some(order.token().to_owned()),
            provider: provider.to_owned(),
        };
        let mut client = OrdersClient::new(self.directory.channel("payments", NAME, Policy::default()));
        let reply = client.next_payment_attempt(request).await?;
        Ok(reply.into_inner().payment_id.parse().unwrap())
    }

    /// Waits until nothing moves any more.
    pub async fn quiet(&self) {
        let mut quiet = 0;
        while quiet < 8 {
            let before = self.world.state().calls.len();
            tokio::time::sleep(Duration::from_millis(15)).await;
            let backlog = souk_platform::events::Backlog::of(&self.db).await.unwrap();
            assert_eq!(backlog.dead, 0, "no event is given up");
            let told = souk_platform::events::Backlog::of(&self.told).await.unwrap();
            let state = self.world.state();
            let still = told.due == 0 && backlog.due == 0 && state.events.is_empty() && before == state.calls.len();
            quiet = if still { quiet + 1 } else { 0 };
        }
    }

    /// Lets time pass until every timer has rung.
    pub async fn settle(&self) {
        for _ in 0..2 {
            self.world.clock.advance(chrono::TimeDelta::minutes(20));
            self.quiet().await;
        }
    }

    /// What must always hold.
    pub async fn rules(&self) {
        for rule in verify::rules(&self.db).await.unwrap() {
            assert!(rule.holds(), "{}: {:?}", rule.name, rule.offenders);
        }
    }

    /// What must hold once everything has settled.
    pub async fn check(&self) {
        self.rules().await;
        let facts = verify::facts(&self.db, None, 10_000).await.unwrap();
        let state = self.world.state();
        for order in &facts {
            let (id, status) = (order.order_id.to_string(), order.status.as_str());
            let paid: i64 = state
                .payments_of(&id)
                .iter()
                .filter(|payment| {
                    payment.status != "pending" && payment.status != "failed" && payment.status != "cancelled"
                })
                .map(|payment| payment.amount - payment.refunded)
                .sum();
            let holds = state.holds_of(&id);
            if matches!(status, "confirmed" | "completed") {
                assert_eq!(paid, order.total, "{id} is {status}: {:?}", state.payments_of(&id));
                assert!(
                    holds.iter().all(|hold| matches!(hold, Hold::Committed(_))) && !holds.is_empty(),
                    "{id} {holds:?}"
                );
            } else {
                assert!(
                    !matches!(status, "queued" | "pending_payment" | "payment_failed"),
                    "{id} is in limbo: {status}"
                );
                assert_eq!(paid, 0, "{id} is {status}, but paid: {:?}", state.payments_of(&id));
                assert!(holds.is_empty(), "{id} is {status} and holds {holds:?}; calls {:?}", state.calls);
                let bound = state.carts.values().any(|cart| cart.order.as_deref() == Some(&id));
                assert!(!bound, "{id} is {status} and keeps its cart");
            }
        }
        let known: Vec<String> = facts.iter().map(|order| order.order_id.to_string()).collect();
        assert!(state.payments.values().all(|payment| known.contains(&payment.order)));
        check_stock(&state);
    }

    /// Ends the process without warning.
    pub fn crash(mut self) {
        self.runtime.take().expect("it lives").shutdown_background();
    }
}

fn check_stock(state: &State) {
    for sku in state.on_hand.keys() {
        assert!(state.available(sku) >= 0, "{sku} is oversold");
    }
}

impl Drop for Life {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

async fn serve(world: &World, folder: &Path, config: Config, jobs: bool) -> (AppState, Database, Router, Directory) {
    let url = |name| souk_platform::db::testing::url(folder, name);
    let db = Database::open::<Migrator>(NAME, &url("orders").await, world.clock.clone()).await.unwrap();
    let told = Database::open::<NoTables>("payments", &url("payments").await, world.clock.clone()).await.unwrap();
    let directory = Directory::new();
    directory.register("catalog", Routes::new(CatalogServer::new(world.clone())));
    directory.register("inventory", Routes::new(InventoryServer::new(world.clone())));
    directory.register("cart", Routes::new(CartServer::new(world.clone())));
    directory.register("payments", Routes::new(PaymentsServer::new(world.clone())));
    directory.register("identity", Routes::new(IdentityServer::new(world.clone())));
    let channel = |callee| directory.channel(NAME, callee, Policy { retries: 0, ..Policy::default() });
    let app = App::new(Deps {
        config,
        currency: Currency::EUR,
        db: db.clone(),
        catalog: CatalogClient::new(channel("catalog")),
        inventory: InventoryClient::new(channel("inventory")),
        cart: CartClient::new(channel("cart")),
        payments: PaymentsClient::new(channel("payments")),
        identity: IdentityClient::new(channel("identity")),
        token_secret: "a secret".into(),
        invalidations: Invalidations::alone(),
    });
    let app = Arc::new(app.unwrap());
    let service = crate::serve(&app);
    directory.register(NAME, service.rpc.unwrap());
    let bus = Bus::new([service.consumers]);
    for database in [&db, &told] {
        tokio::spawn(Relay::new(database.clone(), bus.clone(), CancellationToken::new()).run());
    }
    tokio::spawn(tell(world.clone(), told.clone()));
    for job in service.jobs.into_iter().filter(|_| jobs) {
        tokio::spawn(async move {
            loop {
                (job.run)().await;
                tokio::time::sleep(Duration::from_millis(40)).await;
            }
        });
    }
    let (router, _) = service.routes.split_for_parts();
    (app, told, router, directory)
}

/// Payments' own relay. After a crash it may tell something twice.
async fn tell(world: World, told: Database) {
    loop {
        let events = Arc::new(world.state().events.clone());
        if !events.is_empty() {
            let count = events.len();
            told.transaction(move |tx| async move {
                events.iter().cloned().for_each(|event| event.publish(&tx));
                Ok::<_, sea_orm::DbErr>(())
            })
            .await
            .unwrap();
            world.state().events.drain(..count);
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
