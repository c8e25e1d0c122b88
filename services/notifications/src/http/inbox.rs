//! The in-app inbox.

use axum::extract::State;
use chrono::{DateTime, Utc};
use garde::Validate;
use serde::{Deserialize, Serialize};
use souk_kernel::{NotificationId, UserId};
use souk_platform::{
    http::{
        Failure, List, Paging, Params, PathId, Reply,
        openapi::{Envelope, ListEnvelope},
    },
    security::User as Caller,
};
use utoipa::{IntoParams, ToSchema};

use crate::{app::AppState, error::Error, operations, store::notices};

/// One notification.
#[derive(Debug, Serialize, ToSchema)]
pub struct Notification {
    id: NotificationId,
    /// What happened, for example `order_shipped`.
    kind: String,
    title: String,
    body: String,
    /// The page about it.
    link: Option<String>,
    read: bool,
    read_at: Option<DateTime<Utc>>,
    created_at: DateTime<Utc>,
}

impl From<notices::Model> for Notification {
    fn from(notice: notices::Model) -> Self {
        let notices::Model { id, user_id: _, kind, title, body, link, read_at, created_at } = notice;
        Self { id, kind, title, body, link, read: read_at.is_some(), read_at, created_at }
    }
}

/// Which ones.
#[derive(Deserialize, Validate, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Which {
    /// Only unread ones, or only read ones.
    #[garde(skip)]
    unread: Option<bool>,
}

/// The own notifications, newest first.
#[utoipa::path(get, path = "/notifications", tag = "notifications", params(Which, Paging), security(("bearer" = [])),
    responses((status = 200, body = ListEnvelope<Notification>), Failure))]
pub async fn list(
    State(app): State<AppState>,
    Caller(me): Caller,
    Params(which): Params<Which>,
    Paging(page): Paging,
) -> Result<List<Notification>, Error> {
    let page = notices::list_for(&app.db.copies().await, me.user_id, which.unread, page).await?;
    Ok(List(page.map(Notification::from)))
}

/// Marks one notification as read.
#[utoipa::path(method(put, patch), path = "/notifications/{id}/read", tag = "notifications",
    params(("id" = NotificationId, Path)), security(("bearer" = [])),
    responses((status = 200, body = Envelope<Notification>), Failure))]
pub async fn read(
    State(app): State<AppState>,
    Caller(me): Caller,
    PathId(id): PathId<NotificationId>,
) -> Result<Reply<Notification>, Error> {
    Ok(Reply::ok(operations::read_one(&app.db, me.user_id, id).await?.into()))
}

/// What became of the inbox.
#[derive(Debug, Serialize, ToSchema)]
pub struct Read {
    user_id: UserId,
    /// How many were unread.
    read: u64,
}

/// Marks all notifications as read.
#[utoipa::path(method(put, patch), path = "/notifications/read", tag = "notifications", security(("bearer" = [])),
    responses((status = 200, body = Envelope<Read>), Failure))]
pub async fn read_all(State(app): State<AppState>, Caller(me): Caller) -> Result<Reply<Read>, Error> {
    Ok(Reply::ok(Read { user_id: me.user_id, read: operations::read_all(&app.db, me.user_id).await? }))
}
