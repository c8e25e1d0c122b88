//! What operations and handlers work with.

use std::{sync::Arc, time::Duration};

use sea_orm::DbErr;
use souk_contracts::{
    cart::cart_client::CartClient,
    catalog::Offer,
    catalog::catalog_client::CatalogClient,
    events::{OrderSnapshot, OrderToken},
    identity::UserProfile,
    identity::identity_client::IdentityClient,
    inventory::inventory_client::InventoryClient,
    payments::{ProvidersRequest, payments_client::PaymentsClient},
};
use souk_kernel::{Currency, OrderId, Problem, Timestamp};
use souk_platform::{
    cache::Cache,
    db::{Database, Tx},
    invalidations::Invalidations,
    rpc::{self, Channel},
};
use tokio::sync::Semaphore;

use crate::{
    Deps,
    config::Config,
    error::Error,
    guest_tokens::GuestTokens,
    hub::Hub,
    locks::Locks,
    others,
    queue::Queue,
    store::{self, Order, orders},
};

pub type AppState = Arc<App>;

pub struct App {
    pub config: Config,
    pub currency: Currency,
    pub db: Database,
    pub catalog: CatalogClient<Channel>,
    pub inventory: InventoryClient<Channel>,
    pub cart: CartClient<Channel>,
    pub payments: PaymentsClient<Channel>,
    pub identity: IdentityClient<Channel>,
    pub queue: Queue,
    pub locks: Locks,
    pub hub: Hub,
    /// Offers as they were last seen, for when the catalog does not answer.
    pub offers: Cache<String, Arc<Offer>>,
    /// Who buyers are, for a minute.
    pub users: Cache<String, Arc<UserProfile>>,
    /// Orders whose payment was asked about a moment ago.
    pub refreshed: Cache<OrderId, ()>,
    pub streams: Arc<Semaphore>,
    pub guest_tokens: GuestTokens,
    /// Orders of the last minute, with the version that they had.
    recent: Cache<OrderId, Arc<Order>>,
    /// What payments offers, for a minute.
    providers: Cache<(), Arc<[String]>>,
    /// What instances tell each other.
    pub others: Invalidations,
}

impl App {
    pub fn new(deps: Deps) -> Result<Self, Problem> {
        let config = deps.config.checked()?;
        let hub = Hub::default();
        let offers = Cache::with_entries("orders_offers", 100_000, Duration::from_hours(24));
        others::listen(&deps.invalidations, &hub, &offers);
        Ok(Self {
            currency: deps.currency,
            db: deps.db,
            catalog: deps.catalog,
            inventory: deps.inventory,
            cart: deps.cart,
            payments: deps.payments,
            identity: deps.identity,
            queue: Queue::new(config.queue),
            locks: Locks::default(),
            hub,
            offers,
            users: Cache::with_entries("orders_users", 50_000, Duration::from_mins(1)),
            refreshed: Cache::with_entries("orders_refreshed", 50_000, Duration::from_secs(1)),
            streams: Arc::new(Semaphore::new(config.streams.min(Semaphore::MAX_PERMITS))),
            recent: Cache::new("orders_recent", 4 << 20, Duration::from_mins(1), |_, order: &Arc<Order>| order.size()),
            providers: Cache::with_entries("orders_providers", 1, Duration::from_mins(1)),
            guest_tokens: GuestTokens::new(deps.token_secret),
            others: deps.invalidations,
            config,
        })
    }

    pub fn now(&self) -> Timestamp {
        self.db.clock().now()
    }

    /// The order as events carry it.
    pub fn snapshot(&self, order: &Order) -> OrderSnapshot {
        order.snapshot(self.guest_tokens.opening(&order.row).map(OrderToken))
    }

    /// The names of the payment providers that payments offers.
    pub async fn providers(&self) -> Result<Arc<[String]>, Problem> {
        let ask = || async {
            let reply = self.payments.clone().providers(ProvidersRequest {}).await.map_err(rpc::problem)?;
            Ok::<_, Problem>(reply.into_inner().names.into())
        };
        self.providers.get_or_fill((), ask).await
    }

    /// The whole order, whoever asks.
    pub async fn order(&self, id: OrderId) -> Result<Order, Error> {
        let row = orders::find(self.db.reader(), id).await?.ok_or(Error::NotFound("order"))?;
        self.complete(row).await
    }

    /// The order of `row` with all that hangs on it. Whoever waits for an order looks at it again and again: what hangs on
    /// it is not read again while its version stays the same.
    pub async fn complete(&self, row: orders::Model) -> Result<Order, Error> {
        if let Some(known) = self.recent.get(&row.id).await
            && known.row.version == row.version
        {
            return Ok(Order { row, ..Order::clone(&known) });
        }
        let order = store::complete_with_history(self.db.reader(), row).await?;
        self.remember(order.clone()).await;
        Ok(order)
    }

    /// Notes an order as it was just stored.
    pub async fn remember(&self, order: Order) {
        self.recent.insert(order.row.id, Arc::new(order)).await;
    }

    /// Writes to an order in one transaction and tells those who watch it. `work` begins with [`orders::update`]: the version
    /// that it names guards all the rest.
    pub async fn write<T, F, Fut>(&self, order: OrderId, work: F) -> Result<T, Error>
    where
        T: Send + 'static,
        F: FnOnce(Tx) -> Fut + Clone + Send + 'static,
        Fut: Future<Output = Result<T, Error>> + Send + 'static,
    {
        let done = self.db.guarded(work).await?;
        self.announce(order);
        Ok(done)
    }
}

/// Whether the database refused a row because another one has its key.
pub fn is_duplicate(error: &Error) -> bool {
    matches!(error, Error::Db(error) if matches!(DbErr::sql_err(error), Some(sea_orm::SqlErr::UniqueConstraintViolation(_))))
}
