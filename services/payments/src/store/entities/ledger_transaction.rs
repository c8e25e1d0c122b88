//! A balanced transaction of the ledger. Never changed.

use sea_orm::entity::prelude::*;
use souk_kernel::{Currency, LedgerTransactionId, OrderId, Timestamp};

use crate::domain::ledger::Kind;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "ledger_transactions")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: LedgerTransactionId,
    pub kind: Kind,
    /// What it is about; a kind and a reference are posted once.
    pub reference: String,
    pub order_id: Option<OrderId>,
    pub currency: Currency,
    pub created_at: Timestamp,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
