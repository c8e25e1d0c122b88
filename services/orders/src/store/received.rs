//! What buyers received.

use sea_orm::{ColumnTrait, ConnectionTrait, DbErr, EntityTrait, JoinType, QueryFilter, QuerySelect};
use souk_kernel::{OrderId, ProductId, UserId};

use super::{lines, orders, parts};
use crate::domain::PartStatus;

/// Whether a unit of the product arrived at the user.
pub async fn has_received(conn: &impl ConnectionTrait, user: UserId, product: ProductId) -> Result<bool, DbErr> {
    let arrived = [PartStatus::Delivered, PartStatus::ReturnRequested, PartStatus::Returned, PartStatus::Completed];
    let part = lines::Entity::belongs_to(parts::Entity).from(lines::Column::SellerOrderId).to(parts::Column::Id).into();
    let order = lines::Entity::belongs_to(orders::Entity).from(lines::Column::OrderId).to(orders::Column::Id).into();
    let found = lines::Entity::find()
        .select_only()
        .column(lines::Column::OrderId)
        .join(JoinType::InnerJoin, part)
        .join(JoinType::InnerJoin, order)
        .filter(orders::Column::UserId.eq(user))
        .filter(lines::Column::ProductId.eq(product))
        .filter(parts::Column::Status.is_in(arrived))
        .limit(1)
        .into_tuple::<OrderId>()
        .one(conn)
        .await?;
    Ok(found.is_some())
}
