//! Names every fault of an input at once.
//!
//! serde stops at the first fault. To name all of them, the input is read again for each: what was found faulty or missing
//! is replaced by a blank that fits whatever type is asked for, until the rest reads without an error. A good input is read
//! once.

mod blank;
mod fault;
mod probe;

use std::collections::{BTreeMap, BTreeSet};

use serde::de::DeserializeOwned;
use souk_kernel::{Detail, ErrorKind, Problem};

use fault::{Fault, Kind};
use probe::Probe;
pub(super) use probe::{Node, Query};

/// A faulty input is read at most this often, and a large one only so often that this many bytes are read in all:
/// naming faults must not become work that an attacker can order.
const MAX_READS: usize = 200;
const MAX_BYTES: usize = 2 * 1024 * 1024;

/// What has been replaced so far, by path.
#[derive(Default)]
struct Mended {
    /// Faulty or missing values and how many blanks have been tried for them.
    blanks: BTreeMap<String, usize>,
    /// Values that were missing: by the path of the object, the keys to add.
    added: BTreeMap<String, Vec<&'static str>>,
    /// Fields that nobody knows.
    dropped: BTreeSet<String>,
}

impl Mended {
    /// The blank that stands at `path` or above it.
    fn covering(&self, path: &str) -> Option<&str> {
        self.blanks.keys().find(|blank| covers(blank, path)).map(String::as_str)
    }
}

fn covers(parent: &str, path: &str) -> bool {
    path.strip_prefix(parent).is_some_and(|rest| parent.is_empty() || rest.is_empty() || rest.starts_with(['.', '[']))
}

/// `items` and `sku_id` make `items.sku_id`.
fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

/// All faults of one input, each at the path where it was found.
#[derive(Default)]
pub(super) struct Faults {
    /// Of the shape: wrong type, unknown field.
    shape: Vec<Detail>,
    /// Of values: out of range, missing, against a rule.
    value: Vec<Detail>,
    mended: Mended,
}

impl Faults {
    /// Reads `input`, which has `size` bytes, collecting faults. `None` when there were faults and no stand-in for the
    /// faulty parts was found.
    pub fn read<T: DeserializeOwned>(&mut self, input: Node<'_>, size: usize) -> Option<T> {
        for _ in 0..(MAX_BYTES / size.max(1)).clamp(1, MAX_READS) {
            match T::deserialize(Probe::new(input, &self.mended)) {
                Ok(value) => return Some(value),
                Err(fault) => {
                    if !self.mend(fault) {
                        return None;
                    }
                }
            }
        }
        None
    }

    /// Notes a fault and puts something in its place; false when nothing is left to try.
    fn mend(&mut self, fault: Fault) -> bool {
        let Fault { path, kind, message } = fault;
        let path = path.unwrap_or_default();
        if let Some(blank) = self.mended.covering(&path).map(str::to_owned) {
            let tried = self.mended.blanks.entry(blank).or_default();
            *tried += 1;
            return *tried < blank::VARIETIES;
        }
        match kind {
            Kind::Unknown(field) => {
                let path = join(&path, &field);
                self.shape.push(Detail { field: path.clone(), message });
                self.mended.dropped.insert(path)
            }
            Kind::Missing(field) => {
                let whole = join(&path, field);
                self.value.push(Detail { field: whole.clone(), message });
                self.mended.added.entry(path).or_default().push(field);
                self.mended.blanks.insert(whole, 0).is_none()
            }
            Kind::Shape | Kind::Value => {
                let list = if matches!(kind, Kind::Shape) { &mut self.shape } else { &mut self.value };
                list.push(Detail { field: path.clone(), message });
                self.mended.blanks.insert(path, 0).is_none()
            }
        }
    }

    /// Checks the rules of `T`; what stands in for a faulty value isn't blamed twice.
    pub fn check<T: garde::Validate<Context = ()>>(&mut self, value: &T) {
        let Err(report) = value.validate() else { return };
        for (path, error) in report.into_inner() {
            let path = path.to_string();
            if self.mended.covering(&path).is_none() {
                self.value.push(Detail { field: path, message: error.message().to_owned() });
            }
        }
    }

    /// Adds a fault that was found elsewhere.
    pub fn add(&mut self, field: String, message: &str) {
        self.value.push(Detail { field, message: message.to_owned() });
    }

    /// For a body: 400 `malformed` if its shape is wrong, otherwise 422 `invalid`.
    pub fn for_body(self) -> Result<(), Problem> {
        let (kind, code, message) = match (self.shape.is_empty(), self.value.is_empty()) {
            (true, true) => return Ok(()),
            (true, false) => (ErrorKind::Invalid, "invalid", "some fields are not acceptable"),
            (false, _) => (ErrorKind::Malformed, "malformed", "the request can't be read"),
        };
        let mut problem = Problem::new(kind, code, message);
        problem.details = self.shape.into_iter().chain(self.value).map(named).collect();
        Err(problem)
    }

    /// For a query: any fault is 400 `malformed`.
    pub fn for_query(self) -> Result<(), Problem> {
        self.for_body().map_err(|problem| Problem {
            kind: ErrorKind::Malformed,
            code: "malformed".into(),
            message: "some parameters are not acceptable".to_owned(),
            ..problem
        })
    }
}

/// A fault of the whole has no path; it gets a name.
fn named(mut detail: Detail) -> Detail {
    if detail.field.is_empty() {
        "body".clone_into(&mut detail.field);
    }
    detail
}
