//! What every part of the service has at hand.

use std::{sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};
use souk_contracts::orders::orders_client::OrdersClient;
use souk_kernel::{Currency, PaymentId, Problem, RefundId};
use souk_platform::{cache::Cache, db::Database, invalidations::Invalidations, rpc::Channel};
use tokio::sync::broadcast;

use crate::{
    config::Config,
    domain::commission::Rules,
    error::Error,
    providers::{Providers, faults::Faults, sandbox::Sandbox},
    store::{self, Allocation, Payment},
};

/// How long a payment's terms are kept at hand: most are paid within minutes, or never.
const TERMS_AGE: Duration = Duration::from_mins(15);
/// Payments whose terms are kept at hand.
const TERMS: u64 = 4096;
/// Rules that another process changed without being heard count after this time.
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
    others: Invalidations,
}

/// What instances tell each other.
#[derive(Serialize, Deserialize)]
enum Change {
    Rules,
    Faults(Faults),
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
        others: Invalidations,
    ) -> Arc<Self> {
        let rules = Cache::with_entries("commission_rules", 1, RULES_AGE);
        let terms = Cache::with_entries("payment_terms", TERMS, TERMS_AGE);
        let settled = broadcast::Sender::new(1024);
        let app = Arc::new(Self { config, db, orders, currency, providers, sandbox, settled, rules, terms, others });
        let listening = Arc::downgrade(&app);
        app.others.listen(move |change| {
            let app = listening.upgrade();
            async move {
                if let Some(app) = app {
                    app.hear(change).await;
                }
            }
        });
        app
    }

    /// What another instance has changed; `None` when that may be anything.
    async fn hear(&self, change: Option<Change>) {
        match (change, &self.sandbox) {
            (Some(Change::Faults(faults)), Some(sandbox)) => sandbox.faults.set(faults),
            (Some(Change::Faults(_)), None) => {}
            (Some(Change::Rules) | None, _) => self.rules.invalidate(&()).await,
        }
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
    pub async fn rules_changed(&self) {
        self.rules.invalidate(&()).await;
        self.others.tell(&Change::Rules).await;
    }

    /// Has the sandbox misbehave so in all processes that hear of it.
    pub async fn set_faults(&self, sandbox: &Sandbox, faults: Faults) {
        sandbox.faults.set(faults);
        self.others.tell(&Change::Faults(faults)).await;
    }
}
