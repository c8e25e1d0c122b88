//! Measures of ranked lists against grades: discounted cumulative gain (Järvelin, Kekäläinen 2002), precision, reciprocal rank.

use std::collections::BTreeMap;

/// Ranks that count.
const K: usize = 10;
/// From this grade on a product is relevant.
const RELEVANT: u8 = 2;

/// The grades of one query, by product.
pub type Grades = BTreeMap<String, u8>;

/// How a grade counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Gain {
    /// The grade itself.
    Linear,
    /// `2^grade - 1`.
    Exponential,
}

impl Gain {
    fn of(self, grade: u8) -> f64 {
        match self {
            Self::Linear => f64::from(grade),
            Self::Exponential => f64::from(grade).exp2() - 1.0,
        }
    }
}

fn dcg(grades: impl Iterator<Item = u8>, gain: Gain) -> f64 {
    let ranks = (2..).map(f64::from as fn(u32) -> f64);
    grades.take(K).zip(ranks).map(|(grade, rank)| gain.of(grade) / rank.log2()).sum()
}

/// The list's DCG over that of the best order of the graded products. `None` when no grade is above 0.
pub fn ndcg(list: &[String], grades: &Grades, judged_only: bool, gain: Gain) -> Option<f64> {
    let mut best: Vec<u8> = grades.values().copied().collect();
    best.sort_unstable_by(|a, b| b.cmp(a));
    let ideal = dcg(best.into_iter(), gain);
    let found = list.iter().filter_map(|id| match grades.get(id) {
        Some(grade) => Some(*grade),
        None if judged_only => None,
        None => Some(0),
    });
    (ideal > 0.0).then(|| dcg(found, gain) / ideal)
}

fn is_relevant(grades: &Grades, id: &str) -> bool {
    grades.get(id).is_some_and(|grade| *grade >= RELEVANT)
}

/// Whether any product is relevant, without which the two measures below say nothing.
pub fn has_relevant(grades: &Grades) -> bool {
    grades.values().any(|grade| *grade >= RELEVANT)
}

/// Relevant products among the first ten, always out of ten.
#[expect(clippy::cast_precision_loss, reason = "at most ten")]
pub fn precision(list: &[String], grades: &Grades) -> f64 {
    list.iter().take(K).filter(|id| is_relevant(grades, id)).count() as f64 / K as f64
}

/// One over the rank of the first relevant product, 0 without one.
#[expect(clippy::cast_precision_loss, reason = "a short list")]
pub fn reciprocal_rank(list: &[String], grades: &Grades) -> f64 {
    list.iter().position(|id| is_relevant(grades, id)).map_or(0.0, |at| 1.0 / (at + 1) as f64)
}

/// The share of the first ten that have a grade.
#[expect(clippy::cast_precision_loss, reason = "at most ten")]
pub fn judged(list: &[String], grades: &Grades) -> f64 {
    list.iter().take(K).filter(|id| grades.contains_key(*id)).count() as f64 / K as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grades() -> Grades {
        [("a", 3), ("b", 0), ("c", 1)].map(|(id, grade)| (id.to_owned(), grade)).into()
    }

    fn list(ids: &[&str]) -> Vec<String> {
        ids.iter().map(|id| (*id).to_owned()).collect()
    }

    #[test]
    fn the_best_order_scores_one_and_unknown_products_cost_only_when_they_count() {
        let best = list(&["a", "c", "b"]);
        assert_eq!(ndcg(&best, &grades(), false, Gain::Linear), Some(1.0));
        let with_unknown = list(&["x", "a", "c"]);
        assert_eq!(ndcg(&with_unknown, &grades(), true, Gain::Linear), Some(1.0));
        let expected = (3.0 / 3f64.log2() + 1.0 / 4f64.log2()) / (3.0 + 1.0 / 3f64.log2());
        let found = ndcg(&with_unknown, &grades(), false, Gain::Linear).unwrap();
        assert!((found - expected).abs() < 1e-12);
        assert_eq!(ndcg(&best, &Grades::from([("a".to_owned(), 0)]), false, Gain::Linear), None);
    }

    #[test]
    fn precision_divides_by_ten_and_the_first_relevant_rank_counts() {
        let found = list(&["b", "a"]);
        assert!((precision(&found, &grades()) - 0.1).abs() < 1e-12);
        assert!((reciprocal_rank(&found, &grades()) - 0.5).abs() < 1e-12);
        assert!((judged(&found, &grades()) - 0.2).abs() < 1e-12);
        assert!((Gain::Exponential.of(3) - 7.0).abs() < 1e-12);
    }
}
