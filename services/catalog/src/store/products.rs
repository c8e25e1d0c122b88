//! Products with their variants and the offers that stand.

use std::collections::{HashMap, HashSet};

use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder,
    QuerySelect,
    sea_query::{Expr, ExprTrait},
};
use souk_kernel::{ProductId, SellerId, SkuId};
use souk_platform::db::Tx;

use super::{
    Scope, bulk,
    entities::{attribute, product, sku, variant},
};
use crate::domain::{filters, rating::Rating};

/// A product, its variants and the offers that stand, the oldest first.
#[derive(Clone, Debug)]
pub struct Aggregate {
    pub product: product::Model,
    pub variants: Vec<variant::Model>,
    pub skus: Vec<sku::Model>,
}

/// Counts what changes on a product's page without a new version: stock and reviews. While it is what it was when the
/// version was made, the version names one content.
pub fn seal(product: &product::Model, skus: &[sku::Model]) -> i64 {
    skus.iter().fold(product.rating_count, |sum, sku| sum.wrapping_add(sku.stock_version))
}

/// Gives these products their next version.
pub async fn renew(connection: &impl ConnectionTrait, changed: &mut [Aggregate]) -> Result<(), DbErr> {
    for Aggregate { product, skus, .. } in changed {
        product.version += 1;
        product.seal = seal(product, skus);
        product::Entity::update_many()
            .col_expr(product::Column::Version, Expr::value(product.version))
            .col_expr(product::Column::Seal, Expr::value(product.seal))
            .filter(product::Column::Id.eq(product.id))
            .exec(connection)
            .await?;
    }
    Ok(())
}

/// A product that the scope may see. The owner's view holds drafts and archived ones too.
pub async fn find(connection: &impl ConnectionTrait, id: ProductId, scope: Scope) -> Result<Option<Aggregate>, DbErr> {
    let found = load_many(connection, &[id]).await?.pop();
    Ok(found.filter(|found| found.product.public || scope.owns(found.product.seller_id)))
}

/// The products with these ids, in this order; unknown ones are left out.
pub async fn load_many(connection: &impl ConnectionTrait, ids: &[ProductId]) -> Result<Vec<Aggregate>, DbErr> {
    let mut found: HashMap<ProductId, Aggregate> = HashMap::with_capacity(ids.len());
    for ids in ids.chunks(bulk::IDS) {
        let ids = || ids.iter().copied();
        for product in product::Entity::find().filter(product::Column::Id.is_in(ids())).all(connection).await? {
            found.insert(product.id, Aggregate { product, variants: Vec::new(), skus: Vec::new() });
        }
        let variants = variant::Entity::find().filter(variant::Column::ProductId.is_in(ids()));
        for variant in variants.order_by_asc(variant::Column::Id).all(connection).await? {
            if let Some(aggregate) = found.get_mut(&variant.product_id) {
                aggregate.variants.push(variant);
            }
        }
        let skus = sku::Entity::find().filter(sku::Column::ProductId.is_in(ids()));
        let live = skus.filter(sku::Column::LiveCode.is_not_null()).order_by_asc(sku::Column::Id);
        for sku in live.all(connection).await? {
            if let Some(aggregate) = found.get_mut(&sku.product_id) {
                aggregate.skus.push(sku);
            }
        }
    }
    Ok(ids.iter().filter_map(|id| found.remove(id)).collect())
}

/// Everybody who made or offers these products.
pub fn seller_ids(aggregates: &[Aggregate]) -> impl Iterator<Item = SellerId> {
    aggregates.iter().flat_map(|aggregate| {
        let owner = std::iter::once(aggregate.product.seller_id);
        owner.chain(aggregate.skus.iter().map(|sku| sku.seller_id))
    })
}

/// The product with this slug.
pub async fn id_of_slug(connection: &impl ConnectionTrait, slug: &str) -> Result<Option<ProductId>, DbErr> {
    let find = product::Entity::find().select_only().column(product::Column::Id);
    find.filter(product::Column::Slug.eq(slug)).into_tuple().one(connection).await
}

/// The product of an offer, also of one that stands no more.
pub async fn id_of_sku(connection: &impl ConnectionTrait, sku: SkuId) -> Result<Option<ProductId>, DbErr> {
    let find = sku::Entity::find_by_id(sku).select_only().column(sku::Column::ProductId);
    find.into_tuple().one(connection).await
}

/// Which of these slugs are taken.
pub async fn taken_slugs(
    connection: &impl ConnectionTrait,
    slugs: impl IntoIterator<Item = String>,
) -> Result<HashSet<String>, DbErr> {
    let slugs: Vec<String> = slugs.into_iter().collect();
    let mut taken = HashSet::new();
    for slugs in slugs.chunks(bulk::IDS) {
        let find = product::Entity::find().select_only().column(product::Column::Slug);
        let found: Vec<String> = find
            .filter(product::Column::Slug.is_in(slugs.iter().map(String::as_str)))
            .into_tuple()
            .all(connection)
            .await?;
        taken.extend(found);
    }
    Ok(taken)
}

/// A seller's standing offers by code.
pub async fn skus_by_code(
    connection: &impl ConnectionTrait,
    seller: SellerId,
    codes: &[String],
) -> Result<Vec<sku::Model>, DbErr> {
    let mut found = Vec::new();
    for codes in codes.chunks(bulk::IDS) {
        let find = sku::Entity::find().filter(sku::Column::SellerId.eq(seller));
        found.extend(find.filter(sku::Column::LiveCode.is_in(codes.iter().map(String::as_str))).all(connection).await?);
    }
    Ok(found)
}

/// A seller's products by the seller's own ids, archived ones too.
pub async fn find_by_external_id(
    connection: &impl ConnectionTrait,
    seller: SellerId,
    external_ids: &[String],
) -> Result<Vec<Aggregate>, DbErr> {
    let mut ids: Vec<ProductId> = Vec::new();
    for external_ids in external_ids.chunks(bulk::IDS) {
        let find = product::Entity::find().select_only().column(product::Column::Id);
        let of_seller = find.filter(product::Column::SellerId.eq(seller));
        let wanted = product::Column::ExternalId.is_in(external_ids.iter().map(String::as_str));
        let found: Vec<ProductId> = of_seller.filter(wanted).into_tuple().all(connection).await?;
        ids.extend(found);
    }
    load_many(connection, &ids).await
}

/// New products with all that belongs to them.
pub async fn insert(connection: &impl ConnectionTrait, aggregates: Vec<Aggregate>) -> Result<(), DbErr> {
    let (mut products, mut variants, mut skus, mut values) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for aggregate in aggregates {
        values.extend(attribute_rows(&aggregate.product));
        products.push(aggregate.product);
        variants.extend(aggregate.variants);
        skus.extend(aggregate.skus);
    }
    // In the order of their index, so that neighbours there are written together.
    values.sort_unstable_by(|a: &attribute::Model, b| (&a.name, &a.text_value).cmp(&(&b.name, &b.text_value)));
    bulk::insert(connection, products).await?;
    bulk::insert(connection, variants).await?;
    bulk::insert(connection, skus).await?;
    bulk::insert(connection, values).await
}

/// Replaces the row of a product that still has version `seen`; false when it hasn't.
pub async fn update(connection: &impl ConnectionTrait, product: product::Model, seen: i64) -> Result<bool, DbErr> {
    let id = product.id;
    let row = product.into_active_model().reset_all();
    let update = product::Entity::update_many().set(row).filter(product::Column::Id.eq(id));
    let done = update.filter(product::Column::Version.eq(seen)).exec(connection).await?;
    Ok(done.rows_affected == 1)
}

/// Writes the attribute values of a product again.
pub async fn replace_attributes(connection: &impl ConnectionTrait, product: &product::Model) -> Result<(), DbErr> {
    let old = attribute::Entity::delete_many().filter(attribute::Column::ProductId.eq(product.id));
    old.exec(connection).await?;
    bulk::insert(connection, attribute_rows(product).collect()).await
}

fn attribute_rows(product: &product::Model) -> impl Iterator<Item = attribute::Model> {
    let product_id = product.id;
    let values = filters::comparables(&product.attributes.0);
    (0..).zip(values).map(move |(position, value)| attribute::Model {
        product_id,
        position,
        name: value.key,
        text_value: value.text,
        number_value: value.number,
    })
}

/// New offers, after the variants that they need.
pub async fn insert_skus(
    connection: &impl ConnectionTrait,
    variants: Vec<variant::Model>,
    skus: Vec<sku::Model>,
) -> Result<(), DbErr> {
    bulk::insert(connection, variants).await?;
    bulk::insert(connection, skus).await
}

/// Changes what a seller may change of an offer; its stock belongs to inventory.
pub async fn update_sku(connection: &impl ConnectionTrait, sku: &sku::Model) -> Result<(), DbErr> {
    sku::Entity::update_many()
        .col_expr(sku::Column::Code, Expr::value(sku.code.as_str()))
        .col_expr(sku::Column::LiveCode, Expr::value(sku.live_code.clone()))
        .col_expr(sku::Column::Price, Expr::value(sku.price))
        .filter(sku::Column::Id.eq(sku.id))
        .exec(connection)
        .await?;
    Ok(())
}

/// Ends all offers of a product, so that their codes can be used again.
pub async fn end_offers(connection: &impl ConnectionTrait, product: ProductId) -> Result<(), DbErr> {
    sku::Entity::update_many()
        .col_expr(sku::Column::LiveCode, Expr::value(None::<String>))
        .filter(sku::Column::ProductId.eq(product))
        .exec(connection)
        .await?;
    Ok(())
}

/// Adds units sold to a product's popularity.
pub fn add_popularity(tx: &Tx, product: ProductId, units: i64) {
    let change = product::Entity::update_many()
        .col_expr(product::Column::Popularity, Expr::col(product::Column::Popularity).add(units))
        .filter(product::Column::Id.eq(product));
    tx.defer(&change);
}

/// Replaces a product's rating.
pub async fn set_rating(connection: &impl ConnectionTrait, product: ProductId, rating: Rating) -> Result<(), DbErr> {
    product::Entity::update_many()
        .col_expr(product::Column::RatingSum, Expr::value(rating.sum))
        .col_expr(product::Column::RatingCount, Expr::value(rating.count))
        .col_expr(product::Column::RatingRank, Expr::value(rating.rank()))
        .filter(product::Column::Id.eq(product))
        .exec(connection)
        .await?;
    Ok(())
}

/// The next products, after `after` by id, that a seller offers or made.
pub async fn next_of_seller(
    connection: &impl ConnectionTrait,
    seller: SellerId,
    after: Option<ProductId>,
    limit: u64,
) -> Result<Vec<ProductId>, DbErr> {
    let mut find = sku::Entity::find().select_only().column(sku::Column::ProductId).distinct();
    find = find.filter(sku::Column::SellerId.eq(seller)).filter(sku::Column::LiveCode.is_not_null());
    if let Some(after) = after {
        find = find.filter(sku::Column::ProductId.gt(after));
    }
    find.order_by_asc(sku::Column::ProductId).limit(limit).into_tuple().all(connection).await
}
