//! Lists, newest first. Ids sort by the time they were made, so an id is all that a cursor needs.

use sea_orm::{ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter, QuerySelect, QueryTrait};
use souk_kernel::{OrderId, Page, PageQuery, SellerId, UserId};
use souk_platform::db::newest_first;

use super::{orders, parts, returns};
use crate::{
    domain::{OrderStatus, PartStatus, ReturnStatus},
    error::Error,
};

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
    newest_first(conn, select, orders::Column::Id, |row| row.id, query).await
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
    newest_first(conn, orders::Entity::find().filter(condition), orders::Column::Id, |row| row.id, query).await
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
    newest_first(conn, select, parts::Column::Id, |row| row.id, query).await
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
    newest_first(conn, select, returns::Column::Id, |row| row.id, query).await
}

/// The orders of these ids.
pub async fn orders_of(conn: &impl ConnectionTrait, ids: Vec<OrderId>) -> Result<Vec<orders::Model>, Error> {
    Ok(orders::Entity::find().filter(orders::Column::Id.is_in(ids)).all(conn).await?)
}
