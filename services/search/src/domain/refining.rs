//! The finer order of the best: by the category that they share, and by words that stand close together.

/// The best by words alone, among which the order is refined.
pub const REFINED: usize = 400;
/// The best whose titles are looked at.
pub const TITLES: usize = 150;
/// Products that say what category is meant.
const VOTERS: usize = 40;

/// For each of the best, with its score and the number of its category: the share of its category among the first.
pub fn category_shares(best: impl Iterator<Item = (f32, Option<usize>)> + Clone) -> Vec<f32> {
    let categories = best.clone().filter_map(|(_, category)| category).max().map_or(0, |last| last + 1);
    let mut votes = vec![0f32; categories];
    let mut all = f32::MIN_POSITIVE;
    for (score, category) in best.clone().take(VOTERS) {
        all += score;
        if let Some(category) = category {
            votes[category] += score;
        }
    }
    best.map(|(_, category)| category.map_or(0.0, |category| votes[category] / all)).collect()
}

/// How close together a title has so many terms, 0 to 1: the share of the terms that are there, times how much of the
/// shortest stretch that has them all they fill. `places` holds positions with the number of the term that stands there.
pub fn closeness(places: &mut [(u32, usize)], terms: usize) -> f32 {
    places.sort_unstable();
    let mut present = vec![0u32; terms];
    for (_, term) in places.iter() {
        present[*term] = 1;
    }
    let there = present.iter().sum::<u32>();
    if there < 2 {
        return 0.0;
    }
    present.fill(0);
    let (mut left, mut inside, mut shortest) = (0, 0, u32::MAX);
    for right in 0..places.len() {
        present[places[right].1] += 1;
        inside += u32::from(present[places[right].1] == 1);
        while inside == there {
            shortest = shortest.min(places[right].0 - places[left].0 + 1);
            present[places[left].1] -= 1;
            inside -= u32::from(present[places[left].1] == 0);
            left += 1;
        }
    }
    #[expect(clippy::cast_precision_loss, reason = "a title has few words")]
    let (there, shortest, all) = (there as f32, shortest.max(there) as f32, terms as f32);
    (there - 1.0) / (all - 1.0) * (there / shortest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_side_by_side_are_closest() {
        let of = |places: &[(u32, usize)], terms| closeness(&mut places.to_vec(), terms);
        assert!((of(&[(3, 0), (4, 1)], 2) - 1.0).abs() < 1e-6);
        assert!(of(&[(0, 0), (4, 1)], 2) < of(&[(3, 0), (5, 1)], 2));
        assert!(of(&[(3, 0), (4, 1)], 3) < 1.0, "one is missing");
        assert!(of(&[(3, 0), (9, 0)], 2).abs() < 1e-6, "twice the same");
    }

    #[test]
    fn the_category_of_the_first_gets_its_share() {
        let best = [(2.0, Some(0)), (1.0, Some(1)), (1.0, None)];
        assert_eq!(category_shares(best.into_iter()), [0.5, 0.25, 0.0]);
    }
}
