//! `/products`

use axum::{
    extract::State,
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use bytes::{BufMut, Bytes, BytesMut};
use souk_kernel::{ErrorKind, Page, Problem, ProductId};
use souk_platform::{
    http::{
        Body, Encoded, Failure, IfMatch, IfNoneMatch, NoContent, NotModified, Paging, Params, PathId, PathText, Reply,
        etag,
        openapi::{Envelope, ListEnvelope},
    },
    security::{Permission, Seller},
};

use super::{
    filters::{self, ListParams},
    view,
    viewer::{Editor, Viewer},
};
use crate::{
    app::{App, AppState, Shown, load},
    error::Error,
    operations::{
        archive_product::archive_product,
        create_product::{NewProduct, create_product},
        update_plan::ProductUpdate,
        update_product::update_product,
    },
    store::{
        Scope,
        listing::{self, Filter, Sort},
        products,
    },
};

/// Products by category, seller, price, attributes.
#[utoipa::path(get, path = "/products", tag = "catalog", params(ListParams, Paging),
    responses((status = 200, body = ListEnvelope<view::Product>), Failure))]
pub async fn list(
    State(app): State<AppState>,
    viewer: Viewer,
    Paging(page): Paging,
    Params(params): Params<ListParams>,
) -> Result<Response, Error> {
    let Some((filter, sort)) = filters::read(&app, params).await? else {
        let empty: Page<()> =
            Page { items: Vec::new(), limit: page.limit, offset: page.offset, total: 0, next_cursor: None };
        return Ok(Reply::raw(Encoded::of_page(&empty)?).into_response());
    };
    if filter.statuses.is_some() {
        // What isn't public: each sees what is theirs, and nobody learns of the rest.
        return match viewer.scope().await? {
            Scope::Public => {
                let none =
                    Page { items: Vec::new(), limit: page.limit, offset: page.offset, total: 0, next_cursor: None };
                Ok(array(none, Vec::new())?.into_response())
            }
            scope => {
                let page = owners_page(&app, filter, scope, sort, page).await?;
                Ok(page.header(header::CACHE_CONTROL, HeaderValue::from_static("no-store")).into_response())
            }
        };
    }
    let found = app.public_page(&filter, sort, page).await?;
    let shown = app.shown_many(&found.items).await?;
    let items = shown.into_iter().map(|shown| shown.json).collect();
    let Page { limit, offset, total, .. } = *found;
    let page = Page { items: Vec::new(), limit, offset, total, next_cursor: found.next_cursor.clone() };
    Ok(array(page, items)?.header(header::CACHE_CONTROL, public(&app)).into_response())
}

/// One page of what isn't public, read as it is now.
pub async fn owners_page(
    app: &App,
    filter: Filter,
    scope: Scope,
    sort: Sort,
    page: souk_kernel::PageQuery,
) -> Result<Reply<Encoded>, Error> {
    let conn = app.db.copies().await;
    let found = listing::page(&conn, &filter, scope, sort, page).await?;
    let tree = app.categories().await?;
    let (aggregates, sellers) = load(&conn, &found.items).await?;
    let view = |aggregate| Encoded::of(&view::product(aggregate, &sellers, &tree, &app.public_url, view::Eyes::Owner));
    let items = aggregates.iter().map(view).collect::<Result<_, _>>()?;
    array(found.map(drop), items)
}

/// Puts ready-encoded products into a list.
fn array(page: Page<()>, items: Vec<Encoded>) -> Result<Reply<Encoded>, Error> {
    let (_, meta) = Encoded::of_page(&Page { items: Vec::<()>::new(), ..page })?.into_parts();
    let mut data = BytesMut::with_capacity(items.iter().map(|item| item.size() + 1).sum::<usize>() + 2);
    data.put_u8(b'[');
    for (index, item) in items.into_iter().enumerate() {
        if index > 0 {
            data.put_u8(b',');
        }
        data.extend_from_slice(&item.into_parts().0);
    }
    data.put_u8(b']');
    Ok(Reply::raw(Encoded::from_parts(Bytes::from(data), meta)))
}

/// A product by id or slug.
#[utoipa::path(get, path = "/products/{id}", tag = "catalog",
    params(("id" = String, Path, description = "Id or slug")),
    responses((status = 200, body = Envelope<view::Product>), (status = 304), Failure))]
pub async fn get(
    State(app): State<AppState>,
    PathText(name): PathText,
    viewer: Viewer,
    held: IfNoneMatch,
) -> Result<Response, Error> {
    let unknown = || Error::not_found("product");
    let id = app.product_id(&name).await?.ok_or_else(unknown)?;
    if let Some(Shown { json, version, exact }) = app.shown(id).await? {
        let tag = etag(version);
        // Stock changes without the version; who holds an older count is not told that nothing changed.
        if exact && held.holds(&tag) {
            return Ok(NotModified::new(tag).header(header::CACHE_CONTROL, public(&app)).into_response());
        }
        return Ok(Reply::raw(json).etag(version).header(header::CACHE_CONTROL, public(&app)).into_response());
    }
    let scope = viewer.scope().await?;
    let found = products::find(app.db.reader(), id, scope).await?;
    found.filter(|found| scope.owns(found.product.seller_id)).ok_or_else(unknown)?;
    Ok(own(&app, id).await?.header(header::CACHE_CONTROL, HeaderValue::from_static("no-store")).into_response())
}

/// For answers that are the same for everybody.
pub fn public(app: &App) -> HeaderValue {
    HeaderValue::try_from(format!("public, max-age={}", app.config.cache.public_max_age.as_secs()))
        .expect("digits may stand in a header")
}

/// The product as its owner sees it.
pub async fn own(app: &App, id: ProductId) -> Result<Reply<Encoded>, Error> {
    let tree = app.categories().await?;
    let (aggregates, sellers) = app.load(&[id]).await?;
    let aggregate = aggregates.first().ok_or_else(|| Error::not_found("product"))?;
    let view = view::product(aggregate, &sellers, &tree, &app.public_url, view::Eyes::Owner);
    Ok(Reply::raw(Encoded::of(&view)?).etag(aggregate.product.version))
}

/// Lists a product.
#[utoipa::path(post, path = "/products", tag = "catalog", security(("bearer" = [])), request_body = NewProduct,
    responses((status = 201, body = Envelope<view::Product>), Failure))]
pub async fn create(
    State(app): State<AppState>,
    Seller(member): Seller,
    Body(new): Body<NewProduct>,
) -> Result<Response, Error> {
    member.require(Permission::Products)?;
    let id = create_product(&app, member.seller_id, new).await?;
    let mut created = own(&app, id).await?.into_response();
    *created.status_mut() = axum::http::StatusCode::CREATED;
    let location = HeaderValue::try_from(format!("/api/v1/products/{id}")).map_err(|_| Problem::internal())?;
    created.headers_mut().insert(header::LOCATION, location);
    Ok(created)
}

/// Changes a product.
#[utoipa::path(method(put, patch), path = "/products/{id}", tag = "catalog", security(("bearer" = [])),
    params(("id" = ProductId, Path), IfMatch), request_body = ProductUpdate,
    responses((status = 200, body = Envelope<view::Product>), Failure))]
pub async fn update(
    State(app): State<AppState>,
    PathId(id): PathId<ProductId>,
    editor: Editor,
    IfMatch(seen): IfMatch,
    Body(wish): Body<ProductUpdate>,
) -> Result<Reply<Encoded>, Error> {
    update_product(&app, id, editor.scope, seen, wish).await?;
    own(&app, id).await
}

/// Takes a product off the catalogue.
#[utoipa::path(delete, path = "/products/{id}", tag = "catalog", security(("bearer" = [])),
    params(("id" = ProductId, Path), IfMatch), responses((status = 204), Failure))]
pub async fn archive(
    State(app): State<AppState>,
    PathId(id): PathId<ProductId>,
    editor: Editor,
    IfMatch(seen): IfMatch,
) -> Result<NoContent, Error> {
    archive_product(&app, id, editor.scope, seen).await?;
    Ok(NoContent)
}

/// The id of a product that anybody may see, or that this viewer owns.
pub async fn visible(app: &App, name: &str, viewer: &Viewer) -> Result<ProductId, Error> {
    let id = app.product_id(name).await?.ok_or_else(|| Error::not_found("product"))?;
    if app.shown(id).await?.is_some() {
        return Ok(id);
    }
    let found = products::find(app.db.reader(), id, viewer.scope().await?).await?;
    found
        .map(|found| found.product.id)
        .ok_or_else(|| Problem::new(ErrorKind::NotFound, "not_found", "product not found").into())
}
