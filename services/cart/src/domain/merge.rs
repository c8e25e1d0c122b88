//! Two carts become one, and a cart loses what was bought.

use std::collections::HashMap;

use souk_kernel::SkuId;

use super::{Cart, Line, MOST_UNITS};

/// Adds a guest's lines to a user's cart: quantities add up, to what is available where that is known, and never below what
/// the user had. Lines that don't fit (another currency, too many) are left out. Gives the lines of the user's cart that
/// changed.
pub fn merge(user: &mut Cart, guest: &Cart, available: &HashMap<SkuId, i64>) -> Vec<Line> {
    let mut changed = Vec::new();
    for line in &guest.lines {
        let there = user.line(line.sku_id).map_or(0, |line| line.quantity);
        let most = available.get(&line.sku_id).copied().unwrap_or(MOST_UNITS).min(MOST_UNITS);
        let quantity = (there + line.quantity).min(most);
        if quantity > there
            && let Ok(merged) = user.add(line.sku_id, quantity - there, line.seen.clone(), None, line.added_at)
        {
            changed.push(merged.clone());
        }
    }
    changed
}

/// Takes out of a cart what was bought of it by another way. Gives the lines that are left smaller and the SKUs of those
/// that are gone.
pub fn without_bought(cart: &Cart, bought: &HashMap<SkuId, i64>) -> (Vec<Line>, Vec<SkuId>) {
    let (mut smaller, mut gone) = (Vec::new(), Vec::new());
    for line in &cart.lines {
        match bought.get(&line.sku_id).map(|units| line.quantity - units) {
            Some(left) if left > 0 => smaller.push(Line { quantity: left, ..line.clone() }),
            Some(_) => gone.push(line.sku_id),
            None => {}
        }
    }
    (smaller, gone)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use souk_kernel::{CartId, Currency, ProductId, SellerId, Timestamp};

    use super::*;
    use crate::domain::Seen;

    fn cart(lines: &[(SkuId, i64)]) -> Cart {
        let mut cart = Cart::new(CartId::new());
        for (sku_id, quantity) in lines {
            let seen = Seen {
                product_id: ProductId::derived("product"),
                seller_id: SellerId::derived("seller"),
                seller_name: String::new(),
                title: String::new(),
                image: None,
                unit_price: 100,
                currency: Currency::GBP,
            };
            cart.add(*sku_id, *quantity, seen, None, Timestamp::default()).unwrap();
        }
        cart
    }

    fn quantity(cart: &Cart, sku_id: SkuId) -> i64 {
        cart.line(sku_id).map_or(0, |line| line.quantity)
    }

    #[test]
    fn quantities_add_up_to_the_stock() {
        let [both, full, new, gone, unknown] = std::array::from_fn(|_| SkuId::new());
        let mut user = cart(&[(both, 2), (full, 5)]);
        let guest = cart(&[(both, 3), (full, 1), (new, 9), (gone, 1), (unknown, 4)]);
        let available = HashMap::from([(both, 10), (full, 4), (new, 6), (gone, 0)]);
        assert_eq!(merge(&mut user, &guest, &available).len(), 3);
        let merged = [both, full, new, gone, unknown].map(|sku_id| quantity(&user, sku_id));
        assert_eq!(merged, [5, 5, 6, 0, 4]);
    }

    #[test]
    fn what_was_bought_is_taken_out() {
        let [some, all, more, other] = std::array::from_fn(|_| SkuId::new());
        let cart = cart(&[(some, 5), (all, 2), (more, 1), (other, 1)]);
        let (smaller, gone) = without_bought(&cart, &HashMap::from([(some, 2), (all, 2), (more, 3)]));
        assert_eq!(smaller.iter().map(|line| (line.sku_id, line.quantity)).collect::<Vec<_>>(), [(some, 3)]);
        assert_eq!(gone, [all, more]);
    }

    proptest! {
        #[test]
        fn merging_loses_nothing_of_the_users_and_invents_nothing(
            mine in proptest::collection::vec(0..20_i64, 5),
            theirs in proptest::collection::vec(0..20_i64, 5),
            stock in proptest::collection::vec(0..30_i64, 5),
        ) {
            let skus: Vec<SkuId> = (0..5).map(|_| SkuId::new()).collect();
            let lines = |units: &[i64]| {
                skus.iter().copied().zip(units.iter().copied()).filter(|(_, units)| *units > 0).collect::<Vec<_>>()
            };
            let (mut user, guest) = (cart(&lines(&mine)), cart(&lines(&theirs)));
            merge(&mut user, &guest, &skus.iter().copied().zip(stock.iter().copied()).collect());
            for (index, sku_id) in skus.iter().enumerate() {
                let merged = quantity(&user, *sku_id);
                prop_assert!(merged >= mine[index] && merged <= mine[index] + theirs[index]);
                prop_assert!(merged <= stock[index].max(mine[index]));
            }
        }
    }
}
