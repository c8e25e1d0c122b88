//! Outgoing mail: the queue, the delivery log, and with the `mailbox` transport the mailbox itself.

use sea_orm::{
    ActiveValue::NotSet,
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, IntoActiveModel, QueryFilter, QuerySelect,
    entity::prelude::*,
    sea_query::{Expr, ExprTrait},
};
use souk_kernel::{NotificationId, Page, PageQuery, Timestamp, UserId};
use souk_platform::db::{Reader, Tx, newest_first};

use crate::{
    domain::{MailStatus, Next},
    error::Error,
};

/// One mail to one person.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "mails")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: NotificationId,
    /// Whose account it is about; guests have none.
    pub user_id: Option<UserId>,
    /// As it was given.
    pub email: String,
    /// In lower case.
    pub email_key: String,
    pub template: String,
    pub subject: String,
    #[sea_orm(column_type = "Text")]
    pub text: String,
    #[sea_orm(column_type = "Text")]
    pub html: String,
    pub status: MailStatus,
    /// That failed.
    pub attempts: i32,
    #[sea_orm(column_type = "Text", nullable)]
    pub last_error: Option<String>,
    /// When it is tried again.
    pub next_at: Option<DateTimeUtc>,
    pub sent_at: Option<DateTimeUtc>,
    pub created_at: DateTimeUtc,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

pub fn insert_many(tx: &Tx, mails: Vec<Model>) {
    if !mails.is_empty() {
        tx.defer(&Entity::insert_many(mails.into_iter().map(IntoActiveModel::into_active_model)));
    }
}

pub async fn find(conn: &impl ConnectionTrait, id: NotificationId) -> Result<Option<Model>, DbErr> {
    Entity::find_by_id(id).one(conn).await
}

/// Notes how an attempt ended, if the mail still waits.
pub async fn note(conn: &impl ConnectionTrait, id: NotificationId, next: &Next, now: Timestamp) -> Result<(), DbErr> {
    let none = || Expr::value(None::<Timestamp>);
    let failed = || Expr::col(Column::Attempts).add(1);
    let update = Entity::update_many().filter(Column::Id.eq(id)).filter(Column::Status.eq(MailStatus::Queued));
    let update = match next {
        Next::Done => update
            .col_expr(Column::Status, Expr::value(MailStatus::Sent))
            .col_expr(Column::SentAt, Expr::value(now))
            .col_expr(Column::NextAt, none()),
        Next::Again { at, error } => update
            .col_expr(Column::Attempts, failed())
            .col_expr(Column::LastError, Expr::value(error.clone()))
            .col_expr(Column::NextAt, Expr::value(*at)),
        Next::GiveUp { error } => update
            .col_expr(Column::Status, Expr::value(MailStatus::Dead))
            .col_expr(Column::Attempts, failed())
            .col_expr(Column::LastError, Expr::value(error.clone()))
            .col_expr(Column::NextAt, none()),
    };
    update.exec(conn).await?;
    Ok(())
}

/// Puts a mail that was given up back into the queue; false when it wasn't.
pub async fn revive(conn: &impl ConnectionTrait, id: NotificationId, now: Timestamp) -> Result<bool, DbErr> {
    let change = ActiveModel {
        id: NotSet,
        status: sea_orm::ActiveValue::Set(MailStatus::Queued),
        attempts: sea_orm::ActiveValue::Set(0),
        next_at: sea_orm::ActiveValue::Set(Some(now)),
        ..Default::default()
    };
    let update =
        Entity::update_many().set(change).filter(Column::Id.eq(id)).filter(Column::Status.eq(MailStatus::Dead));
    Ok(update.exec(conn).await?.rows_affected == 1)
}

/// What an operator looks for.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// The whole address, in any case.
    pub to: Option<String>,
    pub template: Option<String>,
    pub status: Option<MailStatus>,
}

/// Mails, newest first.
pub async fn list(conn: &Reader, filter: Filter, page: PageQuery) -> Result<Page<Model>, Error> {
    let mut rows = Entity::find();
    if let Some(to) = filter.to {
        rows = rows.filter(Column::EmailKey.eq(to.to_ascii_lowercase()));
    }
    if let Some(template) = filter.template {
        rows = rows.filter(Column::Template.eq(template));
    }
    if let Some(status) = filter.status {
        rows = rows.filter(Column::Status.eq(status));
    }
    newest_first(conn, rows, Column::Id, |mail| mail.id, &page).await
}

/// Forgets what was written to an account.
pub async fn forget_user(conn: &impl ConnectionTrait, user: UserId) -> Result<(), DbErr> {
    Entity::delete_many().filter(Column::UserId.eq(user)).exec(conn).await?;
    Ok(())
}

/// Forgets up to `limit` mails that were written before `before`. Answers how many.
pub async fn purge(conn: &impl ConnectionTrait, before: Timestamp, limit: u64) -> Result<u64, DbErr> {
    let old = Entity::find().select_only().column(Column::Id).filter(Column::CreatedAt.lt(before)).limit(limit);
    let ids: Vec<NotificationId> = old.into_tuple().all(conn).await?;
    if ids.is_empty() {
        return Ok(0);
    }
    Ok(Entity::delete_many().filter(Column::Id.is_in(ids)).exec(conn).await?.rows_affected)
}
