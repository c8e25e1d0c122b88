use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::domain::{Hold, HoldStatus, reservation};
use souk_kernel::OrderId;

fn stock(levels: &[(&str, i64, i64)]) -> Stock {
    let mut stock = Stock::new(SkuId::new(), SellerId::new());
    for (version, (location, on_hand, reserved)) in (1..).zip(levels) {
        let level = Level { on_hand: *on_hand, reserved: *reserved };
        stock.load(Place { location: (*location).to_owned(), level, version });
    }
    stock
}

#[test]
fn a_hold_lies_at_one_location_if_one_has_it_all() {
    let mut stock = stock(&[("north", 9, 0), ("main", 4, 0), ("south", 5, 0)]);
    assert_eq!(stock.reserve(4).unwrap(), [("main".to_owned(), 4)]);
    assert_eq!(stock.reserve(8).unwrap(), [("north".to_owned(), 8)]);
    assert_eq!(stock.reserve(6).unwrap(), [("south".to_owned(), 5), ("north".to_owned(), 1)]);
    assert_eq!(stock.reserve(1), Err(Refusal::Short { available: 0 }));
    assert_eq!(stock.entries().iter().map(|entry| entry.version).collect::<Vec<_>>(), [4, 5, 6, 7]);
    assert!(stock.availability_changed());
}

#[test]
fn setting_the_total_moves_only_the_main_location() {
    let mut stock = stock(&[("main", 4, 1), ("north", 6, 0)]);
    stock.set_on_hand(None, 12, MovementKind::Adjusted).unwrap();
    assert_eq!(stock.places()[0].level.on_hand, 6);
    assert_eq!(stock.changed().count(), 1);
    stock.set_on_hand(None, 12, MovementKind::Adjusted).unwrap();
    assert_eq!(stock.entries().len(), 1);
    let refused = stock.set_on_hand(None, 6, MovementKind::Adjusted);
    assert_eq!(refused, Err(Refusal::BelowReserved { reserved: 1 }));
    stock.set_on_hand(Some("south"), 3, MovementKind::Synced).unwrap();
    assert_eq!(stock.totals().on_hand, 15);
}

#[test]
fn a_commit_does_not_change_what_can_be_bought() {
    let mut stock = stock(&[("main", 4, 2)]);
    stock.record(MAIN, Movement::new(MovementKind::Committed, 2)).unwrap();
    assert!(!stock.availability_changed());
}

#[derive(Clone, Debug)]
enum Act {
    Reserve { order: usize, units: i64 },
    Commit { order: usize },
    Release { order: usize },
    Restock { order: usize, units: Option<i64> },
    Adjust { location: usize, units: i64 },
    Set { location: Option<usize>, on_hand: i64 },
}

const LOCATIONS: [&str; 3] = ["main", "north", "south"];

fn acts() -> impl Strategy<Value = Act> {
    prop_oneof![
        (0..4_usize, 1..20_i64).prop_map(|(order, units)| Act::Reserve { order, units }),
        (0..4_usize).prop_map(|order| Act::Commit { order }),
        (0..4_usize).prop_map(|order| Act::Release { order }),
        (0..4_usize, proptest::option::of(1..20_i64)).prop_map(|(order, units)| Act::Restock { order, units }),
        (0..3_usize, -30..30_i64).prop_map(|(location, units)| Act::Adjust { location, units }),
        (proptest::option::of(0..3_usize), 0..60_i64).prop_map(|(location, on_hand)| Act::Set { location, on_hand }),
    ]
}

/// Does one act as the operations do; a refusal changes nothing.
fn act(stock: &mut Stock, orders: &mut [Vec<Hold>], act: Act) {
    let sku_id = stock.sku_id();
    let apply = |stock: &mut Stock, steps: Vec<reservation::Step>| {
        for step in steps {
            stock.record(&step.location, step.movement).expect("the books and the holds agree");
        }
    };
    match act {
        Act::Reserve { order, units } => {
            if matches!(reservation::Standing::of(&orders[order]), reservation::Standing::Nothing)
                && let Ok(parts) = stock.reserve(units)
            {
                let expires_at = souk_kernel::Timestamp::default();
                let order_id = OrderId::derived(&order.to_string());
                orders[order].retain(|hold| !parts.iter().any(|(location, _)| *location == hold.location));
                orders[order].extend(
                    parts
                        .into_iter()
                        .map(|(location, quantity)| Hold::new(order_id, sku_id, location, quantity, expires_at)),
                );
            }
        }
        Act::Commit { order } => apply(stock, reservation::commit(&mut orders[order])),
        Act::Release { order } => apply(stock, reservation::release(&mut orders[order])),
        Act::Restock { order, units } => {
            let lines = units.map(|units| BTreeMap::from([(sku_id, units)]));
            if let Ok(steps) = reservation::restock(&mut orders[order], lines.as_ref()) {
                apply(stock, steps);
            }
        }
        Act::Adjust { location, units } => {
            let _ = stock.shift(Some(LOCATIONS[location]), units, MovementKind::Adjusted);
        }
        Act::Set { location, on_hand } => {
            let location = location.map(|location| LOCATIONS[location]);
            let _ = stock.set_on_hand(location, on_hand, MovementKind::Synced);
        }
    }
}

proptest! {
    #[test]
    fn whatever_happens_nothing_is_oversold_and_the_ledger_folds_to_the_state(
        sequence in proptest::collection::vec(acts(), 1..80),
    ) {
        let mut stock = stock(&[]);
        stock.record(MAIN, Movement::new(MovementKind::Received, 40)).unwrap();
        let mut orders = vec![Vec::new(); 4];
        for one in sequence {
            act(&mut stock, &mut orders, one);

            let mut folded: BTreeMap<&str, (i64, i64)> = BTreeMap::new();
            for (number, entry) in (1..).zip(stock.entries()) {
                prop_assert_eq!(entry.version, number, "numbered without gaps");
                let (on_hand, reserved) = entry.movement.deltas();
                let sum = folded.entry(&entry.location).or_default();
                *sum = (sum.0 + on_hand, sum.1 + reserved);
            }
            for place in stock.places() {
                prop_assert!(0 <= place.level.reserved && place.level.reserved <= place.level.on_hand);
                prop_assert_eq!(folded[place.location.as_str()], (place.level.on_hand, place.level.reserved));
                let held: i64 = orders.iter().flatten()
                    .filter(|hold| hold.status == HoldStatus::Active && hold.location == place.location)
                    .map(|hold| hold.quantity)
                    .sum();
                prop_assert_eq!(held, place.level.reserved, "every held unit belongs to an order");
            }
        }
    }
}
