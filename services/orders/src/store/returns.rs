//! Returns: delivered units that the buyer sends back.

use sea_orm::{ConnectionTrait, QueryOrder, entity::prelude::*};
use serde::{Deserialize, Serialize};
use souk_kernel::{OrderId, ReturnId, SellerId, SellerOrderId};

use crate::domain::{RequestedLine, ReturnStatus};

/// One return.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "returns")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: ReturnId,
    pub order_id: OrderId,
    pub seller_order_id: SellerOrderId,
    pub seller_id: SellerId,
    pub status: ReturnStatus,
    pub items: Items,
    pub reason: String,
    /// What goes back to the buyer.
    pub amount: i64,
    pub created_at: DateTimeUtc,
    pub decided_at: Option<DateTimeUtc>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// What comes back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, FromJsonQueryResult)]
pub struct Items(pub Vec<RequestedLine>);

/// The return, whoever asks.
pub async fn find(conn: &impl ConnectionTrait, id: ReturnId) -> Result<Option<Model>, DbErr> {
    Entity::find_by_id(id).one(conn).await
}

/// A seller's own return.
pub async fn find_for_seller(
    conn: &impl ConnectionTrait,
    id: ReturnId,
    seller: SellerId,
) -> Result<Option<Model>, DbErr> {
    Entity::find_by_id(id).filter(Column::SellerId.eq(seller)).one(conn).await
}

/// The returns of an order, oldest first.
pub async fn of_order(conn: &impl ConnectionTrait, order: OrderId) -> Result<Vec<Model>, DbErr> {
    Entity::find().filter(Column::OrderId.eq(order)).order_by_asc(Column::Id).all(conn).await
}
