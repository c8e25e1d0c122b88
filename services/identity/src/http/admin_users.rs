//! Accounts, as the operator sees them.

use axum::extract::State;
use garde::Validate;
use serde::Deserialize;
use souk_kernel::{Problem, UserId};
use souk_platform::{
    http::{
        Body, Failure, List, Paging, Params, PathId, Reply,
        openapi::{Envelope, ListEnvelope},
    },
    security::{Admin, Role, Support},
};
use utoipa::{IntoParams, ToSchema};

use super::views::User;
use crate::{
    app::AppState,
    domain::{AccountStatus, Roles},
    error::Error,
    operations,
    store::{
        members,
        users::{self, Filter, Person},
    },
};

/// Whom to look for.
#[derive(Deserialize, Validate, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Search {
    /// Part of the address or the name.
    #[garde(length(chars, max = 200))]
    q: Option<String>,
    /// The whole address.
    #[garde(length(max = 254))]
    email: Option<String>,
    #[garde(skip)]
    #[param(inline)]
    role: Option<Role>,
    /// Deleted accounts are listed only when asked for.
    #[garde(skip)]
    #[param(inline)]
    status: Option<AccountStatus>,
}

/// Accounts, newest first.
#[utoipa::path(get, path = "/admin/users", tag = "identity", params(Search, Paging), security(("bearer" = [])),
    responses((status = 200, body = ListEnvelope<User>), Failure))]
pub async fn list(
    State(app): State<AppState>,
    _: Support,
    Params(search): Params<Search>,
    Paging(page): Paging,
) -> Result<List<User>, Error> {
    let conn = &app.db.copies().await;
    let Search { q: text, email, role, status } = search;
    let page = users::list(conn, Filter { text, email, role, status }, page).await?;
    let mut teams = members::teams_of(conn, page.items.iter().map(|user| user.id).collect()).await?;
    Ok(List(page.map(|user| Person { team: teams.remove(&user.id), user }.into())))
}

/// The roles that somebody is to have. `buyer` goes without saying; `seller` follows from a seller's team.
#[derive(Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WantedRoles {
    #[garde(length(max = 10))]
    roles: Vec<Role>,
}

/// Grants the roles that are named and takes the others.
#[utoipa::path(method(put, patch), path = "/admin/users/{id}/roles", tag = "identity", request_body = WantedRoles,
    params(("id" = UserId, Path)), security(("bearer" = [])), responses((status = 200, body = Envelope<User>), Failure))]
pub async fn set_roles(
    State(app): State<AppState>,
    Admin(me): Admin,
    PathId(id): PathId<UserId>,
    Body(form): Body<WantedRoles>,
) -> Result<Reply<User>, Error> {
    if form.roles.contains(&Role::Seller) {
        return Err(Problem::invalid("roles", "seller follows from a seller's team and can't be granted").into());
    }
    Ok(Reply::ok(operations::set_roles(&app.db, me.user_id, id, Roles::granted(&form.roles)).await?.into()))
}

/// Closes an account for now; its sessions end.
#[utoipa::path(post, path = "/admin/users/{id}/suspend", tag = "identity", params(("id" = UserId, Path)),
    security(("bearer" = [])), responses((status = 200, body = Envelope<User>), Failure))]
pub async fn suspend(
    State(app): State<AppState>,
    Admin(me): Admin,
    PathId(id): PathId<UserId>,
) -> Result<Reply<User>, Error> {
    Ok(Reply::ok(operations::set_suspended(&app, me.user_id, id, true).await?.into()))
}

/// Opens a suspended account again.
#[utoipa::path(post, path = "/admin/users/{id}/activate", tag = "identity", params(("id" = UserId, Path)),
    security(("bearer" = [])), responses((status = 200, body = Envelope<User>), Failure))]
pub async fn activate(
    State(app): State<AppState>,
    Admin(me): Admin,
    PathId(id): PathId<UserId>,
) -> Result<Reply<User>, Error> {
    Ok(Reply::ok(operations::set_suspended(&app, me.user_id, id, false).await?.into()))
}
