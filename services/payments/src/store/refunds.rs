//! Refunds and what each seller order bears of them.

use sea_orm::{
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Expr, Query},
};
use souk_kernel::{Page, PageQuery, PaymentId, RefundId, SellerOrderId, Timestamp};
use souk_platform::db::Tx;

use super::{
    PageError, ROWS, Refund, RefundPart,
    entities::{refund, refund_part},
    newest,
};
use crate::domain::refund::{Parts, RefundStatus};

pub async fn find(conn: &impl ConnectionTrait, id: RefundId) -> Result<Option<Refund>, DbErr> {
    refund::Entity::find_by_id(id).one(conn).await
}

pub async fn find_by_reference(
    conn: &impl ConnectionTrait,
    payment: PaymentId,
    reference: &str,
) -> Result<Option<Refund>, DbErr> {
    refund::Entity::find()
        .filter(refund::Column::PaymentId.eq(payment))
        .filter(refund::Column::Reference.eq(reference))
        .one(conn)
        .await
}

/// The latest refund of a payment that was not refused.
pub async fn latest(conn: &impl ConnectionTrait, payment: PaymentId) -> Result<Option<Refund>, DbErr> {
    refund::Entity::find()
        .filter(refund::Column::PaymentId.eq(payment))
        .filter(refund::Column::Status.ne(RefundStatus::Failed))
        .order_by_desc(refund::Column::CreatedAt)
        .order_by_desc(refund::Column::Id)
        .one(conn)
        .await
}

pub async fn insert(tx: &Tx, refund: Refund, parts: Vec<RefundPart>) -> Result<(), DbErr> {
    refund::Entity::insert(refund.into_active_model()).exec_without_returning(tx).await?;
    let mut rows = parts.into_iter().map(IntoActiveModel::into_active_model).peekable();
    while rows.peek().is_some() {
        refund_part::Entity::insert_many(rows.by_ref().take(ROWS)).exec_without_returning(tx).await?;
    }
    Ok(())
}

pub async fn parts(conn: &impl ConnectionTrait, id: RefundId) -> Result<Vec<RefundPart>, DbErr> {
    refund_part::Entity::find()
        .filter(refund_part::Column::RefundId.eq(id))
        .order_by_asc(refund_part::Column::SellerOrderId)
        .all(conn)
        .await
}

/// Ends a refund that is still pending; false when it ended already.
pub async fn settle(tx: &Tx, id: RefundId, status: RefundStatus, failure: Option<String>) -> Result<bool, DbErr> {
    let updated = refund::Entity::update_many()
        .col_expr(refund::Column::Status, Expr::value(status))
        .col_expr(refund::Column::Failure, Expr::value(failure))
        .col_expr(refund::Column::CheckAt, Expr::value(None::<Timestamp>))
        .col_expr(refund::Column::SettledAt, Expr::value(tx.now()))
        .filter(refund::Column::Id.eq(id))
        .filter(refund::Column::Status.eq(RefundStatus::Pending))
        .exec(tx)
        .await?;
    Ok(updated.rows_affected > 0)
}

/// Pending refunds about which the provider should be asked by now, the longest waiting first.
pub async fn to_check(conn: &impl ConnectionTrait, now: Timestamp, limit: u64) -> Result<Vec<Refund>, DbErr> {
    refund::Entity::find()
        .filter(refund::Column::CheckAt.lte(now))
        .order_by_asc(refund::Column::CheckAt)
        .limit(limit)
        .all(conn)
        .await
}

/// Sets when to ask again about refunds that are still pending.
pub async fn check_again(tx: &Tx, ids: Vec<RefundId>, at: Timestamp) -> Result<(), DbErr> {
    refund::Entity::update_many()
        .col_expr(refund::Column::CheckAt, Expr::value(at))
        .filter(refund::Column::Id.is_in(ids))
        .filter(refund::Column::Status.eq(RefundStatus::Pending))
        .exec(tx)
        .await
        .map(drop)
}

/// What refunds on their way take of a seller order's part: noted there, but not in the ledger yet.
pub async fn on_the_way(
    conn: &impl ConnectionTrait,
    payment: PaymentId,
    seller_order: SellerOrderId,
) -> Result<Vec<Parts>, DbErr> {
    let pending = Query::select()
        .column(refund::Column::Id)
        .from(refund::Entity)
        .and_where(refund::Column::PaymentId.eq(payment))
        .and_where(refund::Column::Status.eq(RefundStatus::Pending))
        .to_owned();
    let rows = refund_part::Entity::find()
        .filter(refund_part::Column::SellerOrderId.eq(seller_order))
        .filter(refund_part::Column::RefundId.in_subquery(pending))
        .all(conn)
        .await?;
    Ok(rows.iter().map(RefundPart::parts).collect())
}

/// What an operator looks for.
#[derive(Clone, Copy, Debug, Default)]
pub struct Filter {
    pub payment: Option<PaymentId>,
    pub status: Option<RefundStatus>,
}

pub async fn list(conn: &impl ConnectionTrait, filter: Filter, page: &PageQuery) -> Result<Page<Refund>, PageError> {
    let mut rows = refund::Entity::find();
    if let Some(payment) = filter.payment {
        rows = rows.filter(refund::Column::PaymentId.eq(payment));
    }
    if let Some(status) = filter.status {
        rows = rows.filter(refund::Column::Status.eq(status));
    }
    newest(conn, rows, (refund::Column::CreatedAt, refund::Column::Id), page, |row| (row.created_at, row.id)).await
}
