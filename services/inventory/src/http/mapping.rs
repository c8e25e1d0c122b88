//! What a stock system calls our SKUs.

use axum::extract::State as Shared;
use chrono::{DateTime, Utc};
use garde::Validate;
use serde::{Deserialize, Serialize};
use souk_kernel::{Page, SkuId};
use souk_platform::{
    http::{Body, Failure, List, NoContent, Paging, PathText, decode_cursor, encode_cursor, openapi::ListEnvelope},
    security::{Permission, Seller, SellerMember},
};
use utoipa::ToSchema;

use crate::{
    adapters::MOST_ITEMS,
    app::State,
    error::Error,
    operations,
    store::{source_item, sources},
};

/// One name.
#[derive(Debug, Serialize, ToSchema)]
pub struct NameView {
    /// What the stock system calls it.
    sku: String,
    sku_id: SkuId,
    /// Whether the seller said so; otherwise it was found by the SKU's code.
    pinned: bool,
    /// The time of the newest number that is in force.
    as_of: Option<DateTime<Utc>>,
}

/// Names to add, change or forget; others stay.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Names {
    #[garde(length(min = 1, max = MOST_ITEMS), dive)]
    items: Vec<Name>,
}

/// One name and our SKU for it; without one the name is forgotten.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Name {
    #[garde(length(chars, min = 1, max = 200))]
    sku: String,
    #[garde(skip)]
    sku_id: Option<SkuId>,
}

#[utoipa::path(get, path = "/inventory/sources/{source}/mapping", tag = "inventory", operation_id = "list_source_names",
    params(("source" = String, Path), Paging), security(("bearer" = [])),
    responses((status = 200, description = "The names that are known", body = ListEnvelope<NameView>), Failure))]
pub async fn list(
    Shared(app): Shared<State>,
    member: SellerMember,
    PathText(name): PathText,
    Paging(page): Paging,
) -> Result<List<NameView>, Error> {
    let source =
        sources::find_for_seller(app.db.reader(), &name, member.seller_id).await?.ok_or(Error::UnknownSource)?;
    let after: Option<String> = page.cursor.as_deref().map(decode_cursor).transpose()?;
    let (mut rows, total) =
        sources::mapping(&app.db.copies().await, &source.name, after, page.offset, page.limit + 1).await?;
    let next_cursor = super::next_cursor(&mut rows, page.limit, |row| encode_cursor(&row.external_sku));
    let items = rows.into_iter().map(NameView::from).collect();
    Ok(List(Page { items, limit: page.limit, offset: page.offset, total, next_cursor }))
}

#[utoipa::path(put, path = "/inventory/sources/{source}/mapping", tag = "inventory", operation_id = "map_source_names",
    params(("source" = String, Path)), request_body = Names, security(("bearer" = [])),
    responses((status = 204, description = "Known from now on"), Failure))]
pub async fn put(
    Shared(app): Shared<State>,
    Seller(member): Seller,
    PathText(name): PathText,
    Body(request): Body<Names>,
) -> Result<NoContent, Error> {
    member.require(Permission::Stock)?;
    let items = request.items.into_iter().map(|item| (item.sku, item.sku_id)).collect();
    operations::map_skus(&app, name, member.seller_id, items).await?;
    Ok(NoContent)
}

#[utoipa::path(patch, path = "/inventory/sources/{source}/mapping", tag = "inventory",
    operation_id = "map_source_names_patch", params(("source" = String, Path)), request_body = Names,
    security(("bearer" = [])), responses((status = 204, description = "Known from now on"), Failure))]
pub async fn patch(app: Shared<State>, seller: Seller, name: PathText, body: Body<Names>) -> Result<NoContent, Error> {
    put(app, seller, name, body).await
}

impl From<source_item::Model> for NameView {
    fn from(row: source_item::Model) -> Self {
        Self { sku: row.external_sku, sku_id: row.sku_id, pinned: row.pinned, as_of: row.as_of }
    }
}
