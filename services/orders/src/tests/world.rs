//! The rest of the marketplace, as orders sees it: answers by the contracts, keeps its own books, outlives every crash, and
//! makes trouble at a chosen call.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use souk_contracts::events::{PaymentCompleted, PaymentFailed, PaymentRefunded};
use souk_kernel::{Clock, Currency, PaymentId, ProductId, RefundId, SellerId, SkuId};
use souk_platform::db::Tx;
use tokio::sync::Notify;
use tonic::Status;

/// What goes wrong at a call, counted from 1.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Trouble {
    /// The process dies before the call has an effect, or after it.
    Crash { call: usize, after: bool },
    /// The callee does not answer, without or with an effect.
    Silence { call: usize, after: bool },
}

#[derive(Clone)]
pub struct World {
    state: Arc<Mutex<State>>,
    pub crashed: Arc<Notify>,
    pub clock: Clock,
}

#[derive(Default)]
pub struct State {
    pub trouble: Option<Trouble>,
    pub calls: Vec<&'static str>,
    /// Services that do not answer.
    pub down: Vec<&'static str>,
    pub sellers: HashMap<String, SellerId>,
    pub price: i64,
    pub sellable: bool,
    pub on_hand: HashMap<String, i64>,
    /// By order and SKU.
    pub holds: HashMap<(String, String), Hold>,
    pub restocked: Vec<String>,
    /// By token.
    pub carts: HashMap<String, Cart>,
    /// Orders that have given their cart back.
    pub ended: HashSet<String>,
    pub payments: BTreeMap<String, Payment>,
    pub events: Vec<Event>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Hold {
    Reserved(i64),
    Committed(i64),
}

impl Hold {
    fn units(self) -> i64 {
        match self {
            Self::Reserved(units) | Self::Committed(units) => units,
        }
    }
}

#[derive(Clone, Default)]
pub struct Cart {
    pub id: String,
    pub lines: Vec<(String, i64)>,
    pub order: Option<String>,
}

#[derive(Clone, Debug)]
pub struct Payment {
    pub order: String,
    pub attempt: i32,
    pub provider: String,
    pub status: &'static str,
    pub amount: i64,
    pub refunded: i64,
    pub references: Vec<String>,
}

#[derive(Clone, Debug)]
pub enum Event {
    Completed(PaymentCompleted),
    Failed(PaymentFailed),
    Refunded(PaymentRefunded),
}

impl Event {
    pub fn publish(self, tx: &Tx) {
        match self {
            Self::Completed(event) => tx.publish(event),
            Self::Failed(event) => tx.publish(event),
            Self::Refunded(event) => tx.publish(event),
        }
    }
}

/// Whether the call has its effect, and whether the caller hears of it.
pub struct Gate {
    silent_after: bool,
    crash_after: bool,
}

impl World {
    pub fn new() -> Self {
        let state = State { sellable: true, price: 1000, ..State::default() };
        Self { state: Arc::new(Mutex::new(state)), crashed: Arc::default(), clock: Clock::adjustable() }
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A SKU of a seller of its own.
    pub fn sku(&self, on_hand: i64) -> SkuId {
        let sku = SkuId::new();
        self.state().on_hand.insert(sku.to_string(), on_hand);
        self.state().sellers.insert(sku.to_string(), SellerId::new());
        sku
    }

    /// A guest's cart; its token.
    pub fn cart(&self, lines: &[(SkuId, i64)]) -> String {
        let token = souk_platform::security::secret_token();
        let lines = lines.iter().map(|(sku, units)| (sku.to_string(), *units)).collect();
        let cart = Cart { id: souk_kernel::CartId::new().to_string(), lines, order: None };
        self.state().carts.insert(token.clone(), cart);
        token
    }

    /// Every call comes through here, and goes out through [`World::leave`].
    pub async fn enter(&self, service: &'static str, method: &'static str) -> Result<Gate, Status> {
        let (number, trouble, down) = {
            let mut state = self.state();
            state.calls.push(method);
            (state.calls.len(), state.trouble, state.down.contains(&service))
        };
        let silence = || Status::unavailable("no answer");
        if down {
            return Err(silence());
        }
        match trouble {
            Some(Trouble::Crash { call, after: false }) if call == number => self.die().await,
            Some(Trouble::Silence { call, after: false }) if call == number => return Err(silence()),
            _ => {}
        }
        let hit = |wanted: Trouble| trouble == Some(wanted);
        Ok(Gate {
            silent_after: hit(Trouble::Silence { call: number, after: true }),
            crash_after: hit(Trouble::Crash { call: number, after: true }),
        })
    }

    pub async fn leave<T>(&self, gate: Gate, answer: T) -> Result<tonic::Response<T>, Status> {
        if gate.crash_after {
            self.die().await;
        }
        if gate.silent_after {
            return Err(Status::unavailable("no answer"));
        }
        Ok(tonic::Response::new(answer))
    }

    /// The caller's process ends here; whoever runs it is told.
    async fn die(&self) {
        self.crashed.notify_one();
        std::future::pending::<()>().await;
    }

    /// The buyer pays, whatever state the payment is in: a provider takes money that is given.
    pub fn pay(&self, payment: PaymentId) {
        self.pay_and_tell(payment, 1);
    }

    /// The same, and says so that many times.
    pub fn pay_and_tell(&self, payment: PaymentId, times: usize) {
        let mut state = self.state();
        let now = self.clock.now();
        let known = state.payments.get_mut(&payment.to_string()).expect("the payment exists");
        if matches!(known.status, "completed" | "refunded") {
            return;
        }
        known.status = "completed";
        let event = PaymentCompleted {
            payment_id: payment,
            order_id: known.order.parse().unwrap(),
            amount: known.amount,
            currency: Currency::EUR,
            completed_at: now,
        };
        state.events.extend(std::iter::repeat_n(Event::Completed(event), times));
    }

    pub fn decline(&self, payment: PaymentId) {
        let mut state = self.state();
        let known = state.payments.get_mut(&payment.to_string()).expect("the payment exists");
        if known.status == "pending" {
            known.status = "failed";
            let order_id = known.order.parse().unwrap();
            state.events.push(Event::Failed(PaymentFailed {
                payment_id: payment,
                order_id,
                reason: "declined".into(),
            }));
        }
    }
}

impl State {
    pub fn held(&self, sku: &str) -> i64 {
        self.holds.iter().filter(|((_, held), _)| held == sku).map(|(_, hold)| hold.units()).sum()
    }

    pub fn available(&self, sku: &str) -> i64 {
        self.on_hand.get(sku).copied().unwrap_or(0) - self.held(sku)
    }

    /// What is held or committed for an order.
    pub fn holds_of(&self, order: &str) -> Vec<Hold> {
        self.holds.iter().filter(|((held, _), _)| held == order).map(|(_, hold)| *hold).collect()
    }

    pub fn payments_of(&self, order: &str) -> Vec<&Payment> {
        self.payments.values().filter(|payment| payment.order == order).collect()
    }

    pub fn refund(&mut self, payment: &str, amount: Option<i64>, reference: &str) -> Result<(), Status> {
        let known = self.payments.get_mut(payment).ok_or_else(|| Status::not_found("payment"))?;
        if known.references.iter().any(|old| old == reference) {
            return Ok(());
        }
        let left = known.amount - known.refunded;
        let amount = amount.unwrap_or(left);
        if amount > left || left == 0 || known.status == "pending" {
            return Err(Status::failed_precondition("nothing left"));
        }
        known.references.push(reference.to_owned());
        known.refunded += amount;
        let full = known.refunded == known.amount;
        known.status = if full { "refunded" } else { "partially_refunded" };
        let event = PaymentRefunded {
            payment_id: payment.parse().unwrap(),
            order_id: known.order.parse().unwrap(),
            refund_id: RefundId::new(),
            amount,
            currency: Currency::EUR,
            refunded_amount: known.refunded,
            full,
        };
        self.events.push(Event::Refunded(event));
        Ok(())
    }

    pub fn product_of(sku: &str) -> ProductId {
        ProductId::derived(sku)
    }
}
