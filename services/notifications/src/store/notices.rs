//! The in-app inbox.

use sea_orm::{
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, IntoActiveModel, QueryFilter, QuerySelect, entity::prelude::*,
    sea_query::Expr,
};
use souk_kernel::{NotificationId, Page, PageQuery, Timestamp, UserId};
use souk_platform::db::{Reader, Tx, newest_first};

use crate::error::Error;

/// One notification to one person.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "notices")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: NotificationId,
    pub user_id: UserId,
    /// What happened, for example `order_shipped`.
    pub kind: String,
    pub title: String,
    #[sea_orm(column_type = "Text")]
    pub body: String,
    /// The page about it, without the marketplace's address.
    pub link: Option<String>,
    pub read_at: Option<DateTimeUtc>,
    pub created_at: DateTimeUtc,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

pub fn insert_many(tx: &Tx, notices: Vec<Model>) {
    if !notices.is_empty() {
        tx.defer(&Entity::insert_many(notices.into_iter().map(IntoActiveModel::into_active_model)));
    }
}

/// Somebody's own notification.
pub async fn find_for(conn: &impl ConnectionTrait, id: NotificationId, user: UserId) -> Result<Option<Model>, DbErr> {
    Entity::find_by_id(id).filter(Column::UserId.eq(user)).one(conn).await
}

/// Somebody's notifications, newest first.
pub async fn list_for(
    conn: &Reader,
    user: UserId,
    unread: Option<bool>,
    page: PageQuery,
) -> Result<Page<Model>, Error> {
    let mut rows = Entity::find().filter(Column::UserId.eq(user));
    rows = match unread {
        None => rows,
        Some(true) => rows.filter(Column::ReadAt.is_null()),
        Some(false) => rows.filter(Column::ReadAt.is_not_null()),
    };
    newest_first(conn, rows, Column::Id, |notice| notice.id, &page).await
}

/// Marks one, or all, of somebody's notifications as read. Answers how many were unread.
pub async fn mark_read(
    conn: &impl ConnectionTrait,
    user: UserId,
    only: Option<NotificationId>,
    now: Timestamp,
) -> Result<u64, DbErr> {
    let mut update = Entity::update_many()
        .col_expr(Column::ReadAt, Expr::value(now))
        .filter(Column::UserId.eq(user))
        .filter(Column::ReadAt.is_null());
    if let Some(id) = only {
        update = update.filter(Column::Id.eq(id));
    }
    Ok(update.exec(conn).await?.rows_affected)
}

/// Forgets an account's inbox.
pub async fn forget_user(conn: &impl ConnectionTrait, user: UserId) -> Result<(), DbErr> {
    Entity::delete_many().filter(Column::UserId.eq(user)).exec(conn).await?;
    Ok(())
}

/// Forgets up to `limit` notifications that were read before `before`. Answers how many.
pub async fn purge(conn: &impl ConnectionTrait, before: Timestamp, limit: u64) -> Result<u64, DbErr> {
    let old = Entity::find().select_only().column(Column::Id).filter(Column::ReadAt.lt(before)).limit(limit);
    let ids: Vec<NotificationId> = old.into_tuple().all(conn).await?;
    if ids.is_empty() {
        return Ok(0);
    }
    Ok(Entity::delete_many().filter(Column::Id.is_in(ids)).exec(conn).await?.rows_affected)
}
