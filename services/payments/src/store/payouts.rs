//! Payouts to sellers.

use sea_orm::{
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, FromQueryResult, IntoActiveModel, QueryFilter, QuerySelect,
    TryInsertResult,
};
use souk_kernel::{Currency, Page, PageQuery, PayoutId, SellerId};
use souk_platform::db::Tx;

use super::{PageError, Payout, entities::payout, ledger::whole, newest};

pub async fn find(conn: &impl ConnectionTrait, id: PayoutId) -> Result<Option<Payout>, DbErr> {
    payout::Entity::find_by_id(id).one(conn).await
}

/// Stores a payout; false when it is there already.
pub async fn insert(tx: &Tx, payout: Payout) -> Result<bool, DbErr> {
    let inserted =
        payout::Entity::insert(payout.into_active_model()).on_conflict_do_nothing().exec_without_returning(tx).await?;
    Ok(matches!(inserted, TryInsertResult::Inserted(rows) if rows > 0))
}

#[derive(FromQueryResult)]
struct Sum {
    total: Option<i64>,
}

/// What a seller was paid in all.
pub async fn total(conn: &impl ConnectionTrait, seller: SellerId, currency: Currency) -> Result<i64, DbErr> {
    let sum: Option<Sum> = payout::Entity::find()
        .select_only()
        .column_as(whole(conn.get_database_backend(), payout::Column::Amount.sum()), "total")
        .filter(payout::Column::SellerId.eq(seller))
        .filter(payout::Column::Currency.eq(currency))
        .into_model()
        .one(conn)
        .await?;
    Ok(sum.and_then(|sum| sum.total).unwrap_or(0))
}

/// A page of payouts, newest first: of one seller, or of all.
pub async fn list(
    conn: &impl ConnectionTrait,
    seller: Option<SellerId>,
    page: &PageQuery,
) -> Result<Page<Payout>, PageError> {
    let mut rows = <payout::Entity as EntityTrait>::find();
    if let Some(seller) = seller {
        rows = rows.filter(payout::Column::SellerId.eq(seller));
    }
    newest(conn, rows, (payout::Column::CreatedAt, payout::Column::Id), page, |row| (row.created_at, row.id)).await
}
