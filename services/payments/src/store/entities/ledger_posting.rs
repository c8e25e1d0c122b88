//! One line of a transaction. Never changed.

use sea_orm::entity::prelude::*;
use souk_kernel::{Currency, LedgerTransactionId, SellerId, SellerOrderId};

use crate::domain::ledger::Component;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "ledger_postings")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub transaction_id: LedgerTransactionId,
    #[sea_orm(primary_key, auto_increment = false)]
    pub line: i32,
    pub account: String,
    pub component: Component,
    /// Positive: debit. Negative: credit.
    pub amount: i64,
    pub currency: Currency,
    /// The seller whose statement shows it.
    pub seller_id: Option<SellerId>,
    pub seller_order_id: Option<SellerOrderId>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
