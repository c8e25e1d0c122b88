//! What an external stock system tells us, and how each of its items is judged.

use std::collections::HashSet;

use sea_orm::{DeriveActiveEnum, EnumIter, sea_query::StringLen};
use serde::{Deserialize, Serialize};
use souk_kernel::{SkuId, Timestamp};

use super::MOST_UNITS;

/// How a source hands in its numbers.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, EnumIter, DeriveActiveEnum, utoipa::ToSchema)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))", rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum SourceKind {
    /// It pushes signed JSON batches.
    Webhook,
    /// Somebody uploads CSV files.
    Csv,
}

/// One number of the source: so many of this are on hand.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Item {
    /// The source's own name for the SKU.
    pub sku: String,
    pub on_hand: i64,
}

/// Our SKU for a source's name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Match {
    pub sku_id: SkuId,
    /// The time of the newest number that this source gave for it.
    pub as_of: Option<Timestamp>,
}

/// Why an item was not taken over.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// Neither mapped nor the code of one of the seller's SKUs.
    UnknownSku,
    /// Named before in the same batch.
    Duplicate,
    /// Not a number of units that a location can hold.
    InvalidQuantity,
    /// Not readable as a line of `sku,on_hand`.
    Unreadable,
    /// A newer number of the same source is in force.
    Stale,
    /// Orders hold more units than that.
    BelowReserved,
    /// The SKU lies at too many locations already.
    TooManyLocations,
}

impl Reason {
    /// Whether the same item may be taken over another time.
    pub const fn may_pass(self) -> bool {
        matches!(self, Self::UnknownSku | Self::BelowReserved | Self::TooManyLocations)
    }
}

/// Judges an item by itself; what it does to the stock is judged by the stock.
pub fn judge(item: &Item, found: Option<Match>, as_of: Timestamp, seen: &mut HashSet<SkuId>) -> Result<SkuId, Reason> {
    let Match { sku_id, as_of: newest } = found.ok_or(Reason::UnknownSku)?;
    if !(0..=MOST_UNITS).contains(&item.on_hand) {
        return Err(Reason::InvalidQuantity);
    }
    // Equal times are let through: a batch that is sent again changes nothing, and times have whole seconds.
    if newest.is_some_and(|newest| newest > as_of) {
        return Err(Reason::Stale);
    }
    if seen.insert(sku_id) { Ok(sku_id) } else { Err(Reason::Duplicate) }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    #[test]
    fn the_last_writer_is_the_one_with_the_newest_number() {
        let sku_id = SkuId::new();
        let as_of = Timestamp::from_timestamp(1_770_000_000, 0).unwrap();
        let item = Item { sku: "A-1".to_owned(), on_hand: 5 };
        let judge_after = |newest: TimeDelta| {
            let found = Match { sku_id, as_of: Some(as_of + newest) };
            judge(&item, Some(found), as_of, &mut HashSet::new())
        };
        assert_eq!(judge_after(TimeDelta::seconds(-1)), Ok(sku_id));
        assert_eq!(judge_after(TimeDelta::zero()), Ok(sku_id));
        assert_eq!(judge_after(TimeDelta::seconds(1)), Err(Reason::Stale));
    }

    #[test]
    fn two_names_for_one_sku_do_not_overwrite_each_other_in_one_batch() {
        let found = Some(Match { sku_id: SkuId::new(), as_of: None });
        let mut seen = HashSet::new();
        let now = Timestamp::default();
        let item = |on_hand| Item { sku: "A".to_owned(), on_hand };
        assert!(judge(&item(1), found, now, &mut seen).is_ok());
        assert_eq!(judge(&item(2), found, now, &mut seen), Err(Reason::Duplicate));
        assert_eq!(judge(&item(-1), found, now, &mut HashSet::new()), Err(Reason::InvalidQuantity));
        assert_eq!(judge(&item(1), None, now, &mut seen), Err(Reason::UnknownSku));
    }
}
