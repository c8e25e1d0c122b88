//! What happened to an order: who, when and why. The buyer sees it as tracking.

use sea_orm::{ActiveValue::Set, ConnectionTrait, QueryOrder, entity::prelude::*};
use souk_kernel::{Actor, OrderId, SellerOrderId, Timestamp};
use souk_platform::db::Tx;

/// One entry.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "order_history")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub order_id: OrderId,
    /// The part that it is about; absent when it is about the whole order.
    pub seller_order_id: Option<SellerOrderId>,
    /// The status from then on, of the part or of the order.
    pub status: String,
    pub by: String,
    pub note: String,
    pub at: DateTimeUtc,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// An entry to be written.
#[derive(Clone, Debug)]
pub struct Entry {
    pub part: Option<SellerOrderId>,
    pub status: &'static str,
    pub by: Actor,
    pub note: String,
}

impl Entry {
    /// About the whole order.
    pub fn order(status: crate::domain::OrderStatus, by: Actor, note: impl Into<String>) -> Self {
        Self { part: None, status: status.as_str(), by, note: note.into() }
    }

    /// About one part.
    pub fn part(id: SellerOrderId, status: crate::domain::PartStatus, by: Actor, note: impl Into<String>) -> Self {
        Self { part: Some(id), status: status.as_str(), by, note: note.into() }
    }

    /// The entry as it will be read back, but for its number.
    pub fn at(self, order: OrderId, at: Timestamp) -> Model {
        Model {
            id: 0,
            order_id: order,
            seller_order_id: self.part,
            status: self.status.to_owned(),
            by: self.by.to_string(),
            note: self.note,
            at,
        }
    }
}

/// Writes entries, all in one statement.
pub fn write(tx: &Tx, order: OrderId, at: Timestamp, entries: impl IntoIterator<Item = Entry>) {
    let rows = entries.into_iter().map(|entry| ActiveModel {
        order_id: Set(order),
        seller_order_id: Set(entry.part),
        status: Set(entry.status.to_owned()),
        by: Set(entry.by.to_string()),
        note: Set(entry.note),
        at: Set(at),
        ..Default::default()
    });
    tx.defer(&Entity::insert_many(rows));
}

/// What happened to an order, oldest first.
pub async fn of_order(conn: &impl ConnectionTrait, order: OrderId) -> Result<Vec<Model>, DbErr> {
    Entity::find().filter(Column::OrderId.eq(order)).order_by_asc(Column::Id).all(conn).await
}

/// What happened to several orders.
pub async fn of_orders(conn: &impl ConnectionTrait, orders: Vec<OrderId>) -> Result<Vec<Model>, DbErr> {
    Entity::find().filter(Column::OrderId.is_in(orders)).order_by_asc(Column::Id).all(conn).await
}
