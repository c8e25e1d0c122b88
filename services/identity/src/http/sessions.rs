//! The own sessions: where somebody is logged in.

use axum::extract::State;
use chrono::{DateTime, Utc};
use serde::Serialize;
use souk_kernel::SessionId;
use souk_platform::{
    http::{Failure, List, NoContent, Paging, PathId, openapi::ListEnvelope},
    security::User as Caller,
};
use utoipa::ToSchema;

use super::access;
use crate::{app::AppState, error::Error, operations, store::sessions};

/// One login on one device.
#[derive(Debug, Serialize, ToSchema)]
pub struct SessionInfo {
    id: SessionId,
    created_at: DateTime<Utc>,
    used_at: DateTime<Utc>,
    expires_at: DateTime<Utc>,
    /// Whether the request came with its token.
    current: bool,
}

/// Sessions that go on, newest first.
#[utoipa::path(get, path = "/users/me/sessions", tag = "identity", params(Paging), security(("bearer" = [])),
    responses((status = 200, body = ListEnvelope<SessionInfo>), Failure))]
pub async fn list(
    State(app): State<AppState>,
    Caller(me): Caller,
    Paging(page): Paging,
) -> Result<List<SessionInfo>, Error> {
    access::current(&app, &me).await?;
    let page = sessions::list_live(app.db.reader(), me.user_id, app.db.clock().now(), page).await?;
    Ok(List(page.map(|session| SessionInfo {
        id: session.id,
        created_at: session.created_at,
        used_at: session.used_at,
        expires_at: session.expires_at,
        current: session.id == me.session_id,
    })))
}

/// Ends one of them.
#[utoipa::path(delete, path = "/users/me/sessions/{id}", tag = "identity", params(("id" = SessionId, Path)),
    security(("bearer" = [])), responses((status = 204), Failure))]
pub async fn end(
    State(app): State<AppState>,
    Caller(me): Caller,
    PathId(id): PathId<SessionId>,
) -> Result<NoContent, Error> {
    access::current(&app, &me).await?;
    operations::revoke_session(&app, me.user_id, id).await?;
    Ok(NoContent)
}
