//! `/categories`

use std::collections::HashMap;

use axum::{
    extract::State,
    http::header,
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};
use souk_kernel::{CategoryId, Page, Timestamp};
use souk_platform::{
    http::{
        Body, Encoded, Failure, IfMatch, NoContent, Params, PathId, PathText, Reply,
        openapi::{Envelope, ListEnvelope},
    },
    security::Admin,
};
use utoipa::{IntoParams, ToSchema};

use super::products::public;
use crate::{
    app::{App, AppState},
    domain::{attributes::Definition, category::CategoryTree},
    error::Error,
    operations::{
        change_category::{CategoryUpdate, change_category},
        remove_category::remove_category,
        store_category::{NewCategory, create_category},
    },
};

/// A category with all that is below it.
#[derive(Debug, Serialize, ToSchema)]
pub struct Category<'a> {
    id: CategoryId,
    name: &'a str,
    slug: &'a str,
    parent_id: Option<CategoryId>,
    /// Names from the root down to the category.
    path: Vec<&'a str>,
    /// Its own definitions; those of the categories above hold as well.
    attributes: &'a [Definition],
    #[schema(no_recursion)]
    children: Vec<Category<'a>>,
    /// Public products, those of all descendants included.
    product_count: i64,
    version: i64,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    updated_at: Timestamp,
}

fn view<'a>(tree: &'a CategoryTree, counts: &HashMap<CategoryId, i64>, id: CategoryId) -> Option<Category<'a>> {
    let category = tree.get(id)?;
    let children: Vec<Category<'a>> = tree.children(id).iter().filter_map(|child| view(tree, counts, *child)).collect();
    let below: i64 = children.iter().map(|child| child.product_count).sum();
    Some(Category {
        id,
        name: &category.name,
        slug: &category.slug,
        parent_id: category.parent_id,
        path: tree.path(id),
        attributes: &category.attributes,
        children,
        product_count: below + counts.get(&id).copied().unwrap_or_default(),
        version: category.version,
        created_at: category.created_at,
        updated_at: category.updated_at,
    })
}

/// Which part of the roots.
#[derive(Debug, Deserialize, IntoParams, garde::Validate)]
#[into_params(parameter_in = Query)]
pub struct RootParams {
    /// Roots wanted, 1 to 100; 100 when absent.
    #[garde(range(min = 1, max = 100))]
    #[serde(default = "all_roots")]
    limit: u64,
    /// Roots to skip.
    #[garde(range(max = 1_000_000))]
    #[serde(default)]
    offset: u64,
}

fn all_roots() -> u64 {
    100
}

/// The tree of categories.
#[utoipa::path(get, path = "/categories", tag = "catalog", params(RootParams),
    responses((status = 200, body = ListEnvelope<Category>), Failure))]
pub async fn list(State(app): State<AppState>, Params(params): Params<RootParams>) -> Result<Response, Error> {
    let RootParams { limit, offset } = params;
    let key = (app.caches.edition(), limit, offset);
    let fill = || async { encode_roots(&app, limit, offset).await.map_err(souk_kernel::Problem::from) };
    let roots = Reply::raw(app.caches.roots.get_or_fill(key, fill).await?);
    Ok(roots.header(header::CACHE_CONTROL, public(&app)).into_response())
}

async fn encode_roots(app: &App, limit: u64, offset: u64) -> Result<Encoded, Error> {
    let (tree, counts) = (app.categories().await?, app.product_counts().await?);
    let wanted = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
    let roots = tree.roots().iter().skip(wanted(offset)).take(wanted(limit));
    let items: Vec<Category<'_>> = roots.filter_map(|root| view(&tree, &counts, *root)).collect();
    let total = tree.roots().len() as u64;
    Ok(Encoded::of_page(&Page { items, limit, offset, total, next_cursor: None })?)
}

/// A category by id or slug, with all that is below it.
#[utoipa::path(get, path = "/categories/{id}", tag = "catalog",
    params(("id" = String, Path, description = "Id or slug")),
    responses((status = 200, body = Envelope<Category>), Failure))]
pub async fn get(State(app): State<AppState>, PathText(name): PathText) -> Result<Reply<Encoded>, Error> {
    let id = app.categories().await?.find(&name).map(|category| category.id);
    let found = shown(&app, id.ok_or_else(|| Error::not_found("category"))?).await?;
    Ok(found.header(header::CACHE_CONTROL, public(&app)))
}

async fn shown(app: &App, id: CategoryId) -> Result<Reply<Encoded>, Error> {
    let (tree, counts) = (app.categories().await?, app.product_counts().await?);
    let category = view(&tree, &counts, id).ok_or_else(|| Error::not_found("category"))?;
    Ok(Reply::ok(Encoded::of(&category)?).etag(category.version))
}

/// Makes a category.
#[utoipa::path(post, path = "/categories", tag = "catalog", security(("bearer" = [])), request_body = NewCategory,
    responses((status = 201, body = Envelope<Category>), Failure))]
pub async fn create(State(app): State<AppState>, _: Admin, Body(new): Body<NewCategory>) -> Result<Response, Error> {
    let id = create_category(&app, new).await?;
    let mut created =
        shown(&app, id).await?.header(header::LOCATION, format!("/api/v1/categories/{id}")).into_response();
    *created.status_mut() = axum::http::StatusCode::CREATED;
    Ok(created)
}

/// Changes a category.
#[utoipa::path(method(put, patch), path = "/categories/{id}", tag = "catalog", security(("bearer" = [])),
    params(("id" = CategoryId, Path), IfMatch), request_body = CategoryUpdate,
    responses((status = 200, body = Envelope<Category>), Failure))]
pub async fn update(
    State(app): State<AppState>,
    PathId(id): PathId<CategoryId>,
    _: Admin,
    IfMatch(seen): IfMatch,
    Body(wish): Body<CategoryUpdate>,
) -> Result<Reply<Encoded>, Error> {
    change_category(&app, id, seen, wish).await?;
    shown(&app, id).await
}

/// Where the contents of a category go.
#[derive(Debug, Deserialize, IntoParams, garde::Validate)]
#[into_params(parameter_in = Query)]
pub struct RemoveParams {
    /// Id or slug of the category that takes the products and the categories below; without it there must be none.
    #[garde(length(chars, max = 200))]
    move_to: Option<String>,
}

/// Removes a category.
#[utoipa::path(delete, path = "/categories/{id}", tag = "catalog", security(("bearer" = [])),
    params(("id" = CategoryId, Path), RemoveParams), responses((status = 204), Failure))]
pub async fn remove(
    State(app): State<AppState>,
    PathId(id): PathId<CategoryId>,
    _: Admin,
    Params(params): Params<RemoveParams>,
) -> Result<NoContent, Error> {
    remove_category(&app, id, params.move_to).await?;
    Ok(NoContent)
}
