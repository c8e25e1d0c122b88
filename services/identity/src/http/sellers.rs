//! Shops.

use axum::extract::State;
use garde::Validate;
use serde::Deserialize;
use souk_platform::{
    http::{
        Body, Failure, IfMatch, List, Paging, Params, PathText, Reply,
        openapi::{Envelope, ListEnvelope},
    },
    security::{MaybeUser, Permission, User as Caller},
};
use utoipa::{IntoParams, ToSchema};

use super::{access, views::Seller};
use crate::{
    app::AppState,
    domain,
    error::Error,
    operations::{self, SellerChange},
    store::sellers::{self, Filter},
};

/// Whom to look for.
#[derive(Deserialize, Validate, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Search {
    /// Part of the name or the slug.
    #[garde(length(chars, max = 200))]
    q: Option<String>,
}

/// Sellers that were let in, newest first.
#[utoipa::path(get, path = "/sellers", tag = "identity", params(Search, Paging),
    responses((status = 200, body = ListEnvelope<Seller>), Failure))]
pub async fn list(
    State(app): State<AppState>,
    Params(search): Params<Search>,
    Paging(page): Paging,
) -> Result<List<Seller>, Error> {
    let filter = Filter { text: search.q, public: true, ..Filter::default() };
    Ok(List(sellers::list(&app.db.copies().await, filter, page).await?.map(Seller::public)))
}

/// What an applicant says about the shop.
#[derive(Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Application {
    #[garde(custom(domain::name))]
    name: String,
    /// At most 5000 characters.
    #[serde(default)]
    #[garde(length(chars, max = 5000))]
    description: String,
}

/// Applies to sell. The applicant becomes the owner of the team.
#[utoipa::path(post, path = "/sellers", tag = "identity", request_body = Application, security(("bearer" = [])),
    responses((status = 201, body = Envelope<Seller>), Failure))]
pub async fn apply(
    State(app): State<AppState>,
    Caller(me): Caller,
    Body(form): Body<Application>,
) -> Result<Reply<Seller>, Error> {
    access::current(&app, &me).await?;
    let application = operations::Application { name: form.name.trim().to_owned(), description: form.description };
    let (seller, role) = operations::apply_to_sell(&app.db, me.user_id, application, app.sellers.auto_approve).await?;
    let version = seller.version;
    Ok(Reply::created(Seller::inside(seller, Some(role))).etag(version))
}

/// The seller to whose team the caller belongs.
#[utoipa::path(get, path = "/sellers/me", tag = "identity", security(("bearer" = [])),
    responses((status = 200, body = Envelope<Seller>), Failure))]
pub async fn mine(State(app): State<AppState>, Caller(me): Caller) -> Result<Reply<Seller>, Error> {
    let team = access::current(&app, &me).await?.team;
    let (member, seller) = team.ok_or(Error::NotFound("seller"))?;
    let version = seller.version;
    Ok(Reply::ok(Seller::inside(seller, Some(member.role.0))).etag(version))
}

/// A seller's profile, by id or slug.
#[utoipa::path(get, path = "/sellers/{id}", tag = "identity", params(("id" = String, Path, description = "Id or slug")),
    security((), ("bearer" = [])), responses((status = 200, body = Envelope<Seller>), Failure))]
pub async fn show(
    State(app): State<AppState>,
    MaybeUser(me): MaybeUser,
    PathText(name): PathText,
) -> Result<Reply<Seller>, Error> {
    let seen = access::seller(&app, &name, me.as_ref()).await?;
    let version = seen.seller.version;
    let inside = seen.is_inside();
    let seller = if inside { Seller::inside(seen.seller, seen.team_role) } else { Seller::public(seen.seller) };
    Ok(Reply::ok(seller).etag(version))
}

/// The fields to replace; absent ones stay as they are.
#[derive(Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Change {
    #[garde(inner(custom(domain::name)))]
    name: Option<String>,
    /// At most 5000 characters.
    #[garde(length(chars, max = 5000))]
    description: Option<String>,
    /// Closes the shop for a while, or opens it again.
    #[garde(skip)]
    holiday: Option<bool>,
}

/// Changes a seller's profile, for its owner and managers and the operator.
#[utoipa::path(method(put, patch), path = "/sellers/{id}", tag = "identity", request_body = Change,
    params(("id" = String, Path, description = "Id or slug"), IfMatch), security(("bearer" = [])),
    responses((status = 200, body = Envelope<Seller>), Failure))]
pub async fn update(
    State(app): State<AppState>,
    Caller(me): Caller,
    PathText(name): PathText,
    IfMatch(version): IfMatch,
    Body(form): Body<Change>,
) -> Result<Reply<Seller>, Error> {
    let seen = access::seller(&app, &name, Some(&me)).await?;
    seen.require(Permission::Profile)?;
    let Change { name, description, holiday } = form;
    let change = SellerChange { name: name.map(|name| name.trim().to_owned()), description, holiday };
    let seller = operations::update_seller(&app.db, seen.seller.id, version, change).await?;
    let version = seller.version;
    Ok(Reply::ok(Seller::inside(seller, seen.team_role)).etag(version))
}
