//! Sellers as search knows them.

use sea_orm::{
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, IntoActiveModel, QueryFilter,
    sea_query::{Expr, ExprTrait, OnConflict},
};
use souk_kernel::SellerId;
use souk_platform::db::Reader;

use super::entities::seller;
pub use super::entities::seller::Model as Seller;

/// Everybody: a marketplace has far fewer sellers than products.
pub async fn all(connection: &Reader) -> Result<Vec<Seller>, DbErr> {
    seller::Entity::find().all(connection).await
}

/// Notes name and standing; the rating stays.
pub async fn describe(connection: &impl ConnectionTrait, seller: Seller) -> Result<(), DbErr> {
    store(connection, seller, &[seller::Column::Name, seller::Column::Slug, seller::Column::Status]).await
}

/// Notes all of it.
pub async fn replace(connection: &impl ConnectionTrait, seller: Seller) -> Result<(), DbErr> {
    use seller::Column::{Name, RatingCount, RatingSum, Slug, Status};
    store(connection, seller, &[Name, Slug, Status, RatingSum, RatingCount]).await
}

async fn store(connection: &impl ConnectionTrait, seller: Seller, columns: &[seller::Column]) -> Result<(), DbErr> {
    let conflict = OnConflict::column(seller::Column::Id).update_columns(columns.iter().copied()).to_owned();
    seller::Entity::insert(seller.into_active_model()).on_conflict(conflict).exec_without_returning(connection).await?;
    Ok(())
}

/// Adds stars and reviews to a seller's rating, or takes them out.
pub async fn add_stars(connection: &impl ConnectionTrait, id: SellerId, stars: i64, reviews: i64) -> Result<(), DbErr> {
    seller::Entity::update_many()
        .col_expr(seller::Column::RatingSum, Expr::col(seller::Column::RatingSum).add(stars))
        .col_expr(seller::Column::RatingCount, Expr::col(seller::Column::RatingCount).add(reviews))
        .filter(seller::Column::Id.eq(id))
        .exec(connection)
        .await?;
    Ok(())
}
