//! Money that an operator sent to a seller.

use sea_orm::entity::prelude::*;
use souk_kernel::{Currency, PayoutId, SellerId, Timestamp};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "payouts")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: PayoutId,
    pub seller_id: SellerId,
    pub amount: i64,
    pub currency: Currency,
    /// The operator's note, for example the bank's reference.
    pub note: String,
    pub created_by: String,
    pub created_at: Timestamp,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
