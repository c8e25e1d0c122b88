//! Categories and how many products they hold.

use std::collections::HashMap;

use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, IntoActiveModel, QueryFilter, QuerySelect,
    sea_query::Expr,
};
use souk_kernel::{CategoryId, Timestamp};

use super::entities::{
    category::{self, StoredDefinitions},
    product,
};
use crate::domain::category::{Category, CategoryTree};

impl From<category::Model> for Category {
    fn from(row: category::Model) -> Self {
        let category::Model { id, slug, name, parent_id, attributes, version, created_at, updated_at } = row;
        Self { id, slug, name, parent_id, attributes: attributes.0, version, created_at, updated_at }
    }
}

impl From<Category> for category::Model {
    fn from(category: Category) -> Self {
        let Category { id, slug, name, parent_id, attributes, version, created_at, updated_at } = category;
        let attributes = StoredDefinitions(attributes);
        Self { id, slug, name, parent_id, attributes, version, created_at, updated_at }
    }
}

/// All categories.
pub async fn tree(connection: &impl ConnectionTrait) -> Result<CategoryTree, DbErr> {
    let rows = category::Entity::find().all(connection).await?;
    Ok(CategoryTree::new(rows.into_iter().map(Category::from).collect()))
}

/// A new category.
pub async fn insert(connection: &impl ConnectionTrait, category: Category) -> Result<(), DbErr> {
    let row = category::Model::from(category).into_active_model();
    category::Entity::insert(row).exec_without_returning(connection).await?;
    Ok(())
}

/// Replaces a category that still has version `seen`; false when it hasn't.
pub async fn update(connection: &impl ConnectionTrait, category: Category, seen: i64) -> Result<bool, DbErr> {
    let id = category.id;
    let row = category::Model::from(category).into_active_model().reset_all();
    let update = category::Entity::update_many().set(row).filter(category::Column::Id.eq(id));
    let done = update.filter(category::Column::Version.eq(seen)).exec(connection).await?;
    Ok(done.rows_affected == 1)
}

/// Moves the children and the products (archived ones too) of one category to another.
pub async fn move_contents(
    connection: &impl ConnectionTrait,
    from: CategoryId,
    to: CategoryId,
    now: Timestamp,
) -> Result<(), DbErr> {
    category::Entity::update_many()
        .col_expr(category::Column::ParentId, Expr::value(to))
        .col_expr(category::Column::UpdatedAt, Expr::value(now))
        .filter(category::Column::ParentId.eq(from))
        .exec(connection)
        .await?;
    product::Entity::update_many()
        .col_expr(product::Column::CategoryId, Expr::value(to))
        .filter(product::Column::CategoryId.eq(from))
        .exec(connection)
        .await?;
    Ok(())
}

/// Whether any product, archived ones included, is in the category.
pub async fn holds_products(connection: &impl ConnectionTrait, id: CategoryId) -> Result<bool, DbErr> {
    let one = product::Entity::find().select_only().column(product::Column::Id);
    let found = one.filter(product::Column::CategoryId.eq(id)).limit(1).into_tuple::<souk_kernel::ProductId>();
    Ok(found.one(connection).await?.is_some())
}

/// Removes an empty category.
pub async fn delete(connection: &impl ConnectionTrait, id: CategoryId) -> Result<(), DbErr> {
    category::Entity::delete_by_id(id).exec(connection).await?;
    Ok(())
}

/// Public products directly in each category.
pub async fn counts(connection: &impl ConnectionTrait) -> Result<HashMap<CategoryId, i64>, DbErr> {
    let rows: Vec<(CategoryId, i64)> = product::Entity::find()
        .select_only()
        .column(product::Column::CategoryId)
        .column_as(product::Column::Id.count(), "products")
        .filter(product::Column::Public.eq(true))
        .group_by(product::Column::CategoryId)
        .into_tuple()
        .all(connection)
        .await?;
    Ok(rows.into_iter().collect())
}
