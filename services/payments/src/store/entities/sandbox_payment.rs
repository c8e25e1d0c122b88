//! What the sandbox, as a provider, knows of a payment.

use sea_orm::entity::prelude::*;
use souk_kernel::{Currency, PaymentId, Timestamp};

/// Where a payment stands at the sandbox.
#[derive(Clone, Copy, PartialEq, Eq, Debug, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))", rename_all = "snake_case")]
pub enum State {
    Open,
    /// The buyer paid, the "bank" takes its time.
    Processing,
    Paid,
    Declined,
    Cancelled,
}

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "sandbox_payments")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: PaymentId,
    pub amount: i64,
    pub currency: Currency,
    pub state: State,
    pub return_url: String,
    pub decided_at: Option<Timestamp>,
    pub created_at: Timestamp,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
