//! Which of a product's offers stands at its top: the rule of catalog, on what search knows.

use souk_kernel::{SellerId, SkuId};

use super::item::Rating;

/// An offer as the comparison sees it.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Offer {
    /// Ids are made in the order of time: the smaller is the older.
    pub sku_id: SkuId,
    pub seller_id: SellerId,
    pub price: i64,
    /// Units that can be bought now.
    pub stock: i64,
    pub seller_rating: Rating,
}

/// In stock first, then the lowest price, then the best seller, then the oldest.
pub fn winner(offers: &[Offer]) -> Option<Offer> {
    let worse = |offer: &&Offer| (offer.stock <= 0, offer.price, -hundredths(offer.seller_rating), offer.sku_id);
    offers.iter().min_by_key(worse).copied()
}

fn hundredths(rating: Rating) -> i64 {
    if rating.count == 0 { 0 } else { rating.sum * 100 / rating.count }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stock_then_price_then_stars_then_age_decide() {
        let offer = |id: &str, price, stock, stars| Offer {
            sku_id: SkuId::derived(id),
            seller_id: SellerId::derived(id),
            price,
            stock,
            seller_rating: Rating { sum: stars, count: 1 },
        };
        let dear = offer("a", 900, 1, 5);
        let cheap = offer("b", 500, 1, 3);
        let gone = offer("c", 100, 0, 5);
        let better = offer("d", 500, 1, 4);
        assert_eq!(winner(&[dear, gone]), Some(dear));
        assert_eq!(winner(&[dear, cheap, gone]), Some(cheap));
        assert_eq!(winner(&[dear, cheap, better]), Some(better));
        assert_eq!(winner(&[]), None);
    }
}
