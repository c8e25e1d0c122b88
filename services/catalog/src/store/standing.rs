//! What lists need to know about a product's offers, kept on its row.

use sea_orm::{ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, sea_query::Expr};
use souk_kernel::{ProductId, SkuId};

use super::{
    entities::{product, sku},
    products::{self, Aggregate},
    sellers::{self, Sellers},
};
use crate::domain::{
    offer::{self, Offer, OfferReason},
    product::Status,
};

/// The columns that follow from a product's offers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Standing {
    pub public: bool,
    pub price: i64,
    pub in_stock: bool,
    pub winner_sku_id: Option<SkuId>,
    pub offer_reason: Option<OfferReason>,
}

impl Standing {
    /// As the row has it.
    pub fn stored(product: &product::Model) -> Self {
        let product::Model { public, price, in_stock, winner_sku_id, offer_reason, .. } = *product;
        Self { public, price, in_stock, winner_sku_id, offer_reason }
    }

    /// As it follows from these offers. Without an offer that is shown the price stays what it was.
    pub fn computed(product: &product::Model, skus: &[sku::Model], sellers: &Sellers) -> Self {
        let winner = offer::winner(&shown_offers(skus, sellers));
        let active = product.status == Status::Active;
        let (best, reason) = winner.unzip();
        Self {
            public: active && best.is_some(),
            price: best.map_or(product.price, |best| best.price),
            in_stock: best.is_some_and(|best| best.in_stock),
            winner_sku_id: best.map(|best| best.sku_id),
            offer_reason: reason,
        }
    }

    /// Puts it on the row.
    pub fn apply(self, product: &mut product::Model) {
        product.public = self.public;
        product.price = self.price;
        product.in_stock = self.in_stock;
        product.winner_sku_id = self.winner_sku_id;
        product.offer_reason = self.offer_reason;
    }
}

/// The offers of sellers that are shown.
pub fn shown_offers(skus: &[sku::Model], sellers: &Sellers) -> Vec<Offer> {
    let offer = |sku: &sku::Model| {
        let seller = sellers.get(&sku.seller_id).filter(|seller| seller.status.shown())?;
        Some(Offer {
            sku_id: sku.id,
            variant_id: sku.variant_id,
            in_stock: sku.stock > 0 && seller.status.sells(),
            price: sku.price,
            seller_rating: seller.rating(),
            created_at: sku.created_at,
        })
    };
    skus.iter().filter_map(offer).collect()
}

/// Computes the standing of these products again. Gives those whose standing changed, as they are now.
pub async fn refresh(connection: &impl ConnectionTrait, ids: &[ProductId]) -> Result<Vec<Aggregate>, DbErr> {
    let aggregates = products::load_many(connection, ids).await?;
    let sellers = sellers::find(connection, products::seller_ids(&aggregates)).await?;
    let mut changed = Vec::new();
    for mut aggregate in aggregates {
        let standing = Standing::computed(&aggregate.product, &aggregate.skus, &sellers);
        if standing == Standing::stored(&aggregate.product) {
            continue;
        }
        standing.apply(&mut aggregate.product);
        product::Entity::update_many()
            .col_expr(product::Column::Public, Expr::value(standing.public))
            .col_expr(product::Column::Price, Expr::value(standing.price))
            .col_expr(product::Column::InStock, Expr::value(standing.in_stock))
            .col_expr(product::Column::WinnerSkuId, Expr::value(standing.winner_sku_id))
            .col_expr(product::Column::OfferReason, Expr::value(standing.offer_reason))
            .filter(product::Column::Id.eq(aggregate.product.id))
            .exec(connection)
            .await?;
        changed.push(aggregate);
    }
    Ok(changed)
}
