//! What happened during a run: durations per step, and outcomes by name.

use std::{collections::BTreeMap, time::Duration};

use serde::Serialize;

/// Collected by each worker on its own and merged at the end.
#[derive(Debug, Default)]
pub struct Recorder {
    steps: Vec<(&'static str, Step)>,
    outcomes: BTreeMap<String, u64>,
}

#[derive(Debug, Default)]
struct Step {
    micros: Vec<u32>,
    failed: u64,
}

/// One step of a run in numbers. Durations are in milliseconds.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Summary {
    pub step: &'static str,
    pub succeeded: u64,
    pub failed: u64,
    pub per_second: f64,
    pub mean_ms: f64,
    pub p50_ms: f64,
    pub p90_ms: f64,
    pub p99_ms: f64,
    pub max_ms: f64,
}

impl Recorder {
    /// A step that went well.
    pub fn success(&mut self, step: &'static str, took: Duration) {
        // Over an hour reads as an hour and 11 minutes; nothing here waits so long.
        let micros = u32::try_from(took.as_micros()).unwrap_or(u32::MAX);
        self.step(step).micros.push(micros);
    }

    /// A step that did not.
    pub fn failure(&mut self, step: &'static str) {
        self.step(step).failed += 1;
    }

    /// Counts something by name.
    pub fn count(&mut self, outcome: impl Into<String>) {
        *self.outcomes.entry(outcome.into()).or_default() += 1;
    }

    /// Adds what another worker collected.
    pub fn merge(&mut self, other: Self) {
        for (name, step) in other.steps {
            let own = self.step(name);
            own.micros.extend(step.micros);
            own.failed += step.failed;
        }
        for (name, count) in other.outcomes {
            *self.outcomes.entry(name).or_default() += count;
        }
    }

    /// How often a step went well.
    pub fn successes(&self, step: &str) -> u64 {
        self.steps.iter().find(|(name, _)| *name == step).map_or(0, |(_, step)| step.micros.len() as u64)
    }

    /// How often it did not.
    pub fn failures(&self, step: &str) -> u64 {
        self.steps.iter().find(|(name, _)| *name == step).map_or(0, |(_, step)| step.failed)
    }

    pub fn outcomes(&self) -> &BTreeMap<String, u64> {
        &self.outcomes
    }

    /// Every step in the order of its first appearance.
    pub fn summaries(&mut self, elapsed: Duration) -> Vec<Summary> {
        self.steps.iter_mut().map(|(name, step)| step.summary(name, elapsed)).collect()
    }

    fn step(&mut self, name: &'static str) -> &mut Step {
        let at = self.steps.iter().position(|(known, _)| *known == name).unwrap_or_else(|| {
            self.steps.push((name, Step::default()));
            self.steps.len() - 1
        });
        &mut self.steps[at].1
    }
}

impl Step {
    fn summary(&mut self, step: &'static str, elapsed: Duration) -> Summary {
        self.micros.sort_unstable();
        let succeeded = self.micros.len() as u64;
        let total: u64 = self.micros.iter().copied().map(u64::from).sum();
        let mean = total.checked_div(succeeded).unwrap_or(0);
        let at = |percent| f64::from(percentile(&self.micros, percent)) / 1000.0;
        Summary {
            step,
            succeeded,
            failed: self.failed,
            per_second: per_second(succeeded, elapsed),
            mean_ms: f64::from(u32::try_from(mean).unwrap_or(u32::MAX)) / 1000.0,
            p50_ms: at(50),
            p90_ms: at(90),
            p99_ms: at(99),
            max_ms: at(100),
        }
    }
}

/// The smallest value that at least `percent` of the sorted values do not exceed (nearest rank); 0 without values.
pub fn percentile(sorted: &[u32], percent: usize) -> u32 {
    let rank = (sorted.len() * percent).div_ceil(100);
    sorted.get(rank.saturating_sub(1)).copied().unwrap_or(0)
}

/// How many there were per second.
#[expect(clippy::cast_precision_loss, reason = "a count of requests is far below 2^52")]
pub fn per_second(count: u64, elapsed: Duration) -> f64 {
    if elapsed.is_zero() { 0.0 } else { count as f64 / elapsed.as_secs_f64() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_by_nearest_rank() {
        let values: Vec<u32> = (1..=200).collect();
        assert_eq!([50, 90, 99, 100].map(|percent| percentile(&values, percent)), [100, 180, 198, 200]);
        assert_eq!(percentile(&[7], 50), 7);
        assert_eq!(percentile(&[], 99), 0);
    }

    #[test]
    fn workers_merge_into_one() {
        let (mut one, mut two) = (Recorder::default(), Recorder::default());
        one.success("a", Duration::from_millis(1));
        one.count("201");
        two.success("a", Duration::from_millis(3));
        two.failure("b");
        two.count("201");
        one.merge(two);
        assert_eq!(one.outcomes()["201"], 2);
        let summaries = one.summaries(Duration::from_secs(2));
        assert_eq!((summaries[0].step, summaries[0].succeeded, summaries[0].max_ms), ("a", 2, 3.0));
        assert_eq!((summaries[0].per_second, summaries[0].mean_ms), (1.0, 2.0));
        assert_eq!((summaries[1].step, summaries[1].failed), ("b", 1));
    }
}
