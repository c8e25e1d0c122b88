//! From catalog.

use serde::{Deserialize, Serialize};
use souk_kernel::{CategoryId, Currency, ProductId, ReviewId, SellerId, SkuId, Timestamp, UserId, VariantId};

use super::event;

/// A product as other services see it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ProductSnapshot {
    pub product_id: ProductId,
    pub slug: String,
    pub title: String,
    pub description: String,
    /// `active`, `draft` or `archived`.
    pub status: String,
    pub seller_id: SellerId,
    pub category_id: CategoryId,
    /// Most specific first, then its ancestors.
    pub category_ids: Vec<CategoryId>,
    pub attributes: serde_json::Map<String, serde_json::Value>,
    pub images: Vec<String>,
    /// The seller's own id of an imported product.
    #[serde(default)]
    pub external_id: Option<String>,
    pub skus: Vec<SkuSnapshot>,
    pub version: i64,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// One offer of a product.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SkuSnapshot {
    pub sku_id: SkuId,
    pub variant_id: VariantId,
    pub seller_id: SellerId,
    pub code: String,
    pub options: serde_json::Map<String, serde_json::Value>,
    pub price: i64,
    pub currency: Currency,
    /// Units that can be bought, as catalog knows them; `stock.changed` says how they go on.
    #[serde(default)]
    pub available: i64,
    /// Of that level.
    #[serde(default)]
    pub stock_version: i64,
}

/// A product came into being.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ProductCreated {
    pub product: ProductSnapshot,
}
event!(ProductCreated, "product.created", |event| event.product.product_id);

/// A product or one of its offers changed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ProductUpdated {
    pub product: ProductSnapshot,
}
event!(ProductUpdated, "product.updated", |event| event.product.product_id);

/// A product was archived.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ProductDeleted {
    pub product_id: ProductId,
    pub sku_ids: Vec<SkuId>,
    pub version: i64,
}
event!(ProductDeleted, "product.deleted", |event| event.product_id);

/// A buyer who received a product reviewed it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ReviewPosted {
    pub review_id: ReviewId,
    pub product_id: ProductId,
    pub product_title: String,
    pub seller_id: SellerId,
    pub user_id: UserId,
    /// 1 to 5.
    pub rating: i16,
    pub title: String,
    /// The product's new average and count.
    pub average: f64,
    pub count: i64,
}
event!(ReviewPosted, "review.posted", |event| event.product_id);

/// The operator hid a review, or showed it again.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ReviewModerated {
    pub review_id: ReviewId,
    pub product_id: ProductId,
    pub seller_id: SellerId,
    /// 1 to 5: no longer counted when it is hidden, counted again when it is not.
    pub rating: i16,
    pub hidden: bool,
    /// The product's new average and count.
    pub average: f64,
    pub count: i64,
}
event!(ReviewModerated, "review.moderated", |event| event.product_id);
