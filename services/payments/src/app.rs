//! What every part of the service has at hand.

use std::{sync::Arc, time::Duration};

use souk_contracts::orders::orders_client::OrdersClient;
use souk_kernel::{Currency, Problem, RefundId};
use souk_platform::{cache::Cache, db::Database, rpc::Channel};
use tokio::sync::broadcast;

use crate::{
    config::Config,
    domain::commission::Rules,
    error::Error,
    providers::{Providers, sandbox::Sandbox},
    store,
};

/// Rules that another process changed count after this time.
const RULES_AGE: Duration = Duration::from_secs(5);

pub struct App {
    pub config: Config,
    pub db: Database,
    pub orders: OrdersClient<Channel>,
    /// For balances of sellers without any.
    pub currency: Currency,
    pub providers: Providers,
    /// The sandbox itself, where it is offered: its page belongs to it, not to us.
    pub sandbox: Option<Sandbox>,
    /// Refunds that ended just now, for requests that wait for theirs.
    pub settled: broadcast::Sender<RefundId>,
    rules: Cache<(), Arc<Rules>>,
}

pub type AppState = Arc<App>;

impl App {
    pub fn new(
        config: Config,
        db: Database,
        orders: OrdersClient<Channel>,
        currency: Currency,
        providers: Providers,
        sandbox: Option<Sandbox>,
    ) -> Self {
        let rules = Cache::with_entries("commission_rules", 1, RULES_AGE);
        Self { config, db, orders, currency, providers, sandbox, settled: broadcast::Sender::new(1024), rules }
    }

    /// The commission rules in force.
    pub async fn rules(&self) -> Result<Arc<Rules>, Error> {
        let fill = || async {
            let rows =
                store::rules::in_force(self.db.reader()).await.map_err(|error| Problem::from(Error::from(error)))?;
            Ok::<_, Problem>(Arc::new(Rules::new(rows.iter().map(store::CommissionRule::rule))))
        };
        Ok(self.rules.get_or_fill((), fill).await?)
    }

    /// Forgets the commission rules, after a change of them.
    pub async fn forget_rules(&self) {
        self.rules.invalidate(&()).await;
    }
}
