//! One attempt to pay an order at one provider.

use sea_orm::entity::prelude::*;
use souk_kernel::{Currency, OrderId, PaymentId, Timestamp, UserId};

use crate::domain::payment::{PaymentStatus, ProviderName};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "payments")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: PaymentId,
    pub order_id: OrderId,
    /// 1, 2, …
    pub attempt: i32,
    pub provider: ProviderName,
    pub status: PaymentStatus,
    pub amount: i64,
    pub currency: Currency,
    /// What went back.
    pub refunded_amount: i64,
    /// What is on its way back.
    pub refunding_amount: i64,
    pub buyer_id: Option<UserId>,
    /// SHA-256 of a guest's order token.
    pub order_token_hash: Option<Vec<u8>>,
    /// Where the provider's page sends the browser back.
    pub return_url: String,
    /// The provider's page.
    pub redirect: String,
    /// Why it failed or was given up.
    pub failure: Option<String>,
    /// Why an operator must look at it.
    pub flag: Option<String>,
    /// When to ask the provider again; absent when there is nothing to ask any more.
    pub check_at: Option<Timestamp>,
    pub version: i64,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    pub completed_at: Option<Timestamp>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
