//! Lists, newest first: ids sort by time, so the id of a page's last row is its cursor.

use sea_orm::{
    ColumnTrait, EntityTrait, FromQueryResult, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect, Select,
};
use serde::{Deserialize, Serialize};
use souk_kernel::{Page, PageQuery, TypedId};
use souk_platform::{
    db::Reader,
    http::{decode_cursor, encode_cursor},
};

use crate::error::Error;

#[derive(Serialize, Deserialize)]
struct After<I> {
    id: I,
}

/// One page of `rows`, by `column` downwards.
pub async fn newest_first<E, I>(
    conn: &Reader,
    rows: Select<E>,
    column: E::Column,
    id: impl Fn(&E::Model) -> I,
    query: PageQuery,
) -> Result<Page<E::Model>, Error>
where
    E: EntityTrait,
    E::Model: FromQueryResult + Send + Sync,
    I: TypedId + Serialize + for<'de> Deserialize<'de> + Into<sea_orm::Value>,
{
    let PageQuery { limit, offset, cursor } = query;
    let after = cursor.as_deref().map(decode_cursor::<After<I>>).transpose()?;
    let total = rows.clone().count(conn).await?;
    let mut page = rows.order_by_desc(column).limit(limit + 1);
    page = match after {
        Some(After { id }) => page.filter(column.lt(id)),
        None => page.offset(offset),
    };
    let mut items = page.all(conn).await?;
    let more = items.len() as u64 > limit;
    items.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    let next_cursor = items.last().filter(|_| more).map(|last| encode_cursor(&After { id: id(last) }));
    Ok(Page { items, limit, offset, total, next_cursor })
}
