//! Reviews.

use sea_orm::{
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, IntoActiveModel, PaginatorTrait, QueryFilter, QueryOrder,
    QuerySelect, Select, sea_query::Expr,
};
use souk_kernel::{Page, PageQuery, Problem, ProductId, ReviewId, UserId};
use souk_platform::http::{decode_cursor, encode_cursor};

use super::entities::review;
use crate::error::Error;

/// Whether the user reviewed the product.
pub async fn exists(connection: &impl ConnectionTrait, product: ProductId, user: UserId) -> Result<bool, DbErr> {
    let of = review::Entity::find().filter(review::Column::ProductId.eq(product));
    Ok(of.filter(review::Column::UserId.eq(user)).one(connection).await?.is_some())
}

/// A new review.
pub async fn insert(connection: &impl ConnectionTrait, review: review::Model) -> Result<(), DbErr> {
    review::Entity::insert(review.into_active_model()).exec_without_returning(connection).await?;
    Ok(())
}

/// The review with this id.
pub async fn find(connection: &impl ConnectionTrait, id: ReviewId) -> Result<Option<review::Model>, DbErr> {
    review::Entity::find_by_id(id).one(connection).await
}

/// Hides a review, or shows it again; false when it was so already.
pub async fn set_hidden(connection: &impl ConnectionTrait, id: ReviewId, hidden: bool) -> Result<bool, DbErr> {
    let done = review::Entity::update_many()
        .col_expr(review::Column::Hidden, Expr::value(hidden))
        .filter(review::Column::Id.eq(id))
        .filter(review::Column::Hidden.eq(!hidden))
        .exec(connection)
        .await?;
    Ok(done.rows_affected == 1)
}

/// Takes a deleted user's name off their reviews.
pub async fn forget_author(connection: &impl ConnectionTrait, user: UserId) -> Result<(), DbErr> {
    review::Entity::update_many()
        .col_expr(review::Column::Author, Expr::value(""))
        .filter(review::Column::UserId.eq(user))
        .exec(connection)
        .await?;
    Ok(())
}

/// The shown reviews of a product, newest first.
pub async fn of_product(
    connection: &impl ConnectionTrait,
    product: ProductId,
    page: PageQuery,
) -> Result<Page<review::Model>, Error> {
    let shown = review::Entity::find().filter(review::Column::ProductId.eq(product));
    newest_first(connection, shown.filter(review::Column::Hidden.eq(false)), page).await
}

/// All reviews for the operator, newest first.
pub async fn all(
    connection: &impl ConnectionTrait,
    hidden: Option<bool>,
    product: Option<ProductId>,
    page: PageQuery,
) -> Result<Page<review::Model>, Error> {
    let mut found = review::Entity::find();
    if let Some(hidden) = hidden {
        found = found.filter(review::Column::Hidden.eq(hidden));
    }
    if let Some(product) = product {
        found = found.filter(review::Column::ProductId.eq(product));
    }
    newest_first(connection, found, page).await
}

/// Ids are made in the order of time, so the newest has the greatest.
async fn newest_first(
    connection: &impl ConnectionTrait,
    found: Select<review::Entity>,
    PageQuery { limit, offset, cursor }: PageQuery,
) -> Result<Page<review::Model>, Error> {
    let total = found.clone().count(connection).await?;
    let mut rows = found.order_by_desc(review::Column::Id).limit(limit + 1);
    rows = match cursor {
        Some(cursor) => rows.filter(review::Column::Id.lt(decode_cursor::<ReviewId>(&cursor)?)),
        None => rows.offset(offset),
    };
    let mut items = rows.all(connection).await?;
    let more = u64::try_from(items.len()).is_ok_and(|found| found > limit);
    items.truncate(usize::try_from(limit).map_err(|_| Problem::internal())?);
    let next_cursor = items.last().filter(|_| more).map(|last| encode_cursor(&last.id));
    Ok(Page { items, limit, offset, total, next_cursor })
}
