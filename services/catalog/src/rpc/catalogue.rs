//! The whole catalogue as other services are told of it.

use souk_contracts::catalog::{AttributeDefinition, Category, ListedProduct, ListedSeller, SkuLevel};
use souk_kernel::ProductId;
use souk_platform::db::Reader;

use crate::{
    app::{self, App},
    domain::category::{self, CategoryTree},
    error::Error,
    operations::announce,
    store::{entities::sku, products::Aggregate},
};

/// All categories.
pub fn categories(tree: &CategoryTree) -> Vec<Category> {
    let mut found = Vec::new();
    let mut waiting: Vec<_> = tree.roots().to_vec();
    while let Some(id) = waiting.pop() {
        waiting.extend_from_slice(tree.children(id));
        found.extend(tree.get(id).map(told));
    }
    found
}

fn told(category: &category::Category) -> Category {
    let definitions = category.attributes.iter().map(|definition| AttributeDefinition {
        key: definition.key.clone(),
        label: definition.label.clone(),
        r#type: definition.kind.name().to_owned(),
        unit: definition.unit.clone().unwrap_or_default(),
        options: definition.options.clone(),
        filterable: definition.filterable,
    });
    Category {
        id: category.id.to_string(),
        slug: category.slug.clone(),
        name: category.name.clone(),
        parent_id: category.parent_id.map(|id| id.to_string()).unwrap_or_default(),
        attributes: definitions.collect(),
    }
}

/// These products as they are now, in this order, and everybody who makes or offers them.
pub async fn listed(
    app: &App,
    conn: &Reader,
    ids: &[ProductId],
) -> Result<(Vec<ListedProduct>, Vec<ListedSeller>), Error> {
    let tree = app.categories().await?;
    let (aggregates, sellers) = app::load(conn, ids).await?;
    let products = aggregates.iter().map(|aggregate| listed_product(aggregate, &tree)).collect::<Result<_, _>>()?;
    let sellers = sellers.into_values().map(|seller| ListedSeller {
        id: seller.id.to_string(),
        status: seller.status.name().to_owned(),
        rating_sum: seller.rating_sum,
        rating_count: seller.rating_count,
        name: seller.name,
        slug: seller.slug,
    });
    Ok((products, sellers.collect()))
}

fn listed_product(aggregate: &Aggregate, tree: &CategoryTree) -> Result<ListedProduct, Error> {
    let level =
        |sku: &sku::Model| SkuLevel { sku_id: sku.id.to_string(), available: sku.stock, version: sku.stock_version };
    Ok(ListedProduct {
        snapshot_json: serde_json::to_string(&announce::snapshot(aggregate, tree)).map_err(Error::from)?,
        levels: aggregate.skus.iter().map(level).collect(),
        rating_sum: aggregate.product.rating_sum,
        rating_count: aggregate.product.rating_count,
        popularity: aggregate.product.popularity,
    })
}
