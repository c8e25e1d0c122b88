//! Reading and writing carts. Every finder says whose cart, or of which order.

use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait, ExprTrait, QueryFilter, QueryOrder, QuerySelect,
    QueryTrait, UpdateMany,
    sea_query::{Expr, OnConflict, Query},
};
use souk_kernel::{CartId, OrderId, SkuId, Timestamp, TypedId};
use souk_platform::db::Tx;
use uuid::Uuid;

use super::{cart, cart_item, ended_order};
use crate::domain::{Cart, Line, Owner, Seen, Status};

/// The cart that an owner uses, with its lines.
pub async fn find_for_owner(conn: &impl ConnectionTrait, owner: &Owner) -> Result<Option<Cart>, DbErr> {
    find(conn, cart::Column::Owner.eq(owner.key())).await
}

/// The cart that an order is being made of.
pub async fn find_for_order(conn: &impl ConnectionTrait, order_id: OrderId) -> Result<Option<Cart>, DbErr> {
    find(conn, cart::Column::OrderId.eq(order_id)).await
}

/// A cart by its id: only for what an event of orders says about it.
pub async fn find_by_id(conn: &impl ConnectionTrait, id: CartId) -> Result<Option<Cart>, DbErr> {
    find(conn, cart::Column::Id.eq(id)).await
}

async fn find(conn: &impl ConnectionTrait, condition: Expr) -> Result<Option<Cart>, DbErr> {
    let query = cart::Entity::find().filter(condition).find_with_related(cart_item::Entity);
    let found = query.all(conn).await?.into_iter().next();
    Ok(found.map(|(row, items)| {
        let mut lines: Vec<Line> = items.into_iter().map(line).collect();
        lines.sort_by_key(|line| (line.added_at, line.sku_id));
        Cart { id: row.id, status: row.status, order_id: row.order_id, version: row.version, lines }
    }))
}

/// Stores a new cart. False when the owner has one already.
pub async fn add(tx: &Tx, owner: &Owner, cart: &Cart) -> Result<bool, DbErr> {
    let row = cart::Model {
        id: cart.id,
        owner: Some(owner.key()),
        user_id: owner.user_id(),
        status: cart.status,
        order_id: cart.order_id,
        version: cart.version,
        updated_at: tx.now(),
    };
    let one_each = OnConflict::column(cart::Column::Owner).do_nothing_on([cart::Column::Id]).to_owned();
    tx.changes(&cart::Entity::insert(cart::ActiveModel::from(row)).on_conflict(one_each)).await
}

/// Stores lines of a cart as they are now.
pub fn put_lines(tx: &Tx, cart_id: CartId, lines: Vec<Line>) {
    use cart_item::Column::{
        CartId, Currency, Image, ProductId, Quantity, SellerId, SellerName, SkuId, Title, UnitPrice,
    };
    if lines.is_empty() {
        return;
    }
    let take_over = OnConflict::columns([CartId, SkuId])
        .update_columns([Quantity, ProductId, SellerId, SellerName, Title, Image, UnitPrice, Currency])
        .to_owned();
    let rows = lines.into_iter().map(|line| cart_item::ActiveModel::from(item(cart_id, line)));
    tx.defer(&cart_item::Entity::insert_many(rows).on_conflict(take_over));
}

/// Stores the first line of a cart that was made in this transaction.
pub fn add_line(tx: &Tx, cart_id: CartId, line: Line) {
    tx.defer(&cart_item::Entity::insert(cart_item::ActiveModel::from(item(cart_id, line))));
}

/// Takes lines out of a cart.
pub fn remove_lines(tx: &Tx, cart_id: CartId, sku_ids: &[SkuId]) {
    if sku_ids.is_empty() {
        return;
    }
    let gone = cart_item::Entity::delete_many()
        .filter(cart_item::Column::CartId.eq(cart_id))
        .filter(cart_item::Column::SkuId.is_in(sku_ids.iter().copied()));
    tx.defer(&gone);
}

/// Takes all lines out of a cart.
pub fn clear(tx: &Tx, cart_id: CartId) {
    tx.defer(&cart_item::Entity::delete_many().filter(cart_item::Column::CartId.eq(cart_id)));
}

/// Stores where a cart stands now, one version on. False when somebody changed it since it was read.
pub async fn advance(tx: &Tx, cart: &mut Cart) -> Result<bool, DbErr> {
    let update = next(tx, cart);
    cart.version += 1;
    tx.changes(&update).await
}

/// Binds an open cart to an order, one version on. False when somebody changed it since it was read, or the order has ended.
pub async fn bind(tx: &Tx, cart: &mut Cart, order_id: OrderId) -> Result<bool, DbErr> {
    (cart.status, cart.order_id) = (Status::Frozen, Some(order_id));
    let ended = ended_order::Entity::find_by_id(order_id).select_only().expr(Expr::val(1)).into_query();
    let update = next(tx, cart).filter(Expr::exists(ended).not());
    cart.version += 1;
    tx.changes(&update).await
}

fn next(tx: &Tx, cart: &Cart) -> UpdateMany<cart::Entity> {
    cart::Entity::update_many()
        .col_expr(cart::Column::Status, Expr::value(cart.status))
        .col_expr(cart::Column::OrderId, Expr::value(cart.order_id))
        .col_expr(cart::Column::Version, Expr::value(cart.version + 1))
        .col_expr(cart::Column::UpdatedAt, Expr::value(tx.now()))
        .filter(cart::Column::Id.eq(cart.id))
        .filter(cart::Column::Version.eq(cart.version))
}

/// Puts the owner's cart, if there is one, a version on.
pub fn overtake(tx: &Tx, owner: &Owner) {
    let update = cart::Entity::update_many()
        .col_expr(cart::Column::Version, Expr::col(cart::Column::Version).add(1))
        .filter(cart::Column::Owner.eq(owner.key()));
    tx.defer(&update);
}

/// Frees the cart that is bound to an order.
pub async fn thaw(tx: &Tx, order_id: OrderId) -> Result<(), DbErr> {
    let update = cart::Entity::update_many()
        .col_expr(cart::Column::Status, Expr::value(Status::Open))
        .col_expr(cart::Column::OrderId, Expr::value(None::<Uuid>));
    bound(update, tx, order_id).exec(tx).await.map(drop)
}

/// Closes the cart that is bound to an order; its owner is free to begin another, and is forgotten here. False when there is none,
/// which is rare.
pub async fn close(tx: &Tx, order_id: OrderId) -> Result<bool, DbErr> {
    let update = cart::Entity::update_many()
        .col_expr(cart::Column::Status, Expr::value(Status::Closed))
        .col_expr(cart::Column::Owner, Expr::value(None::<Vec<u8>>))
        .col_expr(cart::Column::UserId, Expr::value(None::<Uuid>));
    tx.changes(&bound(update, tx, order_id)).await
}

fn bound(update: UpdateMany<cart::Entity>, tx: &Tx, order_id: OrderId) -> UpdateMany<cart::Entity> {
    update
        .col_expr(cart::Column::Version, Expr::col(cart::Column::Version).add(1))
        .col_expr(cart::Column::UpdatedAt, Expr::value(tx.now()))
        .filter(cart::Column::OrderId.eq(order_id))
        .filter(cart::Column::Status.eq(Status::Frozen))
}

/// Gives a cart to somebody else, or (without an owner) to nobody. False when somebody changed it since it was read.
pub async fn give(tx: &Tx, cart: &Cart, owner: Option<&Owner>) -> Result<bool, DbErr> {
    let update = cart::Entity::update_many()
        .col_expr(cart::Column::Owner, Expr::value(owner.map(Owner::key)))
        .col_expr(cart::Column::UserId, Expr::value(owner.and_then(Owner::user_id).map(TypedId::uuid)))
        .col_expr(cart::Column::Version, Expr::value(cart.version + 1))
        .col_expr(cart::Column::UpdatedAt, Expr::value(tx.now()))
        .filter(cart::Column::Id.eq(cart.id))
        .filter(cart::Column::Version.eq(cart.version));
    Ok(update.exec(tx).await?.rows_affected == 1)
}

/// Removes a cart with its lines. False when somebody changed it since it was read.
pub async fn remove(tx: &Tx, cart: &Cart) -> Result<bool, DbErr> {
    let delete =
        cart::Entity::delete_many().filter(cart::Column::Id.eq(cart.id)).filter(cart::Column::Version.eq(cart.version));
    Ok(delete.exec(tx).await?.rows_affected == 1)
}

/// Which carts nobody will miss.
#[derive(Clone, Copy, Debug)]
pub struct Stale {
    /// Guests' carts that were not touched since.
    pub guests: Timestamp,
    /// Guests' carts without a line that were not touched since.
    pub empty: Timestamp,
    /// Carts that became orders before.
    pub closed: Timestamp,
}

/// Carts that nobody will miss, oldest first, after `after`.
pub async fn stale(
    conn: &impl ConnectionTrait,
    than: Stale,
    after: Option<CartId>,
    limit: u64,
) -> Result<Vec<CartId>, DbErr> {
    let latest = [than.guests, than.empty, than.closed].into_iter().max().unwrap_or_default();
    let mut query = cart::Entity::find()
        .select_only()
        .column(cart::Column::Id)
        // Ids begin with the time at which they were made: what was made later was touched later.
        .filter(cart::Column::Id.lt(CartId::from_uuid(first_id_of(latest))))
        .filter(is_stale(than));
    if let Some(after) = after {
        query = query.filter(cart::Column::Id.gt(after));
    }
    query.order_by_asc(cart::Column::Id).limit(limit).into_tuple().all(conn).await
}

/// Removes those of the given carts that nobody will miss, and tells how many they were: one of them may be in use since.
pub async fn remove_stale(tx: &Tx, than: Stale, ids: &[CartId]) -> Result<u64, DbErr> {
    let delete = cart::Entity::delete_many().filter(cart::Column::Id.is_in(ids.iter().copied())).filter(is_stale(than));
    Ok(delete.exec(tx).await?.rows_affected)
}

fn is_stale(than: Stale) -> Condition {
    use cart::Column::{Id, Status as Stands, UpdatedAt, UserId};
    let items = Query::select()
        .expr(Expr::val(1))
        .from(cart_item::Entity)
        .and_where(Expr::col((cart_item::Entity, cart_item::Column::CartId)).equals((cart::Entity, Id)))
        .to_owned();
    let guest = Condition::all().add(Stands.eq(Status::Open)).add(UserId.is_null());
    let forgotten = guest.clone().add(UpdatedAt.lt(than.guests));
    let empty = guest.add(UpdatedAt.lt(than.empty)).add(Expr::exists(items).not());
    let closed = Condition::all().add(Stands.eq(Status::Closed)).add(UpdatedAt.lt(than.closed));
    Condition::any().add(forgotten).add(empty).add(closed)
}

/// The least id that could be made at `moment` (`UUIDv7`: 48 bits of milliseconds come first).
pub(super) fn first_id_of(moment: Timestamp) -> Uuid {
    let milliseconds = u128::try_from(moment.timestamp_millis()).unwrap_or_default();
    Uuid::from_u128(milliseconds << 80)
}

fn line(row: cart_item::Model) -> Line {
    Line {
        sku_id: row.sku_id,
        quantity: row.quantity,
        seen: Seen {
            product_id: row.product_id,
            seller_id: row.seller_id,
            seller_name: row.seller_name,
            title: row.title,
            image: row.image,
            unit_price: row.unit_price,
            currency: row.currency,
        },
        added_at: row.added_at,
    }
}

fn item(cart_id: CartId, line: Line) -> cart_item::Model {
    let Line { sku_id, quantity, seen, added_at } = line;
    cart_item::Model {
        cart_id,
        sku_id,
        quantity,
        product_id: seen.product_id,
        seller_id: seen.seller_id,
        seller_name: seen.seller_name,
        title: seen.title,
        image: seen.image,
        unit_price: seen.unit_price,
        currency: seen.currency,
        added_at,
    }
}
