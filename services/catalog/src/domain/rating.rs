//! Ratings as sums, so that adding and taking away are exact.

/// The reviews of something: how many, and the sum of their stars.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Rating {
    pub sum: i64,
    pub count: i64,
}

impl Rating {
    pub fn new(sum: i64, count: i64) -> Self {
        Self { sum, count }
    }

    /// With one more review.
    #[must_use]
    pub fn with(self, stars: i16) -> Self {
        Self { sum: self.sum + i64::from(stars), count: self.count + 1 }
    }

    /// With one review less.
    #[must_use]
    pub fn without(self, stars: i16) -> Self {
        Self { sum: self.sum - i64::from(stars), count: self.count - 1 }
    }

    /// The average in thousandths of a star; 0 without reviews.
    pub fn thousandths(self) -> i64 {
        if self.count > 0 { (self.sum * 1_000 + self.count / 2) / self.count } else { 0 }
    }

    /// The average to two decimals; 0 without reviews.
    pub fn average(self) -> f64 {
        let hundredths = i32::try_from((self.thousandths() + 5) / 10).expect("an average is at most 500 hundredths");
        f64::from(hundredths) / 100.0
    }

    /// Sorts by average, then by the number of reviews, in one integer that an index can hold.
    pub fn rank(self) -> i64 {
        const COUNTS: i64 = 1_000_000;
        self.thousandths() * COUNTS + self.count.clamp(0, COUNTS - 1)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn averages_are_rounded_once() {
        assert_eq!(Rating::new(14, 3).average().to_string(), "4.67");
        assert_eq!(Rating::default().average().to_string(), "0");
        assert!(Rating::new(9, 2).rank() > Rating::new(4, 1).rank());
        assert!(Rating::new(10, 2).rank() > Rating::new(5, 1).rank());
    }

    proptest! {
        #[test]
        fn taking_a_review_away_undoes_adding_it(stars in prop::collection::vec(1_i16..=5, 0..50), one in 1_i16..=5) {
            let rating = stars.iter().fold(Rating::default(), |rating, stars| rating.with(*stars));
            prop_assert_eq!(rating.with(one).without(one), rating);
            prop_assert!(stars.is_empty() || (1.0..=5.0).contains(&rating.average()));
        }
    }
}
