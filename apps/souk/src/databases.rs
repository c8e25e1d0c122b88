//! The databases, one for each service.

use std::time::Duration;

use sea_orm::DbErr;
use souk_kernel::Clock;
use souk_platform::{
    db::{Database, OpenError},
    events::Backlog,
};

use crate::{data_dir::DataDir, database::DatabaseConfig, roster::Roster};

/// How soon an outbox that is not empty yet is looked at again.
const LOOK_AGAIN: Duration = Duration::from_millis(2);

/// How often the outboxes on a server are emptied before a process ends: an event leads to another, and that to a third.
const ROUNDS: usize = 3;

/// The databases of the services of a process.
#[derive(Clone, Default)]
pub struct Databases {
    identity: Option<Database>,
    catalog: Option<Database>,
    inventory: Option<Database>,
    cart: Option<Database>,
    orders: Option<Database>,
    payments: Option<Database>,
    notifications: Option<Database>,
    search: Option<Database>,
}

macro_rules! of {
    ($($service:ident)*) => {$(
        #[doc = concat!("Of ", stringify!($service), ".")]
        ///
        /// # Panics
        /// When it runs in another process.
        pub fn $service(&self) -> &Database {
            self.$service.as_ref().expect(concat!(stringify!($service), " runs in this process"))
        }
    )*};
}

impl Databases {
    /// Opens and migrates them all, side by side.
    pub async fn open(config: &DatabaseConfig, data: &DataDir, clock: &Clock) -> Result<Self, OpenError> {
        Self::open_some(config, data, clock, &Roster::everything()).await
    }

    /// Opens and migrates those of the services in `roster`.
    pub async fn open_some(
        config: &DatabaseConfig,
        data: &DataDir,
        clock: &Clock,
        roster: &Roster,
    ) -> Result<Self, OpenError> {
        macro_rules! open {
            ($migrator:ty, $service:literal) => {
                async {
                    if !roster.has($service) {
                        return Ok(None);
                    }
                    let connect = config.of($service, data);
                    Database::connect::<$migrator>($service, &connect, clock.clone()).await.map(Some)
                }
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

    of! { identity catalog inventory cart orders payments notifications search }

    /// Those of this process.
    pub fn all(&self) -> Vec<&Database> {
        let Self { identity, catalog, inventory, cart, orders, payments, notifications, search } = self;
        [identity, catalog, inventory, cart, orders, payments, notifications, search].into_iter().flatten().collect()
    }

    /// Those of several parts of one marketplace, as those of the whole.
    #[must_use]
    pub fn together(self, other: Self) -> Self {
        Self {
            identity: self.identity.or(other.identity),
            catalog: self.catalog.or(other.catalog),
            inventory: self.inventory.or(other.inventory),
            cart: self.cart.or(other.cart),
            orders: self.orders.or(other.orders),
            payments: self.payments.or(other.payments),
            notifications: self.notifications.or(other.notifications),
            search: self.search.or(other.search),
        }
    }

    /// Waits until every event that is due has been delivered or is a dead letter. What waits for a consumer that can't be
    /// reached is not due.
    pub async fn settle(&self) -> Result<(), DbErr> {
        settle(&self.all()).await
    }

    /// Waits until what is due has been delivered or is a dead letter. In files that is all. On a server it is what is due by now and
    /// what follows from it closely: others may go on to fill the same outboxes.
    pub async fn drain(&self) -> Result<(), DbErr> {
        let (shared, own): (Vec<_>, Vec<_>) = self.all().into_iter().partition(|db| db.is_shared());
        settle(&own).await?;
        for db in shared.iter().cycle().take(shared.len() * ROUNDS) {
            let now = db.clock().now();
            while Backlog::oldest_due(db).await?.is_some_and(|since| since <= now) {
                tokio::time::sleep(LOOK_AGAIN).await;
            }
        }
        Ok(())
    }

    /// Finishes what is being written and closes the files.
    pub async fn close(&self) {
        futures::future::join_all(self.all().into_iter().map(Database::close)).await;
    }
}

async fn settle(databases: &[&Database]) -> Result<(), DbErr> {
    let mut quiet = 0;
    // An event may lead to another in a database that was looked at before: two quiet rounds are needed.
    while quiet < 2 {
        let mut due = 0;
        for db in databases {
            due += Backlog::of(db).await?.due;
        }
        quiet = if due == 0 { quiet + 1 } else { 0 };
        tokio::time::sleep(LOOK_AGAIN).await;
    }
    Ok(())
}
