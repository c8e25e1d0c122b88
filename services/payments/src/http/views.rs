//! What answers show.

use chrono::{DateTime, Utc};
use serde::Serialize;
use souk_kernel::{
    CategoryId, CommissionRuleId, Currency, EventId, OrderId, PaymentId, PayoutId, RefundId, SellerId, SellerOrderId,
    UserId,
};
use utoipa::ToSchema;

use crate::{
    domain::{
        commission::Components,
        payment::{PaymentStatus, ProviderName},
        refund::RefundStatus,
    },
    store,
};

/// A payment.
#[derive(Serialize, ToSchema)]
pub struct Payment {
    id: PaymentId,
    order_id: OrderId,
    provider: ProviderName,
    status: PaymentStatus,
    amount: i64,
    currency: Currency,
    refunded_amount: i64,
    /// Where the buyer pays.
    redirect: String,
    created_at: DateTime<Utc>,
}

impl From<store::Payment> for Payment {
    fn from(row: store::Payment) -> Self {
        Self {
            id: row.id,
            order_id: row.order_id,
            provider: row.provider,
            status: row.status,
            amount: row.amount,
            currency: row.currency,
            refunded_amount: row.refunded_amount,
            redirect: row.redirect,
            created_at: row.created_at,
        }
    }
}

/// A payment, as the operator sees it.
#[derive(Serialize, ToSchema)]
pub struct AdminPayment {
    #[serde(flatten)]
    payment: Payment,
    attempt: i32,
    /// What is on its way back.
    refunding_amount: i64,
    buyer_id: Option<UserId>,
    /// Why it failed or was given up.
    failure: Option<String>,
    /// Why it must be looked at.
    flag: Option<String>,
    version: i64,
    updated_at: DateTime<Utc>,
    completed_at: Option<DateTime<Utc>>,
}

impl From<store::Payment> for AdminPayment {
    fn from(row: store::Payment) -> Self {
        Self {
            attempt: row.attempt,
            refunding_amount: row.refunding_amount,
            buyer_id: row.buyer_id,
            failure: row.failure.clone(),
            flag: row.flag.clone(),
            version: row.version,
            updated_at: row.updated_at,
            completed_at: row.completed_at,
            payment: row.into(),
        }
    }
}

/// A payment with all that belongs to it.
#[derive(Serialize, ToSchema)]
pub struct PaymentFile {
    #[serde(flatten)]
    pub payment: AdminPayment,
    pub allocations: Vec<Allocation>,
    /// The latest hundred.
    pub refunds: Vec<Refund>,
    /// The latest hundred.
    pub webhooks: Vec<Webhook>,
}

/// One seller order's part of a payment.
#[derive(Serialize, ToSchema)]
pub struct Allocation {
    seller_order_id: SellerOrderId,
    seller_id: SellerId,
    goods: i64,
    shipping: i64,
    tax: i64,
    commission: i64,
    /// What of goods, shipping and tax went back or is on its way back.
    refunded_amount: i64,
    /// When the seller's money became available.
    released_at: Option<DateTime<Utc>>,
}

impl From<store::Allocation> for Allocation {
    fn from(row: store::Allocation) -> Self {
        Self {
            seller_order_id: row.seller_order_id,
            seller_id: row.seller_id,
            goods: row.goods,
            shipping: row.shipping,
            tax: row.tax,
            commission: row.commission,
            refunded_amount: row.share().back.total(),
            released_at: row.released_at,
        }
    }
}

/// A provider's message.
#[derive(Serialize, ToSchema)]
pub struct Webhook {
    id: EventId,
    provider: ProviderName,
    event_id: String,
    outcome: store::webhooks::Outcome,
    note: Option<String>,
    /// As it came.
    body: String,
    received_at: DateTime<Utc>,
    handled_at: Option<DateTime<Utc>>,
}

impl From<store::Webhook> for Webhook {
    fn from(row: store::Webhook) -> Self {
        Self {
            id: row.id,
            provider: row.provider,
            event_id: row.event_id,
            outcome: row.outcome,
            note: row.note,
            body: row.body,
            received_at: row.received_at,
            handled_at: row.handled_at,
        }
    }
}

/// A refund.
#[derive(Serialize, ToSchema)]
pub struct Refund {
    id: RefundId,
    payment_id: PaymentId,
    order_id: OrderId,
    amount: i64,
    currency: Currency,
    status: RefundStatus,
    reason: String,
    /// Why the provider refused.
    failure: Option<String>,
    created_at: DateTime<Utc>,
    settled_at: Option<DateTime<Utc>>,
}

impl From<store::Refund> for Refund {
    fn from(row: store::Refund) -> Self {
        Self {
            id: row.id,
            payment_id: row.payment_id,
            order_id: row.order_id,
            amount: row.amount,
            currency: row.currency,
            status: row.status,
            reason: row.reason,
            failure: row.failure,
            created_at: row.created_at,
            settled_at: row.settled_at,
        }
    }
}

/// A payout.
#[derive(Serialize, ToSchema)]
pub struct Payout {
    id: PayoutId,
    seller_id: SellerId,
    amount: i64,
    currency: Currency,
    note: String,
    created_at: DateTime<Utc>,
}

impl From<store::Payout> for Payout {
    fn from(row: store::Payout) -> Self {
        Self {
            id: row.id,
            seller_id: row.seller_id,
            amount: row.amount,
            currency: row.currency,
            note: row.note,
            created_at: row.created_at,
        }
    }
}

/// A commission rule in one of its versions.
#[derive(Serialize, ToSchema)]
pub struct CommissionRule {
    id: CommissionRuleId,
    version: i64,
    seller_id: Option<SellerId>,
    category_id: Option<CategoryId>,
    #[serde(flatten)]
    components: Components,
    /// Whether this version is in force.
    active: bool,
    created_by: String,
    created_at: DateTime<Utc>,
}

impl From<store::CommissionRule> for CommissionRule {
    fn from(row: store::CommissionRule) -> Self {
        Self {
            id: row.id,
            version: row.version,
            seller_id: row.seller_id,
            category_id: row.category_id,
            components: row.components(),
            active: row.live_scope.is_some(),
            created_by: row.created_by,
            created_at: row.created_at,
        }
    }
}
