//! What a buyer asks for, before it has a price.

use serde::{Deserialize, Serialize};
use souk_kernel::SkuId;

/// Lines in one order, at most.
pub const MAX_LINES: usize = 1000;
/// Units in one line, at most.
pub const MAX_QUANTITY: i64 = 1_000_000;

/// A SKU and how many of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct RequestedLine {
    pub sku_id: SkuId,
    pub quantity: i64,
}

/// The lines with each SKU once, in the order of first appearance; `Err` with a SKU whose quantities add up to more than
/// a line may have.
pub fn merged(lines: impl IntoIterator<Item = RequestedLine>) -> Result<Vec<RequestedLine>, SkuId> {
    let mut merged: Vec<RequestedLine> = Vec::new();
    let mut places = std::collections::HashMap::new();
    for line in lines {
        let place = *places.entry(line.sku_id).or_insert(merged.len());
        match merged.get_mut(place) {
            Some(known) => known.quantity = known.quantity.saturating_add(line.quantity),
            None => merged.push(line),
        }
        if merged[place].quantity > MAX_QUANTITY {
            return Err(line.sku_id);
        }
    }
    Ok(merged)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sku_that_is_named_twice_is_one_line() {
        let (a, b) = (SkuId::new(), SkuId::new());
        let line = |sku_id, quantity| RequestedLine { sku_id, quantity };
        let lines = merged([line(a, 1), line(b, 2), line(a, 3)]).unwrap();
        assert_eq!(lines, [line(a, 4), line(b, 2)]);
        assert_eq!(merged([line(a, MAX_QUANTITY), line(a, 1)]), Err(a));
    }
}
