//! Many rows in few statements.

use sea_orm::{ActiveModelTrait, ConnectionTrait, DbErr, EntityTrait, IntoActiveModel, ModelTrait};

/// Rows in one statement. Few sizes make few different statements, which the database then keeps prepared; the largest
/// stays below the least limit on parameters of any supported database (32,766) for every table of ours.
const SIZES: [usize; 5] = [256, 64, 16, 4, 1];

/// Ids in one `IN (…)`.
pub const IDS: usize = 500;

/// Inserts all rows.
pub async fn insert<M>(connection: &impl ConnectionTrait, rows: Vec<M>) -> Result<(), DbErr>
where
    M: ModelTrait + IntoActiveModel<<M::Entity as EntityTrait>::ActiveModel>,
    <M::Entity as EntityTrait>::ActiveModel: ActiveModelTrait<Entity = M::Entity> + Send,
{
    let mut rows = rows.into_iter();
    for size in SIZES {
        while rows.len() >= size {
            let batch = rows.by_ref().take(size).map(IntoActiveModel::into_active_model);
            M::Entity::insert_many(batch).exec_without_returning(connection).await?;
        }
    }
    Ok(())
}
