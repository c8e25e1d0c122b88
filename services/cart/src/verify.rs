//! What must hold over all carts, checked by `souk verify`, and the facts that other services' rules need.

use sea_orm::{
    ColumnTrait, Condition, DbErr, EntityTrait, ExprTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect,
};
use souk_kernel::{CartId, OrderId};
use souk_platform::{db::Database, verify::Rule};

use crate::{
    domain::{MOST_UNITS, Status},
    store::{cart, cart_item},
};

/// More offenders than these are not listed.
const ENOUGH: u64 = 100;

/// Checks cart's own rules.
pub async fn rules(db: &Database) -> Result<Vec<Rule>, DbErr> {
    Ok(vec![orders_hold_their_carts(db).await?, lines_are_bounded(db).await?])
}

/// A cart is bound to an order exactly when it isn't open, and a closed one keeps no owner from beginning another.
async fn orders_hold_their_carts(db: &Database) -> Result<Rule, DbErr> {
    use cart::Column::{OrderId, Owner, Status as Stands};
    let bound = Condition::all().add(Stands.eq(Status::Open)).add(OrderId.is_not_null());
    let unbound = Condition::all().add(Stands.ne(Status::Open)).add(OrderId.is_null());
    let in_use = Condition::all().add(Stands.eq(Status::Closed)).add(Owner.is_not_null());
    let wrong = Condition::any().add(bound).add(unbound).add(in_use);
    let rows = cart::Entity::find().filter(wrong).limit(ENOUGH).all(db.reader()).await?;
    let offenders = rows.into_iter().map(|row| format!("{}: {:?}, order {:?}", row.id, row.status, row.order_id));
    let checked = cart::Entity::find().count(db.reader()).await?;
    Ok(Rule::new("a cart is bound to one order or free", checked, offenders.collect()))
}

async fn lines_are_bounded(db: &Database) -> Result<Rule, DbErr> {
    use cart_item::Column::Quantity;
    let wrong = Quantity.into_expr().between(1, MOST_UNITS).not();
    let rows = cart_item::Entity::find().filter(wrong).limit(ENOUGH).all(db.reader()).await?;
    let offenders = rows.into_iter().map(|row| format!("{} of {}: {} units", row.sku_id, row.cart_id, row.quantity));
    let checked = cart_item::Entity::find().count(db.reader()).await?;
    Ok(Rule::new("cart lines have a sensible quantity", checked, offenders.collect()))
}

/// A cart that waits for what becomes of its order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrozenCart {
    /// The cart.
    pub cart_id: CartId,
    /// Its order.
    pub order_id: OrderId,
}

/// A page of the frozen carts, by cart, after `after`.
pub async fn frozen_carts(db: &Database, after: Option<CartId>, limit: u64) -> Result<Vec<FrozenCart>, DbErr> {
    let mut query = cart::Entity::find().filter(cart::Column::Status.eq(Status::Frozen));
    if let Some(after) = after {
        query = query.filter(cart::Column::Id.gt(after));
    }
    let rows = query.order_by_asc(cart::Column::Id).limit(limit).all(db.reader()).await?;
    let frozen = |row: cart::Model| row.order_id.map(|order_id| FrozenCart { cart_id: row.id, order_id });
    Ok(rows.into_iter().filter_map(frozen).collect())
}

/// Whether the cart still waits for that order.
pub async fn is_frozen(db: &Database, frozen: &FrozenCart) -> Result<bool, DbErr> {
    let query = cart::Entity::find_by_id(frozen.cart_id).filter(cart::Column::Status.eq(Status::Frozen));
    Ok(query.filter(cart::Column::OrderId.eq(frozen.order_id)).count(db.reader()).await? > 0)
}
