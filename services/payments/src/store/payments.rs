//! Payments and their allocations.

use sea_orm::{
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Condition, Expr, ExprTrait},
};
use souk_kernel::{OrderId, Page, PageQuery, PaymentId, SellerId, SellerOrderId, Timestamp, UserId};
use souk_platform::db::Tx;

use super::{
    Allocation, PageError, Payment, ROWS,
    entities::{allocation, payment},
    newest,
};
use crate::domain::{
    payment::{PaymentStatus, ProviderName, Turn},
    refund::{Parts, Reach},
};

/// What an operator looks for.
#[derive(Clone, Copy, Debug, Default)]
pub struct Filter {
    pub status: Option<PaymentStatus>,
    pub provider: Option<ProviderName>,
    pub order: Option<OrderId>,
    pub flagged: Option<bool>,
}

pub async fn find(conn: &impl ConnectionTrait, id: PaymentId) -> Result<Option<Payment>, DbErr> {
    payment::Entity::find_by_id(id).one(conn).await
}

/// Who made an order: a user, or whoever holds its token (of which the hash is known).
#[derive(Clone, Copy, Debug)]
pub struct Buyer {
    pub user: Option<UserId>,
    pub token_hash: Option<[u8; 32]>,
}

/// The payment, if this buyer made the order.
pub async fn find_for_buyer(
    conn: &impl ConnectionTrait,
    id: PaymentId,
    buyer: Buyer,
) -> Result<Option<Payment>, DbErr> {
    // With neither the condition is empty and would let everything pass.
    if buyer.user.is_none() && buyer.token_hash.is_none() {
        return Ok(None);
    }
    let mut theirs = Condition::any();
    if let Some(user) = buyer.user {
        theirs = theirs.add(payment::Column::BuyerId.eq(user));
    }
    if let Some(hash) = buyer.token_hash {
        theirs = theirs.add(payment::Column::OrderTokenHash.eq(hash.to_vec()));
    }
    payment::Entity::find_by_id(id).filter(theirs).one(conn).await
}

/// The seller's parts of a payment; none when it has no part in it.
pub async fn allocations_for_seller(
    conn: &impl ConnectionTrait,
    id: PaymentId,
    seller: SellerId,
) -> Result<Vec<Allocation>, DbErr> {
    allocation::Entity::find()
        .filter(allocation::Column::PaymentId.eq(id))
        .filter(allocation::Column::SellerId.eq(seller))
        .order_by_asc(allocation::Column::SellerOrderId)
        .all(conn)
        .await
}

/// All parts of a payment, always in the same order.
pub async fn allocations(conn: &impl ConnectionTrait, id: PaymentId) -> Result<Vec<Allocation>, DbErr> {
    allocation::Entity::find()
        .filter(allocation::Column::PaymentId.eq(id))
        .order_by_asc(allocation::Column::SellerOrderId)
        .all(conn)
        .await
}

pub async fn allocation(
    conn: &impl ConnectionTrait,
    payment: PaymentId,
    seller_order: SellerOrderId,
) -> Result<Option<Allocation>, DbErr> {
    allocation::Entity::find_by_id((payment, seller_order)).one(conn).await
}

/// The payments of an order, first attempt first.
pub async fn of_order(conn: &impl ConnectionTrait, order: OrderId) -> Result<Vec<Payment>, DbErr> {
    payment::Entity::find()
        .filter(payment::Column::OrderId.eq(order))
        .order_by_asc(payment::Column::Attempt)
        .all(conn)
        .await
}

/// Stores a payment with its parts; false when it is there already.
pub async fn insert(tx: &Tx, payment: Payment, allocations: Vec<Allocation>) -> Result<bool, DbErr> {
    if !tx.changes(&payment::Entity::insert(payment.into_active_model()).on_conflict_do_nothing()).await? {
        return Ok(false);
    }
    let mut rows = allocations.into_iter().map(IntoActiveModel::into_active_model).peekable();
    while rows.peek().is_some() {
        tx.defer(&allocation::Entity::insert_many(rows.by_ref().take(ROWS)));
    }
    Ok(true)
}

/// Turns a payment if it stands where the turn leads somewhere; false when it changed nothing.
pub async fn turn(
    tx: &Tx,
    id: PaymentId,
    turn: Turn,
    failure: Option<String>,
    check_at: Option<Timestamp>,
) -> Result<bool, DbErr> {
    let completed_at = matches!(turn, Turn::Paid).then(|| tx.now());
    let updated = payment::Entity::update_many()
        .col_expr(payment::Column::Status, Expr::value(PaymentStatus::after(turn)))
        .col_expr(payment::Column::Failure, Expr::value(failure))
        .col_expr(payment::Column::CheckAt, Expr::value(check_at))
        .col_expr(payment::Column::CompletedAt, Expr::value(completed_at))
        .col_expr(payment::Column::UpdatedAt, Expr::value(tx.now()))
        .col_expr(payment::Column::Version, Expr::col(payment::Column::Version).add(1))
        .filter(payment::Column::Id.eq(id))
        .filter(payment::Column::Status.is_in(PaymentStatus::before(turn)));
    tx.changes(&updated).await
}

/// Marks a payment for an operator; `None` takes the mark away. False when there is no such payment.
pub async fn flag(tx: &Tx, id: PaymentId, flag: Option<String>) -> Result<bool, DbErr> {
    let updated = payment::Entity::update_many()
        .col_expr(payment::Column::Flag, Expr::value(flag))
        .col_expr(payment::Column::UpdatedAt, Expr::value(tx.now()))
        .col_expr(payment::Column::Version, Expr::col(payment::Column::Version).add(1))
        .filter(payment::Column::Id.eq(id))
        .exec(tx)
        .await?;
    Ok(updated.rows_affected > 0)
}

/// Sets `amount` aside for a refund; false when that much is not left (or the payment isn't paid).
pub async fn set_aside(tx: &Tx, id: PaymentId, amount: i64) -> Result<bool, DbErr> {
    let taken = Expr::col(payment::Column::RefundedAmount).add(Expr::col(payment::Column::RefundingAmount)).add(amount);
    let updated = payment::Entity::update_many()
        .col_expr(payment::Column::RefundingAmount, Expr::col(payment::Column::RefundingAmount).add(amount))
        .col_expr(payment::Column::UpdatedAt, Expr::value(tx.now()))
        .col_expr(payment::Column::Version, Expr::col(payment::Column::Version).add(1))
        .filter(payment::Column::Id.eq(id))
        .filter(payment::Column::Status.is_in([PaymentStatus::Completed, PaymentStatus::PartiallyRefunded]))
        .filter(taken.lte(Expr::col(payment::Column::Amount)))
        .exec(tx)
        .await?;
    Ok(updated.rows_affected > 0)
}

/// What was set aside went back (`refunded` is the new sum of what went back), or is free again after a refusal.
pub fn settle_aside(tx: &Tx, id: PaymentId, amount: i64, refunded: i64, status: PaymentStatus, flag: Option<String>) {
    let mut update = payment::Entity::update_many()
        .col_expr(payment::Column::RefundingAmount, Expr::col(payment::Column::RefundingAmount).sub(amount))
        .col_expr(payment::Column::RefundedAmount, Expr::value(refunded))
        .col_expr(payment::Column::Status, Expr::value(status))
        .col_expr(payment::Column::UpdatedAt, Expr::value(tx.now()))
        .col_expr(payment::Column::Version, Expr::col(payment::Column::Version).add(1))
        .filter(payment::Column::Id.eq(id));
    if flag.is_some() {
        update = update.col_expr(payment::Column::Flag, Expr::value(flag));
    }
    tx.defer(&update);
}

/// Notes what a refund takes of a seller order's part; negated parts undo it.
pub fn give_back(tx: &Tx, payment: PaymentId, seller_order: SellerOrderId, parts: Parts, reach: Reach) {
    use allocation::Column as C;
    if parts == Parts::default() {
        return;
    }
    let in_general = if matches!(reach, Reach::Payment) { parts.total() } else { 0 };
    let mut update =
        allocation::Entity::update_many().filter(C::PaymentId.eq(payment)).filter(C::SellerOrderId.eq(seller_order));
    for (column, amount) in [
        (C::BackGoods, parts.goods),
        (C::BackShipping, parts.shipping),
        (C::BackTax, parts.tax),
        (C::BackCommission, parts.commission),
        (C::BackInGeneral, in_general),
    ] {
        if amount != 0 {
            update = update.col_expr(column, Expr::col(column).add(amount));
        }
    }
    tx.defer(&update);
}

/// Notes that the seller's money of this part is available; false when it was already.
pub async fn release(tx: &Tx, payment: PaymentId, seller_order: SellerOrderId) -> Result<bool, DbErr> {
    let updated = allocation::Entity::update_many()
        .col_expr(allocation::Column::ReleasedAt, Expr::value(tx.now()))
        .filter(allocation::Column::PaymentId.eq(payment))
        .filter(allocation::Column::SellerOrderId.eq(seller_order))
        .filter(allocation::Column::ReleasedAt.is_null())
        .exec(tx)
        .await?;
    Ok(updated.rows_affected > 0)
}

/// Unpaid payments about which the provider should be asked by now, the longest waiting first.
pub async fn to_check(conn: &impl ConnectionTrait, now: Timestamp, limit: u64) -> Result<Vec<Payment>, DbErr> {
    payment::Entity::find()
        .filter(payment::Column::CheckAt.lte(now))
        .order_by_asc(payment::Column::CheckAt)
        .limit(limit)
        .all(conn)
        .await
}

/// Sets when to ask again, unless the payment was paid meanwhile.
pub async fn check_again(tx: &Tx, id: PaymentId, at: Option<Timestamp>) -> Result<(), DbErr> {
    payment::Entity::update_many()
        .col_expr(payment::Column::CheckAt, Expr::value(at))
        .filter(payment::Column::Id.eq(id))
        .filter(payment::Column::Status.is_in(PaymentStatus::before(Turn::Paid)))
        .exec(tx)
        .await
        .map(drop)
}

pub async fn list(conn: &impl ConnectionTrait, filter: Filter, page: &PageQuery) -> Result<Page<Payment>, PageError> {
    let mut rows = payment::Entity::find();
    if let Some(status) = filter.status {
        rows = rows.filter(payment::Column::Status.eq(status));
    }
    if let Some(provider) = filter.provider {
        rows = rows.filter(payment::Column::Provider.eq(provider));
    }
    if let Some(order) = filter.order {
        rows = rows.filter(payment::Column::OrderId.eq(order));
    }
    match filter.flagged {
        Some(true) => rows = rows.filter(payment::Column::Flag.is_not_null()),
        Some(false) => rows = rows.filter(payment::Column::Flag.is_null()),
        None => {}
    }
    newest(conn, rows, (payment::Column::CreatedAt, payment::Column::Id), page, |row| (row.created_at, row.id)).await
}
