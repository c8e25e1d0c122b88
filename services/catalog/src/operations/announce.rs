//! What other services are told of a product.

use souk_contracts::events::{ProductCreated, ProductDeleted, ProductSnapshot, ProductUpdated, SkuSnapshot};
use souk_platform::db::Tx;

use crate::{
    domain::{category::CategoryTree, product::Status},
    store::products::Aggregate,
};

/// A product came into being.
pub fn created(tx: &Tx, aggregate: &Aggregate, tree: &CategoryTree) {
    tx.publish(ProductCreated { product: snapshot(aggregate, tree) });
}

/// A product or its offers changed.
pub fn updated(tx: &Tx, aggregate: &Aggregate, tree: &CategoryTree) {
    tx.publish(ProductUpdated { product: snapshot(aggregate, tree) });
}

/// A product was archived.
pub fn deleted(tx: &Tx, aggregate: &Aggregate) {
    tx.publish(ProductDeleted {
        product_id: aggregate.product.id,
        sku_ids: aggregate.skus.iter().map(|sku| sku.id).collect(),
        version: aggregate.product.version,
    });
}

/// A product as other services see it.
pub fn snapshot(aggregate: &Aggregate, tree: &CategoryTree) -> ProductSnapshot {
    let product = &aggregate.product;
    let options =
        |id| aggregate.variants.iter().find(|variant| variant.id == id).map(|variant| variant.options.0.clone());
    let skus = aggregate.skus.iter().map(|sku| SkuSnapshot {
        sku_id: sku.id,
        variant_id: sku.variant_id,
        seller_id: sku.seller_id,
        code: sku.code.clone(),
        options: options(sku.variant_id).unwrap_or_default(),
        price: sku.price,
        currency: product.currency,
        available: sku.stock,
        stock_version: sku.stock_version,
    });
    ProductSnapshot {
        product_id: product.id,
        slug: product.slug.clone(),
        title: product.title.clone(),
        description: product.description.clone(),
        status: seen_status(aggregate).name().to_owned(),
        seller_id: product.seller_id,
        category_id: product.category_id,
        category_ids: tree.lineage(product.category_id).to_vec(),
        attributes: product.attributes.0.clone(),
        images: product.images.0.clone(),
        external_id: product.external_id.clone(),
        skus: skus.collect(),
        version: product.version,
        created_at: product.created_at,
        updated_at: product.updated_at,
    }
}

/// As the public sees it: what waits for an operator, or is only offered by sellers who aren't shown, is a draft to others.
fn seen_status(aggregate: &Aggregate) -> Status {
    match aggregate.product.status {
        _ if aggregate.product.public => Status::Active,
        Status::Archived => Status::Archived,
        Status::Draft | Status::Pending | Status::Active => Status::Draft,
    }
}
