//! The trade itself: every purchase and every refund in the file's order, many at the same time.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use serde::Deserialize;
use serde_json::json;
use tokio::{sync::SetOnce, time::Instant};

use crate::{
    call::Call,
    client::{Connection, Target},
    drive::{Budget, Worker, drive},
    error::Error,
    options::Options,
    order::{self, Buyer, pay, purchase, wait},
    replay::{
        plan::{Action, Order, Plan, Refund},
        shop::Shop,
    },
    report::Report,
    session::Session,
};

const PATIENCE: Duration = Duration::from_mins(2);

/// What became of the plan.
pub struct Trade {
    /// By the plan's index; `None` when it was not confirmed.
    pub bought: Vec<Option<Bought>>,
    /// Sum of the refunds that the marketplace took on, in pence.
    pub refunds_accepted: i64,
}

#[derive(Clone, Debug)]
pub struct Bought {
    pub order_id: String,
    pub payment_id: String,
}

struct Floor {
    plan: Arc<Plan>,
    shop: Arc<Shop>,
    admin: Arc<Session>,
    run: String,
    bought: Vec<SetOnce<Option<Bought>>>,
    refunds_accepted: AtomicU64,
}

#[derive(Deserialize)]
struct RefundMade {
    amount: i64,
}

pub async fn run(
    options: &Options,
    target: &Target,
    report: &mut Report,
    (plan, shop, admin, run): (&Arc<Plan>, &Arc<Shop>, &Arc<Session>, &str),
) -> Result<Trade, Error> {
    let floor = Arc::new(Floor {
        plan: plan.clone(),
        shop: shop.clone(),
        admin: admin.clone(),
        run: run.to_owned(),
        bought: plan.orders.iter().map(|_| SetOnce::new()).collect(),
        refunds_accepted: AtomicU64::new(0),
    });
    let workers = (options.connections.into(), Arc::new(Budget::count(plan.actions.len() as u64)));
    let (recorder, elapsed) = drive(options, target, "trade", workers, |worker| act(worker, floor.clone())).await?;
    report.add(recorder, elapsed);
    let floor = Arc::into_inner(floor).expect("the workers have ended");
    let bought = floor.bought.into_iter().map(|order| order.into_inner().flatten()).collect();
    let refunds_accepted = i64::try_from(floor.refunds_accepted.into_inner()).unwrap_or(i64::MAX);
    Ok(Trade { bought, refunds_accepted })
}

/// Takes actions in the file's order. A refund waits for its order, which some worker took before: no two can wait for
/// each other.
async fn act(mut worker: Worker, floor: Arc<Floor>) -> Result<Worker, Error> {
    while let Some(number) = worker.next() {
        match floor.plan.actions[usize::try_from(number).expect("no more actions than memory holds")] {
            Action::Buy(index) => {
                let began = Instant::now();
                let result = buy(&mut worker, &floor, &floor.plan.orders[index]).await;
                let bought = match result {
                    Ok(bought) => {
                        worker.record.success("whole checkout", began.elapsed());
                        worker.record.count("orders confirmed");
                        Some(bought)
                    }
                    Err(error) => {
                        worker.record.failure("whole checkout");
                        worker.record.count(format!("order: {}", error.outcome()));
                        None
                    }
                };
                // Every order is bought by one worker.
                let _ = floor.bought[index].set(bought);
            }
            Action::Refund(index) => give_back(&mut worker, &floor, index).await,
        }
    }
    Ok(worker)
}

async fn buy(worker: &mut Worker, floor: &Floor, order: &Order) -> Result<Bought, Error> {
    let until = Instant::now() + PATIENCE;
    let customer = &floor.shop.customers[order.customer];
    let buyer = Buyer::User(customer);
    let lines: Vec<order::Line<'_>> = order
        .lines
        .iter()
        .map(|(sku, quantity)| order::Line { sku_id: &floor.shop.skus[*sku], quantity: *quantity })
        .collect();
    let key = format!("{}-{}", floor.run, order.invoice);
    let call = Call::post("/api/v1/orders", &purchase(None, Some(&lines))).idempotency_key(&key);
    let placing = async |connection: &mut Connection| {
        customer.send(connection, call).await?.data::<order::Order>("place the order")
    };
    let mut placed = worker.timed("order", placing).await?;
    if !placed.payable() {
        let ready = |order: &order::Order| order.payable() || order.settled();
        placed = wait(&mut worker.connection, &buyer, &placed.id, ready, until).await?;
    }
    let (Some(redirect), Some(payment_id)) = (&placed.redirect, &placed.payment_id) else {
        return Err(came_to(&placed));
    };
    worker.timed("pay", async |connection| pay(connection, redirect, until).await).await?;
    let confirmed =
        async |connection: &mut Connection| wait(connection, &buyer, &placed.id, order::Order::settled, until).await;
    let ended = worker.timed("wait for confirmation", confirmed).await?;
    if ended.status == "confirmed" {
        Ok(Bought { order_id: placed.id, payment_id: payment_id.clone() })
    } else {
        Err(came_to(&ended))
    }
}

fn came_to(order: &order::Order) -> Error {
    let reason = order.reason.clone().unwrap_or_default();
    Error::TooLate { step: "buy", what: format!("order {} came to {} {reason}", order.id, order.status) }
}

async fn give_back(worker: &mut Worker, floor: &Floor, index: usize) {
    let refund = &floor.plan.refunds[index];
    let Some(bought) = floor.bought[refund.order].wait().await else {
        worker.record.count("refund: its order failed");
        return;
    };
    let key = format!("{}-refund-{index}", floor.run);
    let result = worker
        .timed("refund", async |connection| refund_part(connection, &floor.admin, bought, refund, &key).await)
        .await;
    match result {
        Ok(amount) => {
            worker.record.count("refunds accepted");
            floor.refunds_accepted.fetch_add(amount.unsigned_abs(), Relaxed);
        }
        Err(error) => worker.record.count(format!("refund: {}", error.outcome())),
    }
}

async fn refund_part(
    connection: &mut Connection,
    admin: &Session,
    bought: &Bought,
    refund: &Refund,
    key: &str,
) -> Result<i64, Error> {
    let body = json!({ "amount": refund.amount, "reason": format!("cancellation {}", refund.invoice) });
    let call = Call::post(format!("/api/v1/payments/{}/refunds", bought.payment_id), &body).idempotency_key(key);
    let made: RefundMade = admin.send(connection, call).await?.data("refund")?;
    Ok(made.amount)
}
