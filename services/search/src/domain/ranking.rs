//! What else counts besides the words: how well a product sells, whether it can be had, what buyers say, how new it is.

use serde::{Deserialize, Serialize};

/// The weights of the ranking. `score = words · (1 + Σ weight · signal)`, each signal between 0 and 1.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Weights {
    /// How soon more occurrences of a word stop to count (the `k1` of BM25).
    pub saturation: f32,
    /// Of words that stand close together in the title, as a share of the score.
    pub proximity: f32,
    /// Of a category that the best products share, as a share of the score.
    pub category: f32,
    /// Of units sold: `ln(1 + units) / ln(1 + 1000)`.
    pub popularity: f32,
    /// Of being in stock.
    pub stock: f32,
    /// Of stars: the average, drawn towards 3.5 as by five reviews, from 1 (0) to 5 (1).
    pub rating: f32,
    /// Of being new: halves every 90 days.
    pub freshness: f32,
}

impl Default for Weights {
    fn default() -> Self {
        Self {
            saturation: 1.25,
            proximity: 0.05,
            category: 0.35,
            popularity: 0.3,
            stock: 0.2,
            rating: 0.15,
            freshness: 0.05,
        }
    }
}

/// A product's signals, in one number of the index.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Signals {
    /// Units sold.
    pub popularity: u32,
    /// The average of its stars in hundredths.
    pub stars: u16,
    /// How many gave stars.
    pub reviews: u16,
    pub in_stock: bool,
}

const MOST_SOLD: u32 = (1 << 24) - 1;
const MOST_REVIEWS: u16 = (1 << 12) - 1;
const HALF_LIFE_DAYS: f32 = 90.0;

impl Signals {
    /// As one number.
    pub fn pack(self) -> u64 {
        u64::from(self.popularity.min(MOST_SOLD))
            | u64::from(self.stars.min(500)) << 24
            | u64::from(self.reviews.min(MOST_REVIEWS)) << 34
            | u64::from(self.in_stock) << 46
    }

    /// Back from one number.
    pub fn unpack(packed: u64) -> Self {
        let bits = |from: u32, mask: u32| u32::try_from(packed >> from & u64::from(mask)).unwrap_or_default();
        let narrow = |value: u32| u16::try_from(value).unwrap_or_default();
        Self {
            popularity: bits(0, MOST_SOLD),
            stars: narrow(bits(24, 0x3ff)),
            reviews: narrow(bits(34, u32::from(MOST_REVIEWS))),
            in_stock: packed >> 46 & 1 == 1,
        }
    }
}

impl Weights {
    /// What a term adds that a product has with this weighed frequency, for each unit of its weight.
    pub fn impact(&self, frequency: f32) -> f32 {
        (self.saturation + 1.0) * frequency / (self.saturation + frequency)
    }

    /// What the score of a product of this age is multiplied by.
    #[expect(clippy::cast_precision_loss, reason = "at most 24 bits")]
    pub fn prior(&self, signals: Signals, age_days: f32) -> f32 {
        let sold = ((1.0 + signals.popularity as f32).ln() / 1001f32.ln()).min(1.0);
        let reviews = f32::from(signals.reviews);
        let stars = (f32::from(signals.stars) / 100.0 * reviews + 3.5 * 5.0) / (reviews + 5.0);
        let stock = if signals.in_stock { 1.0 } else { 0.0 };
        let fresh = (-age_days.max(0.0) / HALF_LIFE_DAYS).exp2();
        1.0 + self.popularity * sold + self.stock * stock + self.rating * ((stars - 1.0) / 4.0) + self.freshness * fresh
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn signals_survive_packing(popularity in 0u32..1 << 24, stars in 0u16..=500, reviews in 0u16..1 << 12, in_stock: bool) {
            let signals = Signals { popularity, stars, reviews, in_stock };
            prop_assert_eq!(Signals::unpack(signals.pack()), signals);
        }

        #[test]
        fn a_better_signal_is_never_worse(sold in 0u32..10_000, more in 0u32..1000, age in 0f32..1000.0) {
            let weights = Weights::default();
            let worse = Signals { popularity: sold, stars: 400, reviews: 10, in_stock: false };
            let better = Signals { popularity: sold + more, stars: 450, in_stock: true, ..worse };
            prop_assert!(weights.prior(better, age) > weights.prior(worse, age + 1.0));
        }
    }
}
