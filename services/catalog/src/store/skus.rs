//! Offers with what carts and checkouts need to know of their products.

use sea_orm::{
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, FromQueryResult, JoinType, QueryFilter, QueryOrder, QuerySelect,
    RelationDef,
};
use souk_kernel::{CategoryId, Currency, ProductId, SellerId, SkuId, VariantId};

use super::{
    bulk,
    entities::{
        product::{self, StoredImages},
        sku,
        variant::{self, StoredOptions},
    },
};
use crate::domain::{options, product::Status};

/// An offer, its variant and its product in one row.
#[derive(Debug, FromQueryResult)]
pub struct OfferRow {
    pub id: SkuId,
    pub product_id: ProductId,
    pub variant_id: VariantId,
    pub seller_id: SellerId,
    pub code: String,
    pub live_code: Option<String>,
    pub price: i64,
    pub category_id: CategoryId,
    pub title: String,
    pub status: Status,
    pub currency: Currency,
    pub images: StoredImages,
    pub options: StoredOptions,
}

impl OfferRow {
    /// Whether the offer stands and the product is in the catalogue.
    pub fn available(&self) -> bool {
        self.live_code.is_some() && self.status == Status::Active
    }

    /// The product's title with the variant's options.
    pub fn full_title(&self) -> String {
        match options::label(&self.options.0) {
            label if label.is_empty() => self.title.clone(),
            label => format!("{} ({label})", self.title),
        }
    }
}

/// The offers with these ids, also those that stand no more; unknown ones are left out.
pub async fn with_products(connection: &impl ConnectionTrait, ids: &[SkuId]) -> Result<Vec<OfferRow>, DbErr> {
    let mut found = Vec::with_capacity(ids.len());
    for ids in ids.chunks(bulk::IDS) {
        let rows = sku::Entity::find()
            .select_only()
            .columns([sku::Column::Id, sku::Column::ProductId, sku::Column::VariantId, sku::Column::SellerId])
            .columns([sku::Column::Code, sku::Column::LiveCode, sku::Column::Price])
            .columns([product::Column::CategoryId, product::Column::Title, product::Column::Status])
            .columns([product::Column::Currency, product::Column::Images])
            .column(variant::Column::Options)
            .join(JoinType::InnerJoin, to_product())
            .join(JoinType::InnerJoin, to_variant())
            .filter(sku::Column::Id.is_in(ids.iter().copied()));
        found.extend(rows.into_model::<OfferRow>().all(connection).await?);
    }
    Ok(found)
}

fn to_product() -> RelationDef {
    sku::Entity::belongs_to(product::Entity).from(sku::Column::ProductId).to(product::Column::Id).into()
}

fn to_variant() -> RelationDef {
    sku::Entity::belongs_to(variant::Entity).from(sku::Column::VariantId).to(variant::Column::Id).into()
}

/// The next offers after `after` by id, for what walks over all of them.
pub async fn next(
    connection: &impl ConnectionTrait,
    after: Option<SkuId>,
    limit: u64,
) -> Result<Vec<sku::Model>, DbErr> {
    let mut find = sku::Entity::find();
    if let Some(after) = after {
        find = find.filter(sku::Column::Id.gt(after));
    }
    find.order_by_asc(sku::Column::Id).limit(limit).all(connection).await
}
