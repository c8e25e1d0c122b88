//! Price ranges with round bounds.

/// A range of prices, both ends included.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Range {
    pub min: i64,
    /// `None`: and more.
    pub max: Option<i64>,
    pub count: u64,
}

/// Ranges that are shown.
const MOST: usize = 7;
/// Steps of the ladder 1, 2, 5, 10, 20, 50 … up to 5·10¹².
pub const STEPS: usize = 39;

/// The lower bounds of the steps; the first begins at 0.
const BOUNDS: [i64; STEPS] = {
    let mut bounds = [0; STEPS];
    let (mut step, mut ten) = (1, 1);
    while step < STEPS {
        bounds[step] = [1, 2, 5][step % 3] * ten;
        if step % 3 == 2 {
            ten *= 10;
        }
        step += 1;
    }
    bounds
};

/// The lower bound of a step of the ladder.
fn bound(step: usize) -> i64 {
    BOUNDS.get(step).copied().unwrap_or(i64::MAX)
}

/// The step that a price stands on.
pub fn step(price: i64) -> usize {
    BOUNDS.partition_point(|bound| *bound <= price).saturating_sub(1)
}

/// Ranges from counts by step: neighbours are put together, the least frequent first, until few enough are left.
pub fn ranges(counts: &[u64; STEPS]) -> Vec<Range> {
    let mut steps: Vec<(usize, usize, u64)> =
        counts.iter().enumerate().map(|(step, count)| (step, step + 1, *count)).collect();
    while steps.last().is_some_and(|(.., count)| *count == 0) {
        steps.pop();
    }
    let empty = steps.iter().take_while(|(.., count)| *count == 0).count();
    steps.drain(..empty);
    while steps.len() > MOST || steps.iter().any(|(.., count)| *count == 0) {
        let pairs = steps.windows(2).map(|pair| pair[0].2 + pair[1].2).enumerate();
        let Some((at, _)) = pairs.min_by_key(|(_, count)| *count) else { break };
        let (_, end, count) = steps.remove(at + 1);
        steps[at].1 = end;
        steps[at].2 += count;
    }
    let open = steps.len();
    let range = |(index, (from, to, count)): (usize, &(usize, usize, u64))| Range {
        min: bound(*from),
        max: (index + 1 < open || *to < STEPS).then(|| bound(*to) - 1),
        count: *count,
    };
    steps.iter().enumerate().map(range).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn steps_are_round() {
        assert_eq!(BOUNDS[..8], [0, 2, 5, 10, 20, 50, 100, 200]);
        assert_eq!([0, 1, 2, 9, 10, 199, i64::MAX].map(step), [0, 0, 1, 2, 3, 6, STEPS - 1]);
    }

    proptest! {
        #[test]
        fn every_price_is_in_one_range_and_the_counts_say_so(prices in prop::collection::vec(0i64..2_000_000, 0..300)) {
            let mut counts = [0; STEPS];
            for price in &prices {
                counts[step(*price)] += 1;
            }
            let ranges = ranges(&counts);
            prop_assert!(ranges.len() <= MOST);
            for range in &ranges {
                let inside = |price: &&i64| **price >= range.min && range.max.is_none_or(|max| **price <= max);
                prop_assert_eq!(prices.iter().filter(inside).count() as u64, range.count);
                prop_assert!(range.count > 0);
            }
            prop_assert_eq!(ranges.iter().map(|range| range.count).sum::<u64>(), prices.len() as u64);
        }
    }
}
