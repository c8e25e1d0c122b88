//! Lists, newest first. Ids sort by the time they were made, so an id is all that a cursor needs.

use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect,
    QueryTrait, Select, Value, sea_query::ValueType,
};
use serde::{Serialize, de::DeserializeOwned};
use souk_kernel::{OrderId, Page, PageQuery, SellerId, UserId};
use souk_platform::http::{decode_cursor, encode_cursor};

use super::{orders, parts, returns};
use crate::{
    domain::{OrderStatus, PartStatus, ReturnStatus},
    error::Error,
};

/// One page of `select` by its id, newest first.
async fn page<E, I>(
    conn: &impl ConnectionTrait,
    select: Select<E>,
    key: E::Column,
    query: &PageQuery,
    id: impl Fn(&E::Model) -> I,
) -> Result<Page<E::Model>, Error>
where
    E: EntityTrait,
    E::Model: Send + Sync,
    I: Serialize + DeserializeOwned + Into<Value> + ValueType,
{
    let total = select.clone().count(conn).await?;
    let after = query.cursor.as_deref().map(decode_cursor::<I>).transpose()?;
    let mut items = select
        .apply_if(after, |select, after| select.filter(key.lt(after)))
        .order_by_desc(key)
        .offset(query.offset)
        .limit(query.limit + 1)
        .all(conn)
        .await?;
    let more = items.len() as u64 > query.limit;
    items.truncate(usize::try_from(query.limit).unwrap_or(usize::MAX));
    let next_cursor = items.last().filter(|_| more).map(|last| encode_cursor(&id(last)));
    Ok(Page { items, limit: query.limit, offset: query.offset, total, next_cursor })
}

/// The same page with other things on it.
pub fn showing<T, U>(page: Page<T>, items: Vec<U>) -> Page<U> {
    let Page { limit, offset, total, next_cursor, .. } = page;
    Page { items, limit, offset, total, next_cursor }
}

/// A buyer's own orders that aren't hidden.
pub async fn for_buyer(
    conn: &impl ConnectionTrait,
    buyer: UserId,
    status: Option<OrderStatus>,
    query: &PageQuery,
) -> Result<Page<orders::Model>, Error> {
    let select = orders::Entity::find()
        .filter(orders::Column::UserId.eq(buyer))
        .filter(orders::Column::Hidden.eq(false))
        .apply_if(status, |select, status| select.filter(orders::Column::Status.eq(status)));
    page(conn, select, orders::Column::Id, query, |row| row.id).await
}

/// What an operator looks for.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    pub status: Option<OrderStatus>,
    pub user_id: Option<UserId>,
    pub seller_id: Option<SellerId>,
    pub email: Option<String>,
    pub number: Option<String>,
}

/// All orders that pass the filter.
pub async fn for_admin(
    conn: &impl ConnectionTrait,
    filter: Filter,
    query: &PageQuery,
) -> Result<Page<orders::Model>, Error> {
    let of_seller = filter.seller_id.map(|seller| {
        let parts = parts::Entity::find()
            .select_only()
            .column(parts::Column::OrderId)
            .filter(parts::Column::SellerId.eq(seller));
        orders::Column::Id.in_subquery(parts.into_query())
    });
    let condition = Condition::all()
        .add_option(filter.status.map(|status| orders::Column::Status.eq(status)))
        .add_option(filter.user_id.map(|user| orders::Column::UserId.eq(user)))
        .add_option(filter.email.map(|email| orders::Column::Email.eq(email)))
        .add_option(filter.number.map(|number| orders::Column::Number.eq(number)))
        .add_option(of_seller);
    page(conn, orders::Entity::find().filter(condition), orders::Column::Id, query, |row| row.id).await
}

/// A seller's own parts.
pub async fn for_seller(
    conn: &impl ConnectionTrait,
    seller: SellerId,
    status: Option<PartStatus>,
    query: &PageQuery,
) -> Result<Page<parts::Model>, Error> {
    let select = parts::Entity::find()
        .filter(parts::Column::SellerId.eq(seller))
        .apply_if(status, |select, status| select.filter(parts::Column::Status.eq(status)));
    page(conn, select, parts::Column::Id, query, |row| row.id).await
}

/// A seller's own returns.
pub async fn returns_for_seller(
    conn: &impl ConnectionTrait,
    seller: SellerId,
    status: Option<ReturnStatus>,
    query: &PageQuery,
) -> Result<Page<returns::Model>, Error> {
    let select = returns::Entity::find()
        .filter(returns::Column::SellerId.eq(seller))
        .apply_if(status, |select, status| select.filter(returns::Column::Status.eq(status)));
    page(conn, select, returns::Column::Id, query, |row| row.id).await
}

/// The orders of these ids.
pub async fn orders_of(conn: &impl ConnectionTrait, ids: Vec<OrderId>) -> Result<Vec<orders::Model>, Error> {
    Ok(orders::Entity::find().filter(orders::Column::Id.is_in(ids)).all(conn).await?)
}
