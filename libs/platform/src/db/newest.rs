//! Lists of rows, newest first.

use sea_orm::{
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect, Select,
    Value,
};
use serde::{Serialize, de::DeserializeOwned};
use souk_kernel::{Page, PageQuery, Problem};

use crate::http::{decode_cursor, encode_cursor};

/// One page of `rows`, by `column` downwards, which names them in the order of their making, as ids do: the `id` of a
/// page's last row is all that its cursor needs. With a cursor the offset does not count.
///
/// # Errors
/// A [`Problem`] when the cursor isn't one of such a list, and those of the database.
pub async fn newest_first<E, I, Failed>(
    conn: &impl ConnectionTrait,
    rows: Select<E>,
    column: E::Column,
    id: impl Fn(&E::Model) -> I,
    query: &PageQuery,
) -> Result<Page<E::Model>, Failed>
where
    E: EntityTrait,
    E::Model: Send + Sync,
    I: Serialize + DeserializeOwned + Into<Value>,
    Failed: From<DbErr> + From<Problem>,
{
    let PageQuery { limit, offset, cursor } = query;
    let after = cursor.as_deref().map(decode_cursor::<I>).transpose()?;
    let total = rows.clone().count(conn).await?;
    let mut page = rows.order_by_desc(column).limit(limit + 1);
    page = match after {
        Some(after) => page.filter(column.lt(after)),
        None => page.offset(*offset),
    };
    let mut items = page.all(conn).await?;
    let more = items.len() as u64 > *limit;
    items.truncate(usize::try_from(*limit).unwrap_or(usize::MAX));
    let next_cursor = items.last().filter(|_| more).map(|last| encode_cursor(&id(last)));
    Ok(Page { items, limit: *limit, offset: *offset, total, next_cursor })
}
