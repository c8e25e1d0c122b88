//! The tables and what is asked of them.

pub mod entities;
pub mod ledger;
mod migrations;
pub mod payments;
pub mod payouts;
pub mod refunds;
pub mod rules;
pub mod sandbox;
pub mod webhooks;

pub use entities::{
    allocation::Model as Allocation, commission_rule::Model as CommissionRule, payment::Model as Payment,
    payout::Model as Payout, refund::Model as Refund, refund_part::Model as RefundPart, webhook::Model as Webhook,
};
pub use migrations::Migrator;

use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect,
    Select, Value,
};
use serde::{Serialize, de::DeserializeOwned};
use souk_kernel::{Page, PageQuery, Problem, Timestamp, TypedId};
use souk_platform::http::{decode_cursor, encode_cursor};

/// Rows of one `INSERT`: databases limit the parameters of a statement (SQLite 32,766, MySQL and PostgreSQL 65,535).
const ROWS: usize = 1000;

/// Why a page can't be given: the cursor is not one of this list's, or the database.
#[derive(Debug, thiserror::Error)]
pub enum PageError {
    #[error(transparent)]
    Cursor(#[from] Problem),
    #[error(transparent)]
    Db(#[from] DbErr),
}

/// A page of rows, newest first, by the time and the id of a row.
async fn newest<E, C, I, T>(
    conn: &C,
    rows: Select<E>,
    (time, id): (E::Column, E::Column),
    query: &PageQuery,
    position: impl Fn(&T) -> (Timestamp, I),
) -> Result<Page<T>, PageError>
where
    E: EntityTrait<Model = T>,
    C: ConnectionTrait,
    I: TypedId + Into<Value> + Serialize + DeserializeOwned,
    T: sea_orm::FromQueryResult + Send + Sync,
{
    let total = rows.clone().count(conn).await?;
    let mut rows = rows.order_by_desc(time).order_by_desc(id).offset(query.offset).limit(query.limit + 1);
    if let Some(cursor) = &query.cursor {
        let (at, last): (Timestamp, I) = decode_cursor(cursor)?;
        rows = rows.filter(Condition::any().add(time.lt(at)).add(Condition::all().add(time.eq(at)).add(id.lt(last))));
    }
    let items = rows.all(conn).await?;
    Ok(cut(items, total, query, |row| encode_cursor(&position(row))))
}

/// Makes a page of rows of which one more than wanted was read, if there is one more.
fn cut<T>(mut items: Vec<T>, total: u64, query: &PageQuery, cursor: impl Fn(&T) -> String) -> Page<T> {
    let limit = usize::try_from(query.limit).unwrap_or(usize::MAX);
    let more = items.len() > limit;
    items.truncate(limit);
    let next_cursor = if more { items.last().map(cursor) } else { None };
    Page { items, limit: query.limit, offset: query.offset, total, next_cursor }
}
