//! What goes back to the buyer for returned units.

use souk_kernel::{MoneyError, money::share};

/// What a line was sold for, and what came back of it before.
#[derive(Clone, Copy, Debug)]
pub struct SoldLine {
    pub quantity: i64,
    pub returned: i64,
    pub line_total: i64,
    pub discount: i64,
    pub tax: i64,
}

impl SoldLine {
    /// The money for `units` more of the line: its share of price less discount, and of the tax. Computed on the sums so
    /// far, so that however the units come back, all of them together give exactly what was paid. `None` when more would
    /// come back than was sold.
    pub fn refund_for(&self, units: i64) -> Option<i64> {
        let after = self.returned.checked_add(units).filter(|after| units > 0 && *after <= self.quantity)?;
        let paid = self.line_total - self.discount + self.tax;
        let until = |units: i64| -> Result<i64, MoneyError> { share(paid, units, self.quantity) };
        Some(until(after).ok()? - until(self.returned).ok()?)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn more_than_was_sold_does_not_come_back() {
        let line = SoldLine { quantity: 3, returned: 2, line_total: 1000, discount: 0, tax: 0 };
        assert_eq!(line.refund_for(2), None);
        assert_eq!(line.refund_for(0), None);
        assert_eq!(line.refund_for(-1), None);
        assert_eq!(line.refund_for(1), Some(333));
    }

    proptest! {
        #[test]
        fn a_series_of_returns_gives_back_exactly_what_was_paid(
            line_total in 0..10_000_000_i64, discount in 0..1000_i64, tax in 0..1000_i64, steps in prop::collection::vec(1..5_i64, 1..10),
        ) {
            let quantity: i64 = steps.iter().sum();
            let discount = discount.min(line_total);
            let mut line = SoldLine { quantity, returned: 0, line_total, discount, tax };
            let mut refunded = 0;
            for units in steps {
                let amount = line.refund_for(units).unwrap();
                prop_assert!(amount >= 0);
                refunded += amount;
                line.returned += units;
            }
            prop_assert_eq!(refunded, line_total - discount + tax);
        }
    }
}
