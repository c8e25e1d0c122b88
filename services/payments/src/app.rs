//! What every part of the service has at hand.

use std::{sync::Arc, time::Duration};

use souk_contracts::orders::orders_client::OrdersClient;
use souk_kernel::{Currency, PaymentId, Problem, RefundId};
use souk_platform::{cache::Cache, db::Database, rpc::Channel};
use tokio::sync::broadcast;

use crate::{
    config::Config,
    domain::commission::Rules,
    error::Error,
    providers::{Providers, sandbox::Sandbox},
    store::{self, Allocation, Payment},
};

/// How long a payment's terms are kept at hand: most are paid within minutes, or never.
const TERMS_AGE: Duration = Duration::from_mins(15);
/// Payments whose terms are kept at hand.
const TERMS: u64 = 4096;
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
    terms: Cache<PaymentId, Arc<Terms>>,
}

/// What never changes about a payment once it exists: order, provider, amount, currency, buyer, and the parts of its
/// allocations. Everything else is as it was when they were read.
#[derive(Debug)]
pub struct Terms {
    pub payment: Payment,
    pub allocations: Vec<Allocation>,
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
        let terms = Cache::with_entries("payment_terms", TERMS, TERMS_AGE);
        Self { config, db, orders, currency, providers, sandbox, settled: broadcast::Sender::new(1024), rules, terms }
    }

    /// A payment's terms; none when it does not exist.
    pub async fn terms(&self, id: PaymentId) -> Result<Option<Arc<Terms>>, Error> {
        if let Some(terms) = self.terms.get(&id).await {
            return Ok(Some(terms));
        }
        let Some(payment) = store::payments::find(self.db.reader(), id).await? else { return Ok(None) };
        let allocations = store::payments::allocations(self.db.reader(), id).await?;
        let terms = Arc::new(Terms { payment, allocations });
        self.terms.insert(id, Arc::clone(&terms)).await;
        Ok(Some(terms))
    }

    /// Keeps the terms of a new payment at hand.
    pub async fn remember(&self, payment: Payment, allocations: Vec<Allocation>) {
        self.terms.insert(payment.id, Arc::new(Terms { payment, allocations })).await;
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
