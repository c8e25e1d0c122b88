//! Seller orders: the parts of an order, one for each seller.

use sea_orm::{ActiveValue::Set, ConnectionTrait, QueryOrder, QuerySelect, entity::prelude::*};
use souk_kernel::{OrderId, SellerId, SellerOrderId, Timestamp};
use souk_platform::db::Tx;

use crate::domain::PartStatus;

/// One seller's part.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "seller_orders")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: SellerOrderId,
    pub order_id: OrderId,
    /// Its place in the order.
    pub place: i32,
    pub seller_id: SellerId,
    pub seller_name: String,
    pub status: PartStatus,
    pub subtotal: i64,
    pub discount: i64,
    pub shipping: i64,
    /// The part of `tax` that is on shipping.
    pub shipping_tax: i64,
    pub tax: i64,
    pub total: i64,
    pub commission: i64,
    pub carrier: Option<String>,
    pub tracking_number: Option<String>,
    pub shipped_at: Option<DateTimeUtc>,
    pub delivered_at: Option<DateTimeUtc>,
    pub created_at: DateTimeUtc,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// All parts of the order get the same status.
pub fn set_all(tx: &Tx, order: OrderId, status: PartStatus) {
    let change = ActiveModel { status: Set(status), ..Default::default() };
    tx.defer(&Entity::update_many().set(change).filter(Column::OrderId.eq(order)));
}

/// Writes `change` over one part. Guarded by the order's version, which its caller writes in the same transaction.
pub fn update(tx: &Tx, id: SellerOrderId, change: ActiveModel) {
    tx.defer(&Entity::update_many().set(change).filter(Column::Id.eq(id)));
}

/// The parts of an order, in their order.
pub async fn of_order(conn: &impl ConnectionTrait, order: OrderId) -> Result<Vec<Model>, DbErr> {
    Entity::find().filter(Column::OrderId.eq(order)).order_by_asc(Column::Place).all(conn).await
}

/// The parts of several orders.
pub async fn of_orders(conn: &impl ConnectionTrait, orders: Vec<OrderId>) -> Result<Vec<Model>, DbErr> {
    Entity::find()
        .filter(Column::OrderId.is_in(orders))
        .order_by_asc(Column::OrderId)
        .order_by_asc(Column::Place)
        .all(conn)
        .await
}

/// A seller's own part.
pub async fn find_for_seller(
    conn: &impl ConnectionTrait,
    id: SellerOrderId,
    seller: SellerId,
) -> Result<Option<Model>, DbErr> {
    Entity::find_by_id(id).filter(Column::SellerId.eq(seller)).one(conn).await
}

/// Whether `seller` has a part in the order.
pub async fn is_in(conn: &impl ConnectionTrait, order: OrderId, seller: SellerId) -> Result<bool, DbErr> {
    let found = Entity::find()
        .select_only()
        .column(Column::Id)
        .filter(Column::OrderId.eq(order))
        .filter(Column::SellerId.eq(seller))
        .into_tuple::<SellerOrderId>()
        .one(conn)
        .await?;
    Ok(found.is_some())
}

/// The change of a part that was handed to the carrier.
pub fn shipped(carrier: &str, number: &str, now: Timestamp) -> ActiveModel {
    ActiveModel {
        status: Set(PartStatus::Shipped),
        carrier: Set(Some(carrier.to_owned())),
        tracking_number: Set(Some(number.to_owned())),
        shipped_at: Set(Some(now)),
        ..Default::default()
    }
}
