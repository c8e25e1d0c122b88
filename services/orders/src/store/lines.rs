//! Lines: what was bought of whom at which price, and what the marketplace takes of it. Never priced again.

use sea_orm::{ConnectionTrait, ExprTrait, QueryOrder, entity::prelude::*, sea_query::Expr};
use souk_kernel::{CommissionRuleId, OrderId, ProductId, SellerOrderId, SkuId};
use souk_platform::db::Tx;

use crate::domain::returns::SoldLine;

/// One line.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "order_lines")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub order_id: OrderId,
    /// Its place in the order.
    #[sea_orm(primary_key, auto_increment = false)]
    pub place: i32,
    pub seller_order_id: SellerOrderId,
    pub sku_id: SkuId,
    pub product_id: ProductId,
    pub title: String,
    pub quantity: i64,
    /// Units that came back.
    pub returned: i64,
    pub unit_price: i64,
    pub line_total: i64,
    pub discount: i64,
    pub tax: i64,
    pub commission: i64,
    /// The rule that decided the commission; absent when none applied.
    pub commission_rule_id: Option<CommissionRuleId>,
    pub commission_rule_version: i64,
    /// Why this commission.
    pub commission_note: String,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Model {
    /// What counts when units come back.
    pub fn sold(&self) -> SoldLine {
        SoldLine {
            quantity: self.quantity,
            returned: self.returned,
            line_total: self.line_total,
            discount: self.discount,
            tax: self.tax,
        }
    }
}

/// The lines of an order, in their order.
pub async fn of_order(conn: &impl ConnectionTrait, order: OrderId) -> Result<Vec<Model>, DbErr> {
    Entity::find().filter(Column::OrderId.eq(order)).order_by_asc(Column::Place).all(conn).await
}

/// The lines of several orders.
pub async fn of_orders(conn: &impl ConnectionTrait, orders: Vec<OrderId>) -> Result<Vec<Model>, DbErr> {
    Entity::find()
        .filter(Column::OrderId.is_in(orders))
        .order_by_asc(Column::OrderId)
        .order_by_asc(Column::Place)
        .all(conn)
        .await
}

/// Counts `units` of a line as returned.
pub fn take_back(tx: &Tx, order: OrderId, place: i32, units: i64) {
    let change = Entity::update_many()
        .col_expr(Column::Returned, Expr::col(Column::Returned).add(units))
        .filter(Column::OrderId.eq(order))
        .filter(Column::Place.eq(place));
    tx.defer(&change);
}
