//! What each term of a query adds to the score of a product that has it.

use super::query::{Alternative, Group};

/// An alternative that products have.
#[derive(Clone, Debug, PartialEq)]
pub struct Weighed {
    /// Each with what one unit of its impact adds.
    pub terms: Vec<(String, f32)>,
}

/// Alternatives that stand for what was typed.
const GOOD: f32 = 0.5;

/// Weighs the ways to say one thing by how many of so many products have each term. Those that no product has are left out.
pub fn weigh(group: &Group, frequency: impl Fn(&str) -> u32, products: u32) -> Vec<Weighed> {
    let known: Vec<Known<'_>> =
        group.alternatives.iter().filter_map(|alternative| Known::of(alternative, &frequency, products)).collect();
    // The commonest good way to say it: a rare synonym of a common word does not make it important.
    let good = known.iter().filter(|known| known.alternative.weight >= GOOD);
    let mass = good.map(Known::sum).reduce(f32::min).or_else(|| known.iter().map(Known::sum).reduce(f32::min));
    known.iter().map(|known| known.weighed(mass.unwrap_or_default())).collect()
}

struct Known<'a> {
    alternative: &'a Alternative,
    rarities: Vec<f32>,
}

impl<'a> Known<'a> {
    fn of(alternative: &'a Alternative, frequency: &impl Fn(&str) -> u32, products: u32) -> Option<Self> {
        let rarity =
            |term: &String| Some(frequency(term)).filter(|found| *found > 0).map(|found| rarity(found, products));
        let rarities = alternative.terms.iter().map(rarity).collect::<Option<_>>()?;
        Some(Self { alternative, rarities })
    }

    fn sum(&self) -> f32 {
        self.rarities.iter().sum()
    }

    fn weighed(&self, mass: f32) -> Weighed {
        let scale = self.alternative.weight * mass / self.sum().max(f32::MIN_POSITIVE);
        let terms = self.alternative.terms.iter().zip(&self.rarities);
        Weighed { terms: terms.map(|(term, rarity)| (term.clone(), scale * rarity)).collect() }
    }
}

/// The inverse document frequency of BM25, never below zero.
#[expect(clippy::cast_precision_loss, reason = "counts of products")]
fn rarity(frequency: u32, products: u32) -> f32 {
    let (frequency, products) = (frequency as f32, products.max(frequency) as f32);
    (1.0 + (products - frequency + 0.5) / (frequency + 0.5)).ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alternative(terms: &[&str], weight: f32) -> Alternative {
        Alternative { terms: terms.iter().map(|term| (*term).to_owned()).collect(), weight }
    }

    #[test]
    fn a_rare_synonym_does_not_make_a_common_word_important() {
        let group = Group { alternatives: vec![alternative(&["laptop"], 1.0), alternative(&["notebook"], 0.5)] };
        let frequency = |term: &str| if term == "laptop" { 500 } else { 3 };
        let weighed = weigh(&group, frequency, 1000);
        assert!(weighed[1].terms[0].1 < weighed[0].terms[0].1);
    }

    #[test]
    fn what_no_product_has_is_left_out() {
        let group = Group { alternatives: vec![alternative(&["head", "set"], 1.0), alternative(&["headset"], 1.0)] };
        let weighed = weigh(&group, |term| u32::from(term != "set"), 10);
        assert_eq!(weighed.len(), 1);
        assert_eq!(weighed[0].terms[0].0, "headset");
    }
}
