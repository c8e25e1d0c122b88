//! The team of a seller.

use axum::extract::State;
use chrono::{DateTime, Utc};
use garde::Validate;
use serde::{Deserialize, Serialize};
use souk_kernel::{Page, PageQuery, SellerId, UserId};
use souk_platform::{
    http::{
        Body, Failure, List, NoContent, PathId, PathIds, Reply,
        openapi::{Envelope, ListEnvelope},
    },
    security::{Permission, TeamRole, User as Caller},
};
use utoipa::ToSchema;

use super::access;
use crate::{
    app::AppState,
    domain,
    error::Error,
    operations,
    store::{members, users},
};

/// Somebody in the team.
#[derive(Debug, Serialize, ToSchema)]
pub struct Member {
    user_id: UserId,
    name: String,
    email: String,
    role: TeamRole,
    since: DateTime<Utc>,
}

impl From<(members::Model, users::Model)> for Member {
    fn from((member, user): (members::Model, users::Model)) -> Self {
        let users::Model { id: user_id, name, email, .. } = user;
        Self { user_id, name, email, role: member.role.0, since: member.created_at }
    }
}

/// Everybody in the team, for the team and the operator. Teams are small: always one page.
#[utoipa::path(get, path = "/sellers/{id}/members", tag = "identity", params(("id" = SellerId, Path)),
    security(("bearer" = [])), responses((status = 200, body = ListEnvelope<Member>), Failure))]
pub async fn list(
    State(app): State<AppState>,
    Caller(me): Caller,
    PathId(id): PathId<SellerId>,
) -> Result<List<Member>, Error> {
    let seen = access::seller(&app, &id.to_string(), Some(&me)).await?;
    if !seen.is_inside() {
        return Err(Error::Forbidden("only its team may see this"));
    }
    let team = members::list(app.db.reader(), id).await?;
    let items: Vec<Member> = team.into_iter().map(Member::from).collect();
    let total = items.len() as u64;
    Ok(List(Page { items, limit: total.max(PageQuery::DEFAULT_LIMIT), offset: 0, total, next_cursor: None }))
}

/// Whom to take into the team.
#[derive(Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewMember {
    /// Of an account.
    #[garde(custom(domain::email))]
    email: String,
    #[garde(skip)]
    role: TeamRole,
}

/// Takes somebody who has an account into the team.
#[utoipa::path(post, path = "/sellers/{id}/members", tag = "identity", request_body = NewMember,
    params(("id" = SellerId, Path)), security(("bearer" = [])),
    responses((status = 201, body = Envelope<Member>), Failure))]
pub async fn add(
    State(app): State<AppState>,
    Caller(me): Caller,
    PathId(id): PathId<SellerId>,
    Body(form): Body<NewMember>,
) -> Result<Reply<Member>, Error> {
    access::seller(&app, &id.to_string(), Some(&me)).await?.require(Permission::Team)?;
    Ok(Reply::created(operations::add_member(&app.db, id, form.email, form.role).await?.into()))
}

/// The new role.
#[derive(Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangedMember {
    #[garde(skip)]
    role: TeamRole,
}

/// Gives a member another role. A team keeps an owner.
#[utoipa::path(method(put, patch), path = "/sellers/{id}/members/{user_id}", tag = "identity",
    request_body = ChangedMember, params(("id" = SellerId, Path), ("user_id" = UserId, Path)), security(("bearer" = [])),
    responses((status = 200, body = Envelope<Member>), Failure))]
pub async fn change(
    State(app): State<AppState>,
    Caller(me): Caller,
    PathIds(id, user): PathIds<SellerId, UserId>,
    Body(form): Body<ChangedMember>,
) -> Result<Reply<Member>, Error> {
    access::seller(&app, &id.to_string(), Some(&me)).await?.require(Permission::Team)?;
    Ok(Reply::ok(operations::change_member(&app.db, id, user, form.role).await?.into()))
}

/// Takes a member out of the team; everybody may leave themselves. A team keeps an owner.
#[utoipa::path(delete, path = "/sellers/{id}/members/{user_id}", tag = "identity",
    params(("id" = SellerId, Path), ("user_id" = UserId, Path)), security(("bearer" = [])),
    responses((status = 204), Failure))]
pub async fn remove(
    State(app): State<AppState>,
    Caller(me): Caller,
    PathIds(id, user): PathIds<SellerId, UserId>,
) -> Result<NoContent, Error> {
    let seen = access::seller(&app, &id.to_string(), Some(&me)).await?;
    if me.user_id != user {
        seen.require(Permission::Team)?;
    }
    operations::remove_member(&app.db, id, user).await?;
    Ok(NoContent)
}
