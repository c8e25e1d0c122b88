//! One seller order's part of a payment, and what of it went back or is on its way back.

use sea_orm::entity::prelude::*;
use souk_kernel::{PaymentId, SellerId, SellerOrderId, Timestamp};

use crate::domain::refund::{Parts, Share};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "payment_allocations")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub payment_id: PaymentId,
    #[sea_orm(primary_key, auto_increment = false)]
    pub seller_order_id: SellerOrderId,
    pub seller_id: SellerId,
    pub goods: i64,
    pub shipping: i64,
    pub tax: i64,
    pub commission: i64,
    pub back_goods: i64,
    pub back_shipping: i64,
    pub back_tax: i64,
    pub back_commission: i64,
    /// Of goods, shipping and tax that went back: what refunds of the whole payment took.
    pub back_in_general: i64,
    /// When the seller's money became available.
    pub released_at: Option<Timestamp>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Model {
    pub const fn whole(&self) -> Parts {
        Parts { goods: self.goods, shipping: self.shipping, tax: self.tax, commission: self.commission }
    }

    pub const fn share(&self) -> Share {
        let back = Parts {
            goods: self.back_goods,
            shipping: self.back_shipping,
            tax: self.back_tax,
            commission: self.back_commission,
        };
        Share { whole: self.whole(), back, back_in_general: self.back_in_general }
    }
}
