//! Money that goes back to a buyer.

use sea_orm::entity::prelude::*;
use souk_kernel::{Currency, OrderId, PaymentId, RefundId, Timestamp};

use crate::domain::refund::{Reach, RefundStatus};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "refunds")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: RefundId,
    pub payment_id: PaymentId,
    pub order_id: OrderId,
    pub amount: i64,
    pub currency: Currency,
    pub reason: String,
    /// Names the wish for it: one payment and one reference have one refund.
    pub reference: String,
    /// Whether all seller orders bear it in proportion.
    pub in_general: bool,
    pub status: RefundStatus,
    /// Why the provider refused.
    pub failure: Option<String>,
    /// Who asked for it.
    pub requested_by: String,
    /// When to ask the provider again; absent once it is settled.
    pub check_at: Option<Timestamp>,
    pub created_at: Timestamp,
    pub settled_at: Option<Timestamp>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Model {
    pub const fn reach(&self) -> Reach {
        if self.in_general { Reach::Payment } else { Reach::Part }
    }
}
