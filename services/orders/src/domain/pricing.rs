//! Prices are computed once, here. Dividing an order among its sellers moves the priced lines and never prices again.

use souk_kernel::{
    Currency, MoneyError, ProductId, SellerId, SkuId,
    money::{allocate, share},
};

/// The most that one order may come to, in the smallest unit: sums of such orders still fit 64 bits.
pub const MAX_TOTAL: i64 = 1_000_000_000_000_000;

/// A line with the offer that it is bought at.
#[derive(Clone, Debug)]
pub struct OfferedLine {
    pub sku_id: SkuId,
    pub product_id: ProductId,
    pub seller_id: SellerId,
    pub seller_name: String,
    pub title: String,
    /// Most specific first; they decide the commission.
    pub category_ids: Vec<String>,
    pub quantity: i64,
    pub unit_price: i64,
}

/// What applies to the order as a whole.
#[derive(Clone, Copy, Debug, Default)]
pub struct Terms {
    /// For each seller's part.
    pub shipping: i64,
    /// Off the goods; never more than they cost.
    pub discount: i64,
    /// Added to goods and shipping.
    pub tax_basis_points: u16,
}

/// A line with its price.
#[derive(Clone, Debug)]
pub struct PricedLine {
    pub offer: OfferedLine,
    pub line_total: i64,
    pub discount: i64,
    pub tax: i64,
}

impl PricedLine {
    /// What the seller sells it for: the base of the commission.
    pub fn net(&self) -> i64 {
        self.line_total - self.discount
    }
}

/// One seller's part.
#[derive(Clone, Debug)]
pub struct PricedPart {
    pub seller_id: SellerId,
    pub seller_name: String,
    pub lines: Vec<PricedLine>,
    pub shipping: i64,
    /// The part of the tax that is on shipping.
    pub shipping_tax: i64,
    pub sums: Sums,
}

/// Subtotal − discount + shipping + tax = total.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Sums {
    pub subtotal: i64,
    pub discount: i64,
    pub shipping: i64,
    pub tax: i64,
    pub total: i64,
}

/// An order with its prices, divided among its sellers in the order in which they first appear.
#[derive(Clone, Debug)]
pub struct Priced {
    pub currency: Currency,
    pub parts: Vec<PricedPart>,
    pub sums: Sums,
}

/// Prices `lines` and divides them among their sellers. Shared amounts (discount, tax) are divided by largest remainder,
/// so the parts add up to the whole to the last unit. Errors when the total is out of range.
pub fn price(lines: Vec<OfferedLine>, currency: Currency, terms: Terms) -> Result<Priced, MoneyError> {
    let totals = lines
        .iter()
        .map(|line| line.unit_price.checked_mul(line.quantity).filter(|total| *total <= MAX_TOTAL))
        .collect::<Option<Vec<i64>>>()
        .ok_or(MoneyError::Overflow)?;
    let subtotal = total_of(totals.iter().copied())?;
    let discount = terms.discount.clamp(0, subtotal);
    let discounts = allocate(discount, &totals);
    let mut parts = divide(lines, &totals, &discounts, terms.shipping);
    let shipping = total_of(parts.iter().map(|part| part.shipping))?;
    let tax = share(subtotal - discount + shipping, terms.tax_basis_points.into(), 10_000)?;
    levy(&mut parts, tax);
    let sums = Sums { subtotal, discount, shipping, tax, total: subtotal - discount + shipping + tax };
    if sums.total > MAX_TOTAL {
        return Err(MoneyError::Overflow);
    }
    Ok(Priced { currency, parts, sums })
}

fn total_of(mut amounts: impl Iterator<Item = i64>) -> Result<i64, MoneyError> {
    amounts
        .try_fold(0_i64, |sum, amount| sum.checked_add(amount).filter(|sum| *sum <= MAX_TOTAL))
        .ok_or(MoneyError::Overflow)
}

fn divide(lines: Vec<OfferedLine>, totals: &[i64], discounts: &[i64], shipping: i64) -> Vec<PricedPart> {
    let mut parts: Vec<PricedPart> = Vec::new();
    for ((offer, line_total), discount) in lines.into_iter().zip(totals).zip(discounts) {
        let index = parts.iter().position(|part| part.seller_id == offer.seller_id).unwrap_or_else(|| {
            parts.push(PricedPart {
                seller_id: offer.seller_id,
                seller_name: offer.seller_name.clone(),
                lines: Vec::new(),
                shipping,
                shipping_tax: 0,
                sums: Sums::default(),
            });
            parts.len() - 1
        });
        parts[index].lines.push(PricedLine { offer, line_total: *line_total, discount: *discount, tax: 0 });
    }
    parts
}

/// Divides the tax among lines and shipping, and sums up each part.
fn levy(parts: &mut [PricedPart], tax: i64) {
    let weights: Vec<i64> =
        parts.iter().flat_map(|part| part.lines.iter().map(PricedLine::net).chain([part.shipping])).collect();
    let mut shares = allocate(tax, &weights).into_iter();
    for part in parts {
        for line in &mut part.lines {
            line.tax = shares.next().unwrap_or(0);
        }
        part.shipping_tax = shares.next().unwrap_or(0);
        let subtotal = part.lines.iter().map(|line| line.line_total).sum();
        let discount = part.lines.iter().map(|line| line.discount).sum();
        let tax = part.lines.iter().map(|line| line.tax).sum::<i64>() + part.shipping_tax;
        let total = subtotal - discount + part.shipping + tax;
        part.sums = Sums { subtotal, discount, shipping: part.shipping, tax, total };
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn line(seller: u8, unit_price: i64, quantity: i64) -> OfferedLine {
        OfferedLine {
            sku_id: SkuId::new(),
            product_id: ProductId::new(),
            seller_id: SellerId::derived(&seller.to_string()),
            seller_name: format!("Seller {seller}"),
            title: "Thing".to_owned(),
            category_ids: Vec::new(),
            quantity,
            unit_price,
        }
    }

    #[test]
    fn shipping_is_charged_for_each_seller_and_the_tax_divided_among_all() {
        let terms = Terms { shipping: 500, discount: 0, tax_basis_points: 2000 };
        let priced = price(vec![line(1, 1000, 2), line(2, 999, 1), line(1, 1, 1)], Currency::GBP, terms).unwrap();
        assert_eq!(priced.sums, Sums { subtotal: 3000, discount: 0, shipping: 1000, tax: 800, total: 4800 });
        assert_eq!(priced.parts.len(), 2);
        assert_eq!(priced.parts[0].lines.len(), 2);
        assert_eq!(priced.parts[0].sums, Sums { subtotal: 2001, discount: 0, shipping: 500, tax: 500, total: 3001 });
        assert_eq!(priced.parts[1].sums, Sums { subtotal: 999, discount: 0, shipping: 500, tax: 300, total: 1799 });
    }

    #[test]
    fn a_total_that_is_too_large_is_an_error_and_not_a_wrap() {
        let huge = line(1, 1_000_000_000_000, 1_000_000);
        assert!(price(vec![huge.clone(), huge], Currency::GBP, Terms::default()).is_err());
        let many = (0..1000).map(|_| line(1, MAX_TOTAL / 1000, 1)).collect();
        assert_eq!(price(many, Currency::GBP, Terms::default()).unwrap().sums.total, MAX_TOTAL);
    }

    proptest! {
        #[test]
        fn the_parts_add_up_to_the_whole(
            lines in prop::collection::vec((0..5_u8, 0..1_000_000_i64, 1..1000_i64), 1..40),
            shipping in 0..100_000_i64,
            discount in 0..2_000_000_i64,
            tax_basis_points in 0..10_000_u16,
        ) {
            let lines: Vec<_> = lines.into_iter().map(|(seller, price, quantity)| line(seller, price, quantity)).collect();
            let skus: Vec<_> = lines.iter().map(|line| line.sku_id).collect();
            let priced = price(lines, Currency::EUR, Terms { shipping, discount, tax_basis_points }).unwrap();
            let whole = priced.sums;
            prop_assert_eq!(whole.total, whole.subtotal - whole.discount + whole.shipping + whole.tax);
            let of_parts = |amount: fn(&Sums) -> i64| priced.parts.iter().map(|part| amount(&part.sums)).sum::<i64>();
            prop_assert_eq!(of_parts(|sums| sums.subtotal), whole.subtotal);
            prop_assert_eq!(of_parts(|sums| sums.discount), whole.discount);
            prop_assert_eq!(of_parts(|sums| sums.shipping), whole.shipping);
            prop_assert_eq!(of_parts(|sums| sums.tax), whole.tax);
            prop_assert_eq!(of_parts(|sums| sums.total), whole.total);
            let mut moved = Vec::new();
            for part in &priced.parts {
                prop_assert_eq!(part.lines.iter().map(|line| line.tax).sum::<i64>() + part.shipping_tax, part.sums.tax);
                for line in &part.lines {
                    prop_assert_eq!(line.offer.seller_id, part.seller_id);
                    prop_assert_eq!(line.line_total, line.offer.unit_price * line.offer.quantity);
                    prop_assert!(line.discount >= 0 && line.discount <= line.line_total && line.tax >= 0);
                    moved.push(line.offer.sku_id);
                }
            }
            moved.sort();
            let mut skus = skus;
            skus.sort();
            prop_assert_eq!(moved, skus);
        }
    }
}
