//! The ledger: written once, read for balances and statements.

use std::collections::HashMap;

use sea_orm::{
    ColumnTrait, ConnectionTrait, DbBackend, DbErr, EntityTrait, FromQueryResult, IntoActiveModel, PaginatorTrait,
    QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Condition, Expr, ExprTrait},
};
use souk_kernel::{Currency, LedgerTransactionId, Page, PageQuery, SellerId};
use souk_platform::{
    db::Tx,
    http::{decode_cursor, encode_cursor},
};

use super::{
    PageError, ROWS, cut,
    entities::{ledger_posting, ledger_transaction},
};
use crate::domain::ledger::{Account, Transaction};

pub use super::entities::{ledger_posting::Model as Posting, ledger_transaction::Model as Posted};

/// Writes a transaction. One without postings (nothing moved) is not written.
pub fn post(tx: &Tx, transaction: Transaction) {
    if transaction.postings.is_empty() {
        return;
    }
    let id = LedgerTransactionId::new();
    let currency = transaction.currency;
    let row = Posted {
        id,
        kind: transaction.kind,
        reference: transaction.reference,
        order_id: transaction.order,
        currency,
        created_at: tx.now(),
    };
    tx.defer(&ledger_transaction::Entity::insert(row.into_active_model()));
    let mut rows = (1_i32..)
        .zip(transaction.postings)
        .map(|(line, posting)| {
            Posting {
                transaction_id: id,
                line,
                account: posting.account.to_string(),
                component: posting.component,
                amount: posting.amount,
                currency,
                seller_id: posting.account.seller(),
                seller_order_id: posting.seller_order,
            }
            .into_active_model()
        })
        .peekable();
    while rows.peek().is_some() {
        tx.defer(&ledger_posting::Entity::insert_many(rows.by_ref().take(ROWS)));
    }
}

/// What a seller has, as the seller sees it: positive is owed to the seller.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Balance {
    pub pending: i64,
    pub available: i64,
}

#[derive(FromQueryResult)]
struct AccountSum {
    account: String,
    total: i64,
}

pub async fn balance(conn: &impl ConnectionTrait, seller: SellerId, currency: Currency) -> Result<Balance, DbErr> {
    use ledger_posting::Column as C;
    let sums: Vec<AccountSum> = ledger_posting::Entity::find()
        .select_only()
        .column(C::Account)
        .column_as(whole(conn.get_database_backend(), C::Amount.sum()), "total")
        .filter(C::SellerId.eq(seller))
        .filter(C::Currency.eq(currency))
        .group_by(C::Account)
        .into_model()
        .all(conn)
        .await?;
    let of = |account: Account| {
        let name = account.to_string();
        sums.iter().find(|sum| sum.account == name).map_or(0, |sum| -sum.total)
    };
    Ok(Balance { pending: of(Account::Pending(seller)), available: of(Account::Available(seller)) })
}

/// A sum as a 64-bit integer on every database (PostgreSQL and MySQL make it a decimal).
pub fn whole(backend: DbBackend, sum: Expr) -> Expr {
    sum.cast_as(if backend == DbBackend::MySql { "signed" } else { "bigint" })
}

/// A page of a seller's postings, newest first, each with its transaction.
pub async fn statement(
    conn: &impl ConnectionTrait,
    seller: SellerId,
    currency: Currency,
    query: &PageQuery,
) -> Result<Page<(Posting, Posted)>, PageError> {
    use ledger_posting::Column as C;
    let all = ledger_posting::Entity::find().filter(C::SellerId.eq(seller)).filter(C::Currency.eq(currency));
    let total = all.clone().count(conn).await?;
    let mut rows =
        all.order_by_desc(C::TransactionId).order_by_desc(C::Line).offset(query.offset).limit(query.limit + 1);
    if let Some(cursor) = &query.cursor {
        let (transaction, line): (LedgerTransactionId, i32) = decode_cursor(cursor)?;
        let same = Condition::all().add(C::TransactionId.eq(transaction)).add(C::Line.lt(line));
        rows = rows.filter(Condition::any().add(C::TransactionId.lt(transaction)).add(same));
    }
    let postings = rows.all(conn).await?;
    let page = cut(postings, total, query, |row| encode_cursor(&(row.transaction_id, row.line)));
    let transactions = by_id(conn, page.items.iter().map(|posting| posting.transaction_id)).await?;
    let Page { items, limit, offset, total, next_cursor } = page;
    let items = items
        .into_iter()
        .filter_map(|posting| {
            let transaction = transactions.get(&posting.transaction_id)?.clone();
            Some((posting, transaction))
        })
        .collect();
    Ok(Page { items, limit, offset, total, next_cursor })
}

async fn by_id(
    conn: &impl ConnectionTrait,
    ids: impl Iterator<Item = LedgerTransactionId>,
) -> Result<HashMap<LedgerTransactionId, Posted>, DbErr> {
    let rows = ledger_transaction::Entity::find().filter(ledger_transaction::Column::Id.is_in(ids)).all(conn).await?;
    Ok(rows.into_iter().map(|row| (row.id, row)).collect())
}
