//! What one seller order bears of a refund.

use sea_orm::entity::prelude::*;
use souk_kernel::{RefundId, SellerId, SellerOrderId};

use crate::domain::refund::Parts;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "refund_parts")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub refund_id: RefundId,
    #[sea_orm(primary_key, auto_increment = false)]
    pub seller_order_id: SellerOrderId,
    pub seller_id: SellerId,
    pub goods: i64,
    pub shipping: i64,
    pub tax: i64,
    pub commission: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Model {
    pub const fn parts(&self) -> Parts {
        Parts { goods: self.goods, shipping: self.shipping, tax: self.tax, commission: self.commission }
    }
}
