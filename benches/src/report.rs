//! The result of a run: tables for people, JSON for programs.

use std::{collections::BTreeMap, fmt::Write as _, path::Path, time::Duration};

use serde::Serialize;

use crate::{
    error::Error,
    record::{Recorder, Summary},
};

/// Everything that a subcommand found out.
#[derive(Debug, Serialize)]
pub struct Report {
    command: &'static str,
    facts: Vec<Fact>,
    tables: Vec<Table>,
    steps: Vec<Summary>,
    outcomes: BTreeMap<String, u64>,
    checks: Vec<Check>,
}

#[derive(Debug, Serialize)]
struct Fact {
    name: String,
    value: String,
}

/// Rows of a kind that only one subcommand has.
#[derive(Debug, Serialize)]
struct Table {
    head: Vec<&'static str>,
    rows: Vec<Vec<String>>,
}

/// Something that must hold after the run.
#[derive(Debug, Serialize)]
struct Check {
    name: String,
    expected: String,
    found: String,
    holds: bool,
}

impl Report {
    pub fn new(command: &'static str) -> Self {
        Self {
            command,
            facts: Vec::new(),
            tables: Vec::new(),
            steps: Vec::new(),
            outcomes: BTreeMap::new(),
            checks: Vec::new(),
        }
    }

    /// Something worth knowing about the run.
    pub fn fact(&mut self, name: impl Into<String>, value: &(impl ToString + ?Sized)) {
        self.facts.push(Fact { name: name.into(), value: value.to_string() });
    }

    /// A table with this head.
    pub fn table(&mut self, head: &[&'static str], rows: Vec<Vec<String>>) {
        self.tables.push(Table { head: head.to_vec(), rows });
    }

    /// Adds the steps and outcomes of a part of the run that took `elapsed`.
    pub fn add(&mut self, mut recorder: Recorder, elapsed: Duration) {
        self.steps.extend(recorder.summaries(elapsed));
        for (name, count) in recorder.outcomes() {
            *self.outcomes.entry(name.clone()).or_default() += count;
        }
    }

    /// Something that must be equal.
    pub fn equal<T: PartialEq + ToString>(&mut self, name: impl Into<String>, expected: &T, found: &T) {
        let holds = expected == found;
        self.check(name, expected, found, holds);
    }

    /// Something that must hold.
    pub fn check(
        &mut self,
        name: impl Into<String>,
        expected: &(impl ToString + ?Sized),
        found: &(impl ToString + ?Sized),
        holds: bool,
    ) {
        let (expected, found) = (expected.to_string(), found.to_string());
        self.checks.push(Check { name: name.into(), expected, found, holds });
    }

    /// Whether every check holds.
    pub fn holds(&self) -> bool {
        self.checks.iter().all(|check| check.holds)
    }

    /// Writes the JSON form.
    pub fn write_json(&self, path: &Path) -> Result<(), Error> {
        let mut json = serde_json::to_vec_pretty(self).expect("a report has string keys only");
        json.push(b'\n');
        std::fs::write(path, json).map_err(Error::io(path.display().to_string()))
    }

    /// The tables, one after the other.
    pub fn tables(&self) -> String {
        let mut out = format!("souk-load {}\n", self.command);
        let facts = self.facts.iter().map(|fact| vec![fact.name.clone(), fact.value.clone()]).collect();
        table(&mut out, &[], facts);
        for Table { head, rows } in &self.tables {
            table(&mut out, head, rows.clone());
        }
        let steps = self.steps.iter().map(step_row).collect();
        table(&mut out, &["step", "ok", "failed", "per s", "mean ms", "p50 ms", "p90 ms", "p99 ms", "max ms"], steps);
        let outcomes = self.outcomes.iter().map(|(name, count)| vec![name.clone(), count.to_string()]).collect();
        table(&mut out, &["outcome", "count"], outcomes);
        let checks = self.checks.iter().map(Check::row).collect();
        table(&mut out, &["check", "expected", "found", ""], checks);
        out
    }
}

impl Check {
    fn row(&self) -> Vec<String> {
        let verdict = if self.holds { "holds" } else { "BROKEN" };
        vec![self.name.clone(), self.expected.clone(), self.found.clone(), verdict.to_owned()]
    }
}

fn step_row(step: &Summary) -> Vec<String> {
    let mut row = vec![
        step.step.to_owned(),
        step.succeeded.to_string(),
        step.failed.to_string(),
        format!("{:.0}", step.per_second),
    ];
    let durations = [step.mean_ms, step.p50_ms, step.p90_ms, step.p99_ms, step.max_ms];
    row.extend(durations.map(|milliseconds| format!("{milliseconds:.2}")));
    row
}

/// Writes rows in columns as wide as their widest cell: the first aligned left, the others right. No rows, no table.
fn table(out: &mut String, head: &[&str], rows: Vec<Vec<String>>) {
    if rows.is_empty() {
        return;
    }
    let head: Vec<String> = head.iter().map(ToString::to_string).collect();
    let lines: Vec<Vec<String>> = std::iter::once(head).filter(|head| !head.is_empty()).chain(rows).collect();
    let columns = lines.iter().map(Vec::len).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns)
        .map(|column| {
            lines.iter().filter_map(|line| line.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0)
        })
        .collect();
    out.push('\n');
    for line in lines {
        let mut text = String::new();
        for (column, cell) in line.iter().enumerate() {
            let width = widths[column];
            // Writing to a String cannot fail.
            let _ = if column == 0 { write!(text, "{cell:width$}") } else { write!(text, "  {cell:>width$}") };
        }
        out.push_str(text.trim_end());
        out.push('\n');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_line_up_and_a_broken_check_shows() {
        let mut report = Report::new("test");
        report.fact("server", "http://x");
        report.equal("orders", &2, &3);
        report.check("stock", "at most 5", &5, true);
        assert!(!report.holds());
        assert_eq!(
            report.tables(),
            "souk-load test\n\nserver  http://x\n\ncheck    expected  found\norders          2      3  BROKEN\nstock   at most 5      5   holds\n"
        );
    }
}
