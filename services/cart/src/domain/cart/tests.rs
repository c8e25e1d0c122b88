use proptest::prelude::*;

use super::*;

pub fn seen(unit_price: i64) -> Seen {
    Seen {
        product_id: ProductId::derived("product"),
        seller_id: SellerId::derived("seller"),
        seller_name: "Seller".to_owned(),
        title: "Title".to_owned(),
        image: None,
        unit_price,
        currency: Currency::GBP,
    }
}

fn cart() -> Cart {
    Cart::new(CartId::new())
}

fn now() -> Timestamp {
    Timestamp::default()
}

#[test]
fn adding_again_adds_up_and_takes_over_the_new_price() {
    let (mut cart, sku_id) = (cart(), SkuId::new());
    cart.add(sku_id, 2, seen(100), Some(5), now()).unwrap();
    let line = cart.add(sku_id, 3, seen(90), Some(5), now()).unwrap();
    assert_eq!((line.quantity, line.seen.unit_price), (5, 90));
    assert_eq!(cart.add(sku_id, 1, seen(90), Some(5), now()), Err(Refusal::OutOfStock { available: 5 }));
    assert_eq!(cart.set(sku_id, 4, seen(90), Some(3), now()), Err(Refusal::OutOfStock { available: 3 }));
    assert_eq!(cart.set(sku_id, 1, seen(90), None, now()).unwrap().quantity, 1);
    assert_eq!(cart.lines.len(), 1);
}

#[test]
fn what_is_not_there_can_be_neither_set_nor_removed() {
    let mut cart = cart();
    assert_eq!(cart.set(SkuId::new(), 1, seen(1), None, now()), Err(Refusal::NotThere));
    assert_eq!(cart.remove(SkuId::new()), Err(Refusal::NotThere));
}

#[test]
fn a_frozen_cart_does_not_change() {
    let (mut cart, sku_id, order_id) = (cart(), SkuId::new(), OrderId::new());
    cart.add(sku_id, 1, seen(1), None, now()).unwrap();
    (cart.status, cart.order_id) = (Status::Frozen, Some(order_id));
    let frozen = Refusal::Frozen { order_id: Some(order_id) };
    assert_eq!(cart.add(sku_id, 1, seen(1), None, now()), Err(frozen));
    assert_eq!(cart.set(sku_id, 1, seen(1), None, now()), Err(frozen));
    assert_eq!(cart.remove(sku_id), Err(frozen));
}

#[test]
fn a_cart_has_one_currency() {
    let (mut cart, sku_id) = (cart(), SkuId::new());
    let euro = Seen { currency: Currency::EUR, ..seen(1) };
    cart.add(sku_id, 1, seen(1), None, now()).unwrap();
    assert_eq!(cart.add(SkuId::new(), 1, euro.clone(), None, now()), Err(Refusal::OtherCurrency(Currency::GBP)));
    assert!(cart.set(sku_id, 1, euro, None, now()).is_ok(), "its only line may change it");
}

#[test]
fn a_cart_is_bounded() {
    let mut cart = cart();
    for _ in 0..MOST_LINES {
        cart.add(SkuId::new(), 1, seen(1), None, now()).unwrap();
    }
    assert_eq!(cart.add(SkuId::new(), 1, seen(1), None, now()), Err(Refusal::TooManyLines));
    let sku_id = cart.lines[0].sku_id;
    assert_eq!(cart.add(sku_id, MOST_UNITS, seen(1), None, now()), Err(Refusal::TooManyUnits));
    assert_eq!(cart.add(sku_id, i64::MAX, seen(i64::MAX), None, now()), Err(Refusal::TooManyUnits));
    assert_eq!(cart.set(sku_id, 2, seen(MOST_VALUE / 2), None, now()), Err(Refusal::TooMuchValue));
}

proptest! {
    #[test]
    fn no_sequence_of_changes_breaks_the_limits(
        changes in proptest::collection::vec((0..6_usize, 0..3_u8, 1..2_000_000_i64, 0..i64::MAX, 0..50_i64), 1..60),
    ) {
        let skus: Vec<SkuId> = (0..6).map(|_| SkuId::new()).collect();
        let mut cart = cart();
        for (sku, what, units, price, available) in changes {
            let before = cart.clone();
            let (sku_id, available) = (skus[sku], (available % 2 == 0).then_some(available * 100_000));
            let changed = match what {
                0 => cart.add(sku_id, units, seen(price), available, now()).map(|_| ()),
                1 => cart.set(sku_id, units, seen(price), available, now()).map(|_| ()),
                _ => cart.remove(sku_id),
            };
            if changed.is_err() {
                prop_assert_eq!(&cart, &before, "a refusal changes nothing");
            }
            prop_assert!(cart.lines.iter().all(|line| (1..=MOST_UNITS).contains(&line.quantity)));
            prop_assert!(cart.lines.iter().map(Line::value).sum::<i128>() <= i128::from(MOST_VALUE));
        }
    }
}
