//! A payments service for tests: its own database and clock, events delivered, providers as configured.

use std::{sync::Arc, time::Duration};

use chrono::TimeDelta;
use souk_contracts::orders::orders_client::OrdersClient;
use souk_kernel::{Clock, Currency, OrderId, PaymentId, Problem, SellerId, SellerOrderId};
use souk_platform::{
    config::Secret,
    db::Database,
    events::{Backlog, Bus, Consumers, Delivery, Relay},
    invalidations::Invalidations,
    rpc::{Directory, Policy},
};
use tokio_util::sync::CancellationToken;

use crate::{
    app::{App, AppState},
    config::Config,
    consumers::consumers,
    domain::{
        payment::{PaymentStatus, ProviderName},
        refund::{Parts, RefundStatus},
    },
    operations::{
        change_rules::ensure_default_rule,
        create_payment::{NewPayment, NewPortion, create_payment},
        play_sandbox::press_button,
        request_refund::{RefundWish, request_refund_and_wait},
    },
    providers::sandbox::Decision,
    providers::{Provider, Providers, manual::Manual, sandbox::Sandbox},
    store::{self, Migrator, Payment, Refund, ledger},
    verify,
};

/// What the service announced to others.
pub type Announced = Arc<std::sync::Mutex<Vec<String>>>;

pub struct Shop {
    pub app: AppState,
    pub clock: Clock,
    pub announced: Announced,
    stop: CancellationToken,
    _folder: tempfile::TempDir,
}

impl Drop for Shop {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// A seller order of a made-up order.
pub fn portion(name: &str, goods: i64, shipping: i64, tax: i64, commission: i64) -> NewPortion {
    NewPortion {
        seller_order_id: SellerOrderId::derived(name),
        seller_id: SellerId::derived(name),
        parts: Parts { goods, shipping, tax, commission },
    }
}

pub fn new_payment(order: OrderId, portions: Vec<NewPortion>) -> NewPayment {
    NewPayment {
        order_id: order,
        attempt: 1,
        provider: None,
        amount: portions.iter().map(|portion| portion.parts.total()).sum(),
        currency: Currency::GBP,
        portions,
        buyer_id: None,
        order_token_hash: None,
        return_url: "/orders/1".to_owned(),
    }
}

impl Shop {
    pub async fn open() -> Self {
        Self::with(Config { provider_timeout: Duration::from_secs(15), ..Config::default() }).await
    }

    /// One that soon gives up waiting for a provider, but not for one that only has a busy machine.
    pub async fn impatient() -> Self {
        Self::with(Config { provider_timeout: Duration::from_secs(2), ..Config::default() }).await
    }

    pub async fn with(config: Config) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Clock::adjustable();
        let url = souk_platform::db::testing::url(folder.path(), "payments").await;
        let db = Database::open::<Migrator>("payments", &url, clock.clone()).await.unwrap();
        ensure_default_rule(&db, config.commission_basis_points).await.unwrap();
        let sandbox = Sandbox::new(db.clone(), Secret::from("secret"));
        let offered: [Arc<dyn Provider>; 2] = [Arc::new(sandbox.clone()), Arc::new(Manual)];
        let providers = Providers::new(offered, config.fallback.clone(), config.provider_timeout, &clock);
        let orders = OrdersClient::new(Directory::new().channel("payments", "orders", Policy::default()));
        let alone = Invalidations::alone();
        let app = App::new(config, db.clone(), orders, Currency::GBP, providers, Some(sandbox), alone);
        let announced = Announced::default();
        let stop = CancellationToken::new();
        let bus = Bus::new([consumers(&app), listener(&announced)]);
        tokio::spawn(Relay::new(db, bus, stop.clone()).run());
        Self { app, clock, announced, stop, _folder: folder }
    }

    pub async fn create(&self, portions: Vec<NewPortion>) -> Payment {
        create_payment(&self.app, new_payment(OrderId::new(), portions)).await.unwrap()
    }

    /// A payment of the sandbox that was paid.
    pub async fn paid(&self, portions: Vec<NewPortion>) -> Payment {
        let payment = self.create(portions).await;
        press_button(&self.app, payment.id, Decision::Pay, None).await.unwrap();
        self.until(payment.id, |payment| payment.status == PaymentStatus::Completed).await
    }

    pub async fn payment(&self, id: PaymentId) -> Payment {
        store::payments::find(self.app.db.reader(), id).await.unwrap().unwrap()
    }

    /// Waits until the payment is as wanted.
    pub async fn until(&self, id: PaymentId, wanted: impl Fn(&Payment) -> bool) -> Payment {
        let waiting = async {
            loop {
                let payment = self.payment(id).await;
                if wanted(&payment) {
                    return payment;
                }
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), waiting).await.expect("it becomes so")
    }

    /// A refund that has ended, however long that takes.
    pub async fn refund(&self, wish: RefundWish) -> Refund {
        let asked = request_refund_and_wait(&self.app, wish).await.unwrap();
        let ended = async {
            loop {
                let refund = store::refunds::find(self.app.db.reader(), asked.id).await.unwrap().unwrap();
                if refund.status != RefundStatus::Pending {
                    return refund;
                }
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), ended).await.expect("it ends")
    }

    /// Turns the clock.
    pub fn later(&self, by: TimeDelta) {
        self.clock.advance(by);
    }

    pub async fn balance(&self, seller: &str) -> (i64, i64) {
        let seller = SellerId::derived(seller);
        let balance = ledger::balance(self.app.db.reader(), seller, Currency::GBP).await.unwrap();
        (balance.pending, balance.available)
    }

    /// Everything that must hold.
    pub async fn verify(&self) {
        for rule in verify::rules(&self.app.db).await.unwrap() {
            assert!(rule.holds(), "{}: {:?}", rule.name, rule.offenders);
        }
    }

    /// What was announced, when that is so much at least and nothing is on its way any more.
    pub async fn announced(&self, count: usize) -> Vec<String> {
        let announced = || self.announced.lock().unwrap().clone();
        let delivered = async {
            while announced().len() < count || Backlog::of(&self.app.db).await.unwrap().due > 0 {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), delivered).await.expect("it is announced");
        announced()
    }

    pub fn sandbox(&self) -> &Sandbox {
        self.app.sandbox.as_ref().unwrap()
    }

    pub fn provider(&self, name: ProviderName) -> &crate::providers::Guarded {
        self.app.providers.get(name).unwrap()
    }
}

/// Stands for the services that listen.
fn listener(announced: &Announced) -> Consumers {
    use souk_contracts::events::{PaymentCompleted, PaymentFailed, PaymentRefunded};
    let note = |announced: &Announced, text: String| announced.lock().unwrap().push(text);
    Consumers::new("listener")
        .on(announced.clone(), move |announced, delivery: Delivery<PaymentCompleted>| async move {
            note(&announced, format!("completed {}", delivery.event.amount));
            Ok::<_, Problem>(())
        })
        .on(announced.clone(), move |announced, delivery: Delivery<PaymentFailed>| async move {
            note(&announced, format!("failed {}", delivery.event.reason));
            Ok::<_, Problem>(())
        })
        .on(announced.clone(), move |announced, delivery: Delivery<PaymentRefunded>| async move {
            note(&announced, format!("refunded {} full {}", delivery.event.amount, delivery.event.full));
            Ok::<_, Problem>(())
        })
}
