//! Sets money aside to be given back, and has it given back.
//!
//! What a refund takes of each seller order is fixed here and counted at once, so that refunds that run at the same time
//! never take the same money twice. The ledger follows when the provider has given the money back.

use std::time::Duration;

use souk_kernel::{Actor, PaymentId, RefundId, SellerId, SellerOrderId};
use tokio::time::{Instant, timeout_at};

use crate::{
    app::App,
    config::span,
    domain::refund::{Reach, RefundStatus, Share, split},
    error::Error,
    events::RefundRequested,
    store::{Allocation, Refund, RefundPart, payments, refunds},
};

/// How long somebody who holds the line waits for the provider, at most.
const PATIENCE: Duration = Duration::from_secs(1);
/// How often it is looked at whether another process has ended it.
const LOOK: Duration = Duration::from_millis(25);

/// Who bears a refund.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Bearer {
    /// All seller orders, in proportion.
    All,
    /// The parts of one seller.
    Seller(SellerId),
    /// One seller order.
    SellerOrder(SellerOrderId),
}

impl Bearer {
    fn reach(self) -> Reach {
        if self == Self::All { Reach::Payment } else { Reach::Part }
    }

    fn bears(self, allocation: &Allocation) -> bool {
        match self {
            Self::All => true,
            Self::Seller(seller) => allocation.seller_id == seller,
            Self::SellerOrder(order) => allocation.seller_order_id == order,
        }
    }
}

/// A wish for a refund.
#[derive(Clone, Debug)]
pub struct RefundWish {
    pub payment: PaymentId,
    /// All that is left of what the bearer bears, if absent.
    pub amount: Option<i64>,
    pub reason: String,
    /// Names the wish: the same again gives the same refund again.
    pub reference: String,
    pub bearer: Bearer,
    pub by: Actor,
}

/// Stores the refund as pending; the event that goes with it has the provider asked.
pub async fn request_refund(app: &App, wish: RefundWish) -> Result<Refund, Error> {
    let check_after = span(app.config.reconcile_after);
    app.db
        .transaction(move |tx| async move {
            if let Some(known) = refunds::find_by_reference(&tx, wish.payment, &wish.reference).await? {
                return Ok(known);
            }
            let payment = payments::find(&tx, wish.payment).await?.ok_or(Error::NotFound("payment"))?;
            if !payment.status.is_paid() {
                return Err(Error::NotPaid);
            }
            let mut allocations = payments::allocations(&tx, payment.id).await?;
            allocations.retain(|allocation| wish.bearer.bears(allocation));
            let shares: Vec<Share> = allocations.iter().map(Allocation::share).collect();
            let left: i64 = shares.iter().map(Share::left).sum();
            if left == 0 {
                return Err(Error::NothingToRefund);
            }
            let amount = wish.amount.unwrap_or(left);
            let reach = wish.bearer.reach();
            let parts = split(&shares, amount, reach).ok_or(Error::RefundTooLarge { left })?;
            if !payments::set_aside(&tx, payment.id, amount).await? {
                // The parts say that it is left, the payment says that it isn't: never give more than came.
                return Err(Error::RefundTooLarge { left: 0 });
            }
            let refund = Refund {
                id: RefundId::new(),
                payment_id: payment.id,
                order_id: payment.order_id,
                amount,
                currency: payment.currency,
                reason: wish.reason,
                reference: wish.reference,
                in_general: reach == Reach::Payment,
                status: RefundStatus::Pending,
                failure: None,
                requested_by: wish.by.to_string(),
                check_at: Some(tx.now() + check_after),
                created_at: tx.now(),
                settled_at: None,
            };
            let mut rows = Vec::new();
            for (allocation, parts) in allocations.iter().zip(parts).filter(|(_, parts)| parts.total() != 0) {
                payments::give_back(&tx, payment.id, allocation.seller_order_id, parts, reach);
                rows.push(RefundPart {
                    refund_id: refund.id,
                    seller_order_id: allocation.seller_order_id,
                    seller_id: allocation.seller_id,
                    goods: parts.goods,
                    shipping: parts.shipping,
                    tax: parts.tax,
                    commission: parts.commission,
                });
            }
            refunds::insert(&tx, refund.clone(), rows).await?;
            tx.publish(RefundRequested { refund_id: refund.id });
            Ok(refund)
        })
        .await
}

/// As [`request_refund`], and waits a moment for the provider, so that the answer usually says how it ended.
pub async fn request_refund_and_wait(app: &App, wish: RefundWish) -> Result<Refund, Error> {
    let mut settled = app.settled.subscribe();
    let mut refund = request_refund(app, wish).await?;
    let give_up = Instant::now() + PATIENCE;
    while refund.status == RefundStatus::Pending && Instant::now() < give_up {
        let look = if app.db.is_shared() { give_up.min(Instant::now() + LOOK) } else { give_up };
        let ended = async {
            // A receiver that fell behind has missed some: look at the refund itself then.
            while settled.recv().await.is_ok_and(|id| id != refund.id) {}
        };
        let _ = timeout_at(look, ended).await;
        refund = refunds::find(app.db.reader(), refund.id).await?.ok_or(Error::NotFound("refund"))?;
    }
    Ok(refund)
}
