//! Which of several offers stands at the top of a product's page, and why.

use std::cmp::{Ordering, Reverse};

use sea_orm::{DeriveActiveEnum, EnumIter, sea_query::StringLen};
use serde::{Deserialize, Serialize};
use souk_kernel::{SkuId, Timestamp, VariantId};
use utoipa::ToSchema;

use super::rating::Rating;

/// An offer as the comparison sees it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Offer {
    pub sku_id: SkuId,
    pub variant_id: VariantId,
    /// In stock at a seller that sells at the moment.
    pub in_stock: bool,
    /// With shipping. Shipping is charged alike for every seller, so the price alone decides.
    pub price: i64,
    pub seller_rating: Rating,
    pub created_at: Timestamp,
}

/// What decided between the winning offer and the next best.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema, EnumIter, DeriveActiveEnum)]
#[serde(rename_all = "snake_case")]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))", rename_all = "snake_case")]
pub enum OfferReason {
    OnlyOffer,
    InStock,
    LowestPrice,
    SellerRating,
    Oldest,
}

/// The winning offer: in stock first, then the lowest price with shipping, then the best seller, then the oldest.
pub fn winner(offers: &[Offer]) -> Option<(Offer, OfferReason)> {
    let mut ranked: Vec<&Offer> = offers.iter().collect();
    ranked.sort_by(|a, b| compare(a, b).0);
    let best = **ranked.first()?;
    let reason = ranked.get(1).map_or(OfferReason::OnlyOffer, |next| compare(&best, next).1);
    Some((best, reason))
}

fn compare(a: &Offer, b: &Offer) -> (Ordering, OfferReason) {
    let criteria = [
        (b.in_stock.cmp(&a.in_stock), OfferReason::InStock),
        (a.price.cmp(&b.price), OfferReason::LowestPrice),
        (Reverse(a.seller_rating.rank()).cmp(&Reverse(b.seller_rating.rank())), OfferReason::SellerRating),
    ];
    let decided = criteria.into_iter().find(|(order, _)| order.is_ne());
    decided.unwrap_or_else(|| ((a.created_at, a.sku_id).cmp(&(b.created_at, b.sku_id)), OfferReason::Oldest))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn offer(n: i64, in_stock: bool, price: i64, stars: i64) -> Offer {
        Offer {
            sku_id: SkuId::derived(&n.to_string()),
            variant_id: VariantId::derived("v"),
            in_stock,
            price,
            seller_rating: Rating::new(stars, i64::from(stars > 0)),
            created_at: Timestamp::default() + chrono::TimeDelta::seconds(n),
        }
    }

    #[test]
    fn each_criterion_decides_in_its_turn() {
        let cases = [
            (vec![offer(1, false, 1, 5), offer(2, true, 9, 1)], 1, OfferReason::InStock),
            (vec![offer(1, true, 10, 5), offer(2, true, 9, 1)], 1, OfferReason::LowestPrice),
            (vec![offer(1, true, 9, 3), offer(2, true, 9, 4)], 1, OfferReason::SellerRating),
            (vec![offer(2, true, 9, 3), offer(1, true, 9, 3)], 1, OfferReason::Oldest),
            (vec![offer(1, false, 9, 3)], 0, OfferReason::OnlyOffer),
            (vec![offer(1, true, 5, 0), offer(2, true, 7, 0), offer(3, false, 1, 0)], 0, OfferReason::LowestPrice),
        ];
        for (offers, index, reason) in cases {
            assert_eq!(winner(&offers), Some((offers[index], reason)));
        }
        assert_eq!(winner(&[]), None);
    }

    proptest! {
        #[test]
        fn the_order_of_the_offers_does_not_matter(
            given in prop::collection::vec((any::<bool>(), 1_i64..4, 0_i64..3), 1..8), turn in 0_usize..8,
        ) {
            let offers: Vec<Offer> = (0..).zip(given).map(|(n, (stock, price, stars))| offer(n, stock, price, stars)).collect();
            let mut turned = offers.clone();
            turned.rotate_left(turn % offers.len());
            prop_assert_eq!(winner(&offers), winner(&turned));
            let (best, _) = winner(&offers).unwrap();
            prop_assert!(best.in_stock || offers.iter().all(|other| !other.in_stock));
            prop_assert!(offers.iter().all(|other| other.in_stock != best.in_stock || other.price >= best.price));
        }
    }
}
