//! Products as they are answered.

use std::collections::HashMap;

use serde::Serialize;
use souk_kernel::{CategoryId, Currency, ProductId, SellerId, SkuId, Timestamp, VariantId};
use utoipa::ToSchema;

use crate::{
    domain::{
        attributes::Attributes,
        category::CategoryTree,
        image,
        offer::{self, OfferReason},
        options::Options,
        product::Status,
        rating,
    },
    store::{
        entities::{seller, sku, variant},
        products::Aggregate,
        sellers::Sellers,
        standing,
    },
};

/// Who looks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Eyes {
    /// Anybody: the offers of sellers that are shown; what can't be bought has no stock.
    Public,
    /// The seller who made it, or an operator: every offer as it is.
    Owner,
}

/// A product.
#[derive(Debug, Serialize, ToSchema)]
pub struct Product<'a> {
    id: ProductId,
    slug: &'a str,
    title: &'a str,
    description: &'a str,
    /// Of the winning offer, in the currency's smallest unit.
    price: i64,
    #[schema(value_type = String)]
    currency: Currency,
    /// Of the winning offer.
    stock: i64,
    status: Status,
    seller: ProductSeller<'a>,
    category: CategoryName<'a>,
    #[schema(value_type = Object)]
    attributes: &'a Attributes,
    images: Vec<String>,
    rating: Stars,
    skus: Vec<Sku<'a>>,
    /// What decided between the winning offer and the next best.
    offer_reason: Option<OfferReason>,
    external_id: Option<&'a str>,
    version: i64,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    updated_at: Timestamp,
}

impl<'a> Product<'a> {
    /// The offer with this id, if it is among those seen.
    pub fn sku(&self, id: SkuId) -> Option<&Sku<'a>> {
        self.skus.iter().find(|sku| sku.id == id)
    }
}

/// A seller, in short.
#[derive(Debug, Serialize, ToSchema)]
pub struct ProductSeller<'a> {
    id: SellerId,
    name: &'a str,
    slug: &'a str,
    rating: Stars,
}

/// Stars: their average to two decimals (0 without reviews) and how many reviews there are.
#[derive(Debug, Serialize, ToSchema)]
pub struct Stars {
    average: f64,
    count: i64,
}

impl From<rating::Rating> for Stars {
    fn from(rating: rating::Rating) -> Self {
        Self { average: rating.average(), count: rating.count }
    }
}

/// The category of a product.
#[derive(Debug, Serialize, ToSchema)]
pub struct CategoryName<'a> {
    id: CategoryId,
    name: &'a str,
    slug: &'a str,
    /// Names from the root down to the category.
    path: Vec<&'a str>,
}

/// One seller's offer of one variant.
#[derive(Debug, Serialize, ToSchema)]
pub struct Sku<'a> {
    id: SkuId,
    variant_id: VariantId,
    code: &'a str,
    #[schema(value_type = Object)]
    options: &'a Options,
    price: i64,
    #[schema(value_type = String)]
    currency: Currency,
    stock: i64,
    seller: ProductSeller<'a>,
    /// For the winning offer of its variant: what decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    offer_reason: Option<OfferReason>,
}

/// A product as these eyes see it.
pub fn product<'a>(
    aggregate: &'a Aggregate,
    sellers: &'a Sellers,
    tree: &'a CategoryTree,
    public_url: &str,
    eyes: Eyes,
) -> Product<'a> {
    let row = &aggregate.product;
    let reasons = winners_by_variant(&aggregate.skus, sellers);
    let options: HashMap<VariantId, &Options> =
        aggregate.variants.iter().map(|variant: &variant::Model| (variant.id, &variant.options.0)).collect();
    let view = |sku: &'a sku::Model| {
        Some(Sku {
            id: sku.id,
            variant_id: sku.variant_id,
            code: &sku.code,
            options: options.get(&sku.variant_id)?,
            price: sku.price,
            currency: row.currency,
            stock: stock(sku, sellers, eyes)?,
            seller: named(sku.seller_id, sellers),
            offer_reason: reasons.get(&sku.id).copied(),
        })
    };
    let skus: Vec<Sku<'a>> = aggregate.skus.iter().filter_map(view).collect();
    let winner = aggregate.skus.iter().find(|sku| Some(sku.id) == row.winner_sku_id);
    Product {
        id: row.id,
        slug: &row.slug,
        title: &row.title,
        description: &row.description,
        price: winner.map_or(row.price, |winner| winner.price),
        currency: row.currency,
        stock: winner.and_then(|winner| stock(winner, sellers, eyes)).unwrap_or_default(),
        status: row.status,
        seller: named(winner.map_or(row.seller_id, |winner| winner.seller_id), sellers),
        category: category(row.category_id, tree),
        attributes: &row.attributes.0,
        images: row.images.0.iter().map(|address| image::shown(address, public_url)).collect(),
        rating: row.rating().into(),
        skus,
        offer_reason: row.offer_reason,
        external_id: row.external_id.as_deref(),
        version: row.version,
        created_at: row.created_at,
        updated_at: row.updated_at,
    }
}

fn winners_by_variant(skus: &[sku::Model], sellers: &Sellers) -> HashMap<SkuId, OfferReason> {
    let mut by_variant: HashMap<VariantId, Vec<offer::Offer>> = HashMap::new();
    for offer in standing::shown_offers(skus, sellers) {
        by_variant.entry(offer.variant_id).or_default().push(offer);
    }
    let winners = by_variant.values().filter_map(|offers| offer::winner(offers));
    winners.map(|(best, reason)| (best.sku_id, reason)).collect()
}

/// `None` when the offer isn't shown.
fn stock(sku: &sku::Model, sellers: &Sellers, eyes: Eyes) -> Option<i64> {
    if eyes == Eyes::Owner {
        return Some(sku.stock);
    }
    let status = sellers.get(&sku.seller_id).map(|seller| seller.status).filter(|status| status.shown())?;
    Some(if status.sells() { sku.stock } else { 0 })
}

fn named(id: SellerId, sellers: &Sellers) -> ProductSeller<'_> {
    let known = sellers.get(&id);
    ProductSeller {
        id,
        name: known.map_or("", |seller| &seller.name),
        slug: known.map_or("", |seller| &seller.slug),
        rating: known.map(seller::Model::rating).unwrap_or_default().into(),
    }
}

fn category(id: CategoryId, tree: &CategoryTree) -> CategoryName<'_> {
    let known = tree.get(id);
    CategoryName {
        id,
        name: known.map_or("", |category| &category.name),
        slug: known.map_or("", |category| &category.slug),
        path: tree.path(id),
    }
}
