//! Sellers as the catalogue knows them.

use std::collections::HashMap;

use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter,
    sea_query::{Expr, ExprTrait, OnConflict},
};
use souk_kernel::SellerId;

use super::{bulk, entities::seller};
use crate::domain::{rating::Rating, seller::SellerStatus};

/// Sellers by id.
pub type Sellers = HashMap<SellerId, seller::Model>;

/// The sellers with these ids; unknown ones are left out.
pub async fn find(
    connection: &impl ConnectionTrait,
    ids: impl IntoIterator<Item = SellerId>,
) -> Result<Sellers, DbErr> {
    let mut ids: Vec<SellerId> = ids.into_iter().collect();
    ids.sort_unstable();
    ids.dedup();
    let mut found = Sellers::with_capacity(ids.len());
    for ids in ids.chunks(bulk::IDS) {
        let rows = seller::Entity::find().filter(seller::Column::Id.is_in(ids.iter().copied())).all(connection).await?;
        found.extend(rows.into_iter().map(|row| (row.id, row)));
    }
    Ok(found)
}

/// The seller with this slug.
pub async fn find_by_slug(connection: &impl ConnectionTrait, slug: &str) -> Result<Option<seller::Model>, DbErr> {
    seller::Entity::find().filter(seller::Column::Slug.eq(slug)).one(connection).await
}

/// Notes what an event of identity said. The rating stays.
pub async fn upsert(
    connection: &impl ConnectionTrait,
    id: SellerId,
    name: String,
    slug: String,
    status: SellerStatus,
) -> Result<(), DbErr> {
    let columns = [seller::Column::Name, seller::Column::Slug, seller::Column::Status];
    let conflict = OnConflict::column(seller::Column::Id).update_columns(columns).to_owned();
    insert(connection, id, name, slug, status, conflict).await
}

/// Notes what identity answered when asked. What an event said in the meantime is newer and stays.
pub async fn insert_if_missing(
    connection: &impl ConnectionTrait,
    id: SellerId,
    name: String,
    slug: String,
    status: SellerStatus,
) -> Result<(), DbErr> {
    insert(connection, id, name, slug, status, OnConflict::column(seller::Column::Id).do_nothing().to_owned()).await
}

async fn insert(
    connection: &impl ConnectionTrait,
    id: SellerId,
    name: String,
    slug: String,
    status: SellerStatus,
    conflict: OnConflict,
) -> Result<(), DbErr> {
    let row = seller::ActiveModel {
        id: Set(id),
        name: Set(name),
        slug: Set(slug),
        status: Set(status),
        rating_sum: Set(0),
        rating_count: Set(0),
    };
    let insert = seller::Entity::insert(row).on_conflict(conflict);
    match insert.exec_without_returning(connection).await {
        Ok(_) | Err(DbErr::RecordNotInserted) => Ok(()),
        Err(error) => Err(error),
    }
}

/// Adds to a seller's rating (takes away with negative numbers).
pub async fn add_rating(connection: &impl ConnectionTrait, id: SellerId, change: Rating) -> Result<(), DbErr> {
    seller::Entity::update_many()
        .col_expr(seller::Column::RatingSum, Expr::col(seller::Column::RatingSum).add(change.sum))
        .col_expr(seller::Column::RatingCount, Expr::col(seller::Column::RatingCount).add(change.count))
        .filter(seller::Column::Id.eq(id))
        .exec(connection)
        .await?;
    Ok(())
}
